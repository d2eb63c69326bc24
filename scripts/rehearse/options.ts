import { parseArgs } from 'node:util';

/** What is sold. */
const KINDS = ['ticket', 'hotel'] as const;
/** Technologies that carry the jobs; `bullmq` is on PostgreSQL, the default of the application. */
const QUEUES = ['bullmq', 'bullmq-redis', 'streams', 'kafka'] as const;

export interface Options {
  readonly kind: (typeof KINDS)[number];
  /** Of a hotel, each night. */
  readonly rooms: number;
  readonly nights: number;
  readonly clients: number;
  /** Tickets, or rooms by night. */
  readonly stock: number;
  readonly noShow: number;
  readonly decline: number;
  readonly leave: number;
  readonly duplicate: number;
  readonly sockets: number;
  readonly prepaid: number;
  readonly holdSeconds: number;
  /** Work added to the five steps; null: none. */
  readonly stepSeconds: readonly number[] | null;
  readonly apis: number;
  readonly workers: number;
  readonly killWorkers: boolean;
  readonly killApis: boolean;
  readonly queue: (typeof QUEUES)[number];
  /** Once, in the middle of the sale. */
  readonly killBroker: boolean;
  readonly seed: number;
  /** Null: bounded by what the crowd needs. */
  readonly timeoutSeconds: number | null;
  /** A server that is there already, with an operator's token; null: starts its own. */
  readonly server: { readonly url: string; readonly token: string } | null;
  readonly keep: boolean;
  readonly json: boolean;
}

/** All mistakes of a command line, in one message. */
export class UsageError extends Error {
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.map((mistake) => `  - ${mistake}`).join('\n'));
    this.name = 'UsageError';
  }
}

export const USAGE = `npm run rehearse -- [options]
  --clients N        customers (5000)             --stock N          tickets (500)
  --kind NAME        ticket, or hotel: overlapping stays (ticket)
  --rooms N          rooms of the hotel (40)      --nights N         nights on sale (30)
  --no-show SHARE    never pay (0.2)              --decline SHARE    declined at first (0.05)
  --leave SHARE      leave the line (0.05)        --duplicate SHARE  send the request twice at once (0.05)
  --sockets SHARE    follow by socket (0.2)       --prepaid SHARE    pay up front (0; 0.5 in a hotel)
  --hold-seconds N   time to pay (5)              --step-seconds A,B,C,D,E  work added to the five steps
  --apis N           api processes (1; 2 with --kill-apis)
  --workers N        worker processes (1; 4 with --kill-workers)
  --kill-workers     kill one worker each second  --kill-apis        kill one api process each second
  --queue NAME       bullmq (on PostgreSQL), bullmq-redis, streams or kafka, on a broker of its own (bullmq)
  --kill-broker      kill the broker in the middle, and start it again
  --seed N           repeat a crowd               --timeout N        seconds before it gives up
  --url URL --token JWT   a running server and an operator's token, instead of processes of its own
  --keep             leave the temporary folder   --json             one JSON document as the last output`;

const FLAGS = {
  clients: { type: 'string' },
  stock: { type: 'string' },
  kind: { type: 'string' },
  rooms: { type: 'string' },
  nights: { type: 'string' },
  'no-show': { type: 'string' },
  decline: { type: 'string' },
  leave: { type: 'string' },
  duplicate: { type: 'string' },
  sockets: { type: 'string' },
  prepaid: { type: 'string' },
  'hold-seconds': { type: 'string' },
  'step-seconds': { type: 'string' },
  apis: { type: 'string' },
  workers: { type: 'string' },
  'kill-workers': { type: 'boolean' },
  'kill-apis': { type: 'boolean' },
  queue: { type: 'string' },
  'kill-broker': { type: 'boolean' },
  seed: { type: 'string' },
  timeout: { type: 'string' },
  url: { type: 'string' },
  token: { type: 'string' },
  keep: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** Options that mean nothing for a server that is there already. */
const OWN_PROCESSES = [
  ...(['apis', 'workers', 'kill-apis', 'kill-workers', 'queue', 'kill-broker'] as const),
  ...(['step-seconds', 'keep'] as const),
];

type Given = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values'];

/**
 * @throws UsageError with every mistake at once.
 * @param freshSeed the seed where none is named
 */
export function parseOptions(argv: readonly string[], freshSeed: number): Options {
  const given = parse(argv);
  const mistakes: string[] = [];
  const whole = (
    name: string,
    value: string | undefined,
    fallback: number,
    min: number,
    max: number,
  ): number => {
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    mistakes.push(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`);
    return fallback;
  };
  const share = (name: string, value: string | undefined, fallback: number): number => {
    const number = value === undefined ? fallback : Number(value);
    if (value !== '' && number >= 0 && number <= 1) return number;
    mistakes.push(`--${name} must be a number from 0 to 1, not ${JSON.stringify(value)}`);
    return fallback;
  };
  const kind = oneOf('kind', KINDS, given.kind, 'ticket', mistakes);
  const rooms = whole('rooms', given.rooms, 40, 2, 10_000);
  const nights = whole('nights', given.nights, 30, 1, 330);
  const stock = whole('stock', given.stock, 500, 1, 1_000_000);
  const options: Options = {
    ...{ kind, rooms, nights, stock: kind === 'hotel' ? rooms * nights : stock },
    clients: whole('clients', given.clients, 5000, 1, 200_000),
    noShow: share('no-show', given['no-show'], 0.2),
    decline: share('decline', given.decline, 0.05),
    leave: share('leave', given.leave, 0.05),
    duplicate: share('duplicate', given.duplicate, 0.05),
    sockets: share('sockets', given.sockets, 0.2),
    prepaid: share('prepaid', given.prepaid, kind === 'hotel' ? 0.5 : 0),
    holdSeconds: whole('hold-seconds', given['hold-seconds'], 5, 1, 3600),
    stepSeconds: stepSeconds(given['step-seconds'], mistakes),
    apis: whole('apis', given.apis, given['kill-apis'] === true ? 2 : 1, 1, 16),
    workers: whole('workers', given.workers, given['kill-workers'] === true ? 4 : 1, 1, 16),
    killWorkers: given['kill-workers'] === true,
    killApis: given['kill-apis'] === true,
    queue: oneOf('queue', QUEUES, given.queue, 'bullmq', mistakes),
    killBroker: given['kill-broker'] === true,
    seed: whole('seed', given.seed, freshSeed, 0, 4294967295),
    timeoutSeconds: given.timeout === undefined ? null : whole('timeout', given.timeout, 600, 1, 86_400),
    server: server(given, mistakes),
    keep: given.keep === true,
    json: given.json === true,
  };
  if (options.noShow + options.decline + options.leave > 1.000001) {
    mistakes.push('--no-show, --decline and --leave are different customers: together at most 1');
  }
  const ofTheOther = kind === 'hotel' ? (['stock'] as const) : (['rooms', 'nights'] as const);
  for (const name of ofTheOther) {
    if (given[name] !== undefined) mistakes.push(`--${name} is not for --kind ${kind}`);
  }
  if (mistakes.length > 0) throw new UsageError(mistakes);
  return options;
}

function parse(argv: readonly string[]): Given {
  try {
    return parseArgs({ args: [...argv], options: FLAGS }).values;
  } catch (error) {
    throw new UsageError([error instanceof Error ? error.message : String(error)]);
  }
}

function oneOf<Name extends string>(
  option: string,
  names: readonly Name[],
  value: string | undefined,
  fallback: Name,
  mistakes: string[],
): Name {
  const found = names.find((name) => name === (value ?? fallback));
  if (found === undefined) {
    mistakes.push(`--${option} must be one of ${names.join(', ')}, not ${JSON.stringify(value)}`);
  }
  return found ?? fallback;
}

function stepSeconds(value: string | undefined, mistakes: string[]): readonly number[] | null {
  if (value === undefined) return null;
  const list = value.split(',').map((item) => (item.trim() === '' ? Number.NaN : Number(item)));
  if (list.length === 5 && list.every((seconds) => seconds >= 0 && seconds <= 60)) return list;
  mistakes.push('--step-seconds must be five numbers from 0 to 60, separated by commas');
  return null;
}

function server(given: Given, mistakes: string[]): Options['server'] {
  const { url, token } = given;
  if (url === undefined && token === undefined) return null;
  if (url === undefined || token === undefined) mistakes.push('--url and --token belong together');
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    mistakes.push('--url must begin with http:// or https://');
  }
  for (const name of OWN_PROCESSES) {
    if (given[name] !== undefined) mistakes.push(`--${name} is for processes of its own, not for --url`);
  }
  return { url: (url ?? '').replace(/\/+$/, ''), token: token ?? '' };
}
