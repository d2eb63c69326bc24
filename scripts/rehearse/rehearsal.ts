import { randomBytes } from 'node:crypto';
import { bookingsOf, checkInvariants, INVARIANTS, RULES } from '../ledger-check.js';
import { Cast } from './cast.js';
import { deadlineSeconds } from './deadline.js';
import { Operator } from './operator.js';
import type { Options } from './options.js';
import { Progress, type Screen } from './progress.js';
import { report, type Report } from './report.js';
import { saleOf, type Sale } from './sale.js';
import type { Stage } from './stage.js';
import {
  judgeBoard,
  judgeEnds,
  judgeOrder,
  judgeOutage,
  judgeSeen,
  verdict,
  type Verdict,
} from './verdict.js';

export interface Ending {
  readonly report: Report;
  readonly verdicts: readonly Verdict[];
}

/** Share of the units in hand when the broker is killed. */
const FULL_SWING = 0.2;

const sold = ({ customers }: Cast, sale: Sale): number =>
  customers.reduce(
    (sum, { watch, plan }) => sum + (watch.shown?.state === 'confirmed' ? sale.unitsOf(plan) : 0),
    0,
  );

/**
 * Plays one on-sale on a stage and judges it. Leaves the stage as it is.
 * @throws the signal's reason; Error where the server cannot be asked or the ledger not be read
 */
export async function rehearse(
  options: Options,
  stage: Stage,
  out: Screen,
  signal: AbortSignal,
): Promise<Ending> {
  const run = `r${randomBytes(5).toString('hex')}`;
  const sale = saleOf(options, `rehearsal-${run}`);
  const operator = new Operator(stage.origins[0] ?? '', stage.token);
  const { stock } = options;
  const offerId = await operator.createOffer(sale.offer);
  const cast = new Cast(options, stage, { run, sale });
  const progress = new Progress(out, () => ({
    seconds: (performance.now() - cast.startedAt) / 1000,
    customers: cast.customers,
    stock,
    answers: cast.http.answers,
    kills: stage.losses().workers + stage.losses().apis + stage.losses().brokers,
  }));
  try {
    progress.start();
    stage.startKilling(() => sold(cast, sale) >= Math.max(1, stock * FULL_SWING));
    const quiet = await cast.play(deadlineSeconds(options) * 1000, signal);
    const endedAt = performance.now();
    await stage.stopKilling();
    progress.stop();
    if (!quiet) progress.say('Not everybody came to an end in time.');
    const given = await cast.lastLook();
    const verdicts = [
      ...(await invariants(stage, operator)),
      judgeBoard(
        cast.everyone,
        given,
        stage.databaseUrl === null ? null : await bookingsOf(stage.databaseUrl, offerId),
      ),
      judgeOrder(cast.everyone),
      judgeSeen(cast.everyone),
      ...judgeEnds(cast.customers, stage.losses().crashes, cast.surprises),
      sale.judge(cast.customers),
      ...(options.killBroker ? [judgeOutage(stage.losses().brokers)] : []),
    ];
    const { customers, startedAt, http } = cast;
    const { workers, apis, brokers } = stage.losses();
    const figures = { customers, stock, sale, seed: options.seed, startedAt, endedAt, verdicts };
    const kills = { workers, apis, brokers };
    return {
      report: report({ ...figures, answers: cast.answersWhenQuiet, repeats: http.repeats, kills }),
      verdicts,
    };
  } finally {
    progress.stop();
    await cast.close();
  }
}

async function invariants(stage: Stage, operator: Operator): Promise<Verdict[]> {
  if (stage.databaseUrl === null) return operator.invariants();
  const found = await checkInvariants(stage.databaseUrl);
  return INVARIANTS.map((name) => {
    const { ok, checked, violations } = found[name];
    return verdict(
      name,
      RULES[name],
      `${checked} checked`,
      ok ? [] : [...violations, ...(violations.length > 0 ? [] : ['broken'])],
    );
  });
}
