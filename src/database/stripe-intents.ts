import type { Database } from './database.js';

/** What is known of an attempt's intent at Stripe. */
export interface KnownIntent {
  /** Null where there is none, and there will be none. */
  readonly intentId: string | null;
  /** No money moves under this key any more. */
  readonly closed: boolean;
  /** Why it was closed, as the customer is told; null for one that was voided. */
  readonly refusal: string | null;
}

interface Row {
  intent_id: string | null;
  closed: boolean;
  refusal: string | null;
}

const COLUMNS = 'intent_id, closed, refusal';
const FIND_ALL = {
  name: 'stripe_intent_find_all',
  text: 'select key, intent_id from stripe_intent where key = any($1::text[])',
};
const FIND = { name: 'stripe_intent_find', text: `select ${COLUMNS} from stripe_intent where key = $1` };
// The update on conflict changes nothing; it makes the row of whoever came first come back, in one statement.
const REMEMBER = {
  name: 'stripe_intent_remember',
  text: `insert into stripe_intent as i (key, intent_id, closed, refusal) values ($1, $2, $3, $4)
    on conflict (key) do update set key = i.key returning ${COLUMNS}`,
};
const INTEND = {
  name: 'stripe_intent_intend',
  text: `update stripe_intent set intended_refusal = $2
    where key = $1 and not closed and intended_refusal is null`,
};
const CLOSE = {
  name: 'stripe_intent_close',
  text: `update stripe_intent set closed = true,
      refusal = case when closed then refusal else coalesce(intended_refusal, $2) end
    where key = $1 returning ${COLUMNS}`,
};

/** Our own record of which intent stands for which attempt. Whoever comes first decides; all others read that. */
export class StripeIntents {
  constructor(private readonly db: Database) {}

  async find(key: string): Promise<KnownIntent | null> {
    const [row] = await this.db.call<Row>(FIND, [key]);
    return row === undefined ? null : known(row);
  }

  /** The intents that count, by the keys of their attempts. */
  async idsOf(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    const rows = await this.db.call<{ key: string; intent_id: string | null }>(FIND_ALL, [keys]);
    return new Map(rows.map(({ key, intent_id }) => [key, intent_id]));
  }

  /** Writes what is not known yet; gives what is known from then on. */
  async remember(key: string, { intentId, closed, refusal }: KnownIntent): Promise<KnownIntent> {
    return only(await this.db.call<Row>(REMEMBER, [key, intentId, closed, refusal]));
  }

  /** Before the intent is given up because of a refusal: whoever closes it, that is the reason. The first one stays. */
  async intend(key: string, refusal: string): Promise<void> {
    await this.db.call(INTEND, [key, refusal]);
  }

  /**
   * No money will move under the key. A reason that was intended comes before the one given, and the first close
   * decides. @throws Error where the key is not known
   */
  async close(key: string, refusal: string | null): Promise<KnownIntent> {
    return only(await this.db.call<Row>(CLOSE, [key, refusal]));
  }
}

const known = ({ intent_id, closed, refusal }: Row): KnownIntent => ({
  intentId: intent_id,
  closed,
  refusal,
});

function only([row]: readonly Row[]): KnownIntent {
  if (row === undefined) throw new Error('This key has no row in stripe_intent');
  return known(row);
}
