/** One acceptance as its client saw it. Times are ms of one monotonic clock. */
export interface SeenAcceptance {
  readonly name: string;
  readonly seq: number;
  /** No later than the moment at which the request left. */
  readonly sentAt: number;
  /** No earlier than the moment at which the `202` came. */
  readonly answeredAt: number;
}

export interface OrderVerdict {
  /** Pairs of which one was answered before the other was sent. */
  readonly pairs: number;
  /** At most 20, in words. */
  readonly violations: readonly string[];
}

/**
 * A2's real-time clause: where one client's `202` arrived before another's request was sent, the first has the
 * smaller number; and no number is given twice. In O(n log n): going through the requests in the order in which
 * they were sent, each must have a number above the highest that had been answered by then.
 */
export function judgeRealTimeOrder(acceptances: readonly SeenAcceptance[]): OrderVerdict {
  const violations: string[] = [];
  const bySent = [...acceptances].sort((a, b) => a.sentAt - b.sentAt);
  const byAnswer = [...acceptances].sort((a, b) => a.answeredAt - b.answeredAt);
  let answered = 0;
  let highest: SeenAcceptance | undefined;
  let pairs = 0;
  for (const later of bySent) {
    for (
      let next = byAnswer[answered];
      next !== undefined && next.answeredAt < later.sentAt;
      next = byAnswer[answered]
    ) {
      if (highest === undefined || next.seq > highest.seq) highest = next;
      answered += 1;
    }
    pairs += answered;
    if (highest !== undefined && highest.seq >= later.seq) {
      violations.push(
        `${highest.name} was answered with number ${highest.seq} before ${later.name} was sent, which got ${later.seq}`,
      );
    }
  }
  return { pairs, violations: [...violations, ...repeated(acceptances)].slice(0, 20) };
}

function repeated(acceptances: readonly SeenAcceptance[]): string[] {
  const owners = new Map<number, string>();
  return acceptances.flatMap(({ seq, name }) => {
    const owner = owners.get(seq);
    owners.set(seq, name);
    return owner === undefined ? [] : [`number ${seq} was given to ${owner} and to ${name}`];
  });
}
