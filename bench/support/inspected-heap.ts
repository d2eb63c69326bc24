import { WebSocket } from 'undici';

export interface MemoryMb {
  /** Objects alive after a full collection. */
  readonly heap: number;
  /** Buffers and the like, outside of the heap. */
  readonly external: number;
  readonly rss: number;
}

const MB = 1024 * 1024;
const ANSWER_MS = 60_000;
/** The second collection takes what finalizers of the first have set free. */
const COLLECTIONS = 2;

/** The memory of another Node process, asked through its inspector (`--inspect=127.0.0.1:0`). */
export class InspectedHeap {
  private asked = 0;
  private readonly answers = new Map<number, (result: unknown) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = membersOf(JSON.parse(String(data)));
      if (typeof id === 'number') this.answers.get(id)?.(result);
    });
  }

  /** @param stderr of the process: its inspector says there where it listens */
  static async attach(stderr: string): Promise<InspectedHeap> {
    const address = /ws:\/\/\S+/.exec(stderr)?.[0];
    if (address === undefined) throw new Error('The process was not started with --inspect');
    const socket = new WebSocket(address);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true });
      socket.addEventListener('error', () => reject(new Error('The inspector does not answer')), {
        once: true,
      });
    });
    return new InspectedHeap(socket);
  }

  /** Collects all garbage first. */
  async measure(): Promise<MemoryMb> {
    for (let done = 0; done < COLLECTIONS; done += 1) await this.ask('HeapProfiler.collectGarbage');
    const answer = membersOf(
      await this.ask('Runtime.evaluate', { expression: 'process.memoryUsage()', returnByValue: true }),
    );
    const { heapUsed, external, rss } = membersOf(membersOf(answer['result'])['value']);
    return { heap: Number(heapUsed) / MB, external: Number(external) / MB, rss: Number(rss) / MB };
  }

  close(): void {
    this.socket.close();
  }

  private async ask(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.asked;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`No answer to ${method}`)), ANSWER_MS);
        this.answers.set(id, resolve);
        this.socket.send(JSON.stringify({ id, method, params }));
      });
    } finally {
      clearTimeout(timer);
      this.answers.delete(id);
    }
  }
}

const membersOf = (value: unknown): Partial<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
