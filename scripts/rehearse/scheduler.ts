interface Entry {
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Stops a planned call; harmless afterwards. */
export type Cancel = () => void;

/** What is due first runs first, all from one timer: a hundred thousand clients do not need as many. */
export class Scheduler {
  private readonly heap: Entry[] = [];
  private timer: NodeJS.Timeout | null = null;
  private timerDue = Infinity;
  private count = 0;
  private stopped = false;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Runs `run` once, no earlier than in `ms`. */
  after(ms: number, run: () => void): Cancel {
    const entry: Entry = { due: this.now() + Math.max(0, ms), order: this.count++, run, cancelled: false };
    this.push(entry);
    if (entry.due < this.timerDue) this.arm();
    return () => {
      entry.cancelled = true;
    };
  }

  /** Resolves in `ms`; never after `stop`. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Nothing runs any more. */
  stop(): void {
    this.stopped = true;
    this.heap.length = 0;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private arm(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const next = this.heap[0];
    this.timerDue = next?.due ?? Infinity;
    this.timer =
      next === undefined || this.stopped ? null : setTimeout(() => this.tick(), next.due - this.now());
  }

  private tick(): void {
    this.timer = null;
    const until = this.now();
    for (let next = this.heap[0]; next !== undefined && next.due <= until; next = this.heap[0]) {
      this.pop();
      if (!next.cancelled) next.run();
    }
    this.timerDue = Infinity;
    this.arm();
  }

  private push(entry: Entry): void {
    let at = this.heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private pop(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const least = right < this.heap.length && this.before(right, left) ? right : left;
      if (least >= this.heap.length || !this.before(least, at)) return;
      this.swap(at, least);
      at = least;
    }
  }

  private before(a: number, b: number): boolean {
    const [first, second] = [this.heap[a], this.heap[b]];
    if (first === undefined || second === undefined) return false;
    return first.due === second.due ? first.order < second.order : first.due < second.due;
  }

  private swap(a: number, b: number): void {
    const [first, second] = [this.heap[a], this.heap[b]];
    if (first === undefined || second === undefined) return;
    this.heap[a] = second;
    this.heap[b] = first;
  }
}
