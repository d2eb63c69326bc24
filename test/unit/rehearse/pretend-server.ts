import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { BookingState } from '../../../src/booking/booking.js';
import { freePort } from '../../../src/database/embedded/free-port.js';

/** What the pretended server does wrong. */
export type Fault =
  | 'numbers run backwards'
  | 'positions rise'
  | 'duplicates get another answer'
  | 'a settled booking changes'
  | 'versions are ignored'
  | 'tickets are held back'
  | 'an internal error'
  | 'somebody is left waiting'
  | 'an invariant is broken';

interface Row {
  readonly id: string;
  readonly seq: number;
  state: BookingState;
  heldUntil: number;
  reads: number;
  settledReads: number;
}

/** A line in memory, served over HTTP as the application serves it, so that the judge itself can be judged. */
export class PretendServer {
  private readonly rows = new Map<string, Row>();
  private readonly byKey = new Map<string, string>();
  private version = 0;
  private server: Server | null = null;
  private capacity = 0;
  private holdMs = 1000;
  private failed = false;
  origin = '';

  constructor(private readonly fault: Fault | null) {}

  async start(): Promise<void> {
    const port = await freePort();
    this.server = createServer((request, response) => void this.serve(request, response));
    await new Promise<void>((resolve) => this.server?.listen(port, '127.0.0.1', resolve));
    this.origin = `http://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body: Record<string, unknown> =
      text === '' ? {} : Object.fromEntries(Object.entries(JSON.parse(text)));
    const { status, answer } = this.answer(request, body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  private answer(
    request: IncomingMessage,
    body: Record<string, unknown>,
  ): { status: number; answer: unknown } {
    const url = new URL(request.url ?? '/', 'http://pretend');
    const [, , thing, id = '', verb = ''] = url.pathname.split('/');
    this.move();
    if (thing === 'offers') return this.offer(body);
    if (thing === 'admin') return { status: 200, answer: this.invariants() };
    if (id === '') return this.accept(String(request.headers['idempotency-key']));
    const row = this.rows.get(id);
    if (row === undefined) return { status: 404, answer: { code: 'BOOKING_NOT_FOUND' } };
    if (request.method === 'DELETE') return this.leave(row);
    if (verb === 'payment') return this.pay(row, String(body['paymentMethod']));
    return { status: 200, answer: this.snapshot(row) };
  }

  private offer(body: Record<string, unknown>): { status: number; answer: unknown } {
    this.capacity = Number(body['capacity']);
    this.holdMs = Number(body['holdSeconds']) * 1000;
    return { status: 201, answer: { id: 'offer' } };
  }

  private accept(key: string): { status: number; answer: unknown } {
    if (this.fault === 'an internal error' && !this.failed) {
      this.failed = true;
      return { status: 500, answer: { code: 'INTERNAL' } };
    }
    const known = this.byKey.get(key);
    const known_ = known === undefined ? undefined : this.rows.get(known);
    const row = known_ ?? this.add(key);
    const salt = this.fault === 'duplicates get another answer' && known !== undefined ? 1 : 0;
    const answer = {
      bookingId: row.id,
      seq: row.seq,
      position: row.seq + salt,
      version: row.seq,
      token: 't',
    };
    return { status: 202, answer: { ...answer, state: 'waiting' } };
  }

  private add(key: string): Row {
    this.version += 1;
    const number = this.rows.size + 1;
    const seq = this.fault === 'numbers run backwards' ? 1000 - number : number;
    const row: Row = { id: `b${number}`, seq, state: 'waiting', heldUntil: 0, reads: 0, settledReads: 0 };
    this.rows.set(row.id, row);
    this.byKey.set(key, row.id);
    return row;
  }

  private leave(row: Row): { status: number; answer: unknown } {
    if (row.state !== 'waiting' && row.state !== 'held')
      return { status: 409, answer: { code: 'ALREADY_SETTLED' } };
    this.become(row, 'cancelled');
    return { status: 200, answer: this.snapshot(row) };
  }

  private pay(row: Row, method: string): { status: number; answer: unknown } {
    if (row.state !== 'held') return { status: 409, answer: { code: 'NOT_HELD' } };
    this.become(row, 'paying');
    const answer = this.snapshot(row);
    this.become(row, method === 'pm_ok' ? 'confirmed' : 'held');
    return { status: 202, answer };
  }

  /** Lets time do its work: holds end, the next are held, what is sold for good ends the line. */
  private move(): void {
    const rows = [...this.rows.values()].sort((a, b) => a.seq - b.seq);
    for (const row of rows)
      if (row.state === 'held' && Date.now() > row.heldUntil) this.become(row, 'expired');
    const stock = this.fault === 'tickets are held back' ? this.capacity - 1 : this.capacity;
    let free = stock - rows.filter(({ state }) => state === 'held' || state === 'confirmed').length;
    const final = rows.filter(({ state }) => state === 'confirmed').length;
    for (const row of rows) {
      if (row.state !== 'waiting') continue;
      if (this.fault === 'somebody is left waiting' && row.seq === 3) continue;
      if (final >= stock) this.become(row, 'sold_out');
      else if (free > 0) {
        free -= 1;
        row.heldUntil = Date.now() + this.holdMs;
        this.become(row, 'held');
      }
    }
  }

  private become(row: Row, state: BookingState): void {
    row.state = state;
    this.version += 1;
  }

  private snapshot(row: Row): unknown {
    row.reads += 1;
    const waits = row.state === 'waiting';
    const before = [...this.rows.values()].filter(
      ({ state, seq }) => state === 'waiting' && seq < row.seq,
    ).length;
    const rise = this.fault === 'positions rise' ? row.reads + 50 : 0;
    const settled = ['confirmed', 'sold_out', 'expired', 'cancelled'].includes(row.state);
    if (settled) row.settledReads += 1;
    const changed = this.fault === 'a settled booking changes' && row.settledReads > 1;
    return {
      bookingId: row.id,
      seq: row.seq,
      state: changed ? 'cancelled' : row.state,
      reason: null,
      position: waits ? before + 1 + rise : null,
      version: this.fault === 'versions are ignored' && row.reads > 1 ? 0 : this.version,
      progress: row.state === 'confirmed' ? 100 : 0,
      deadline: row.state === 'held' ? new Date(row.heldUntil).toISOString() : null,
      serverTime: new Date().toISOString(),
      ticketCodes: row.state === 'confirmed' ? [`ticket-${row.id}`] : [],
    };
  }

  private invariants(): unknown {
    const names = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7'];
    const ok = this.fault !== 'an invariant is broken';
    return {
      ok,
      invariants: Object.fromEntries(names.map((name) => [name, { ok, checked: 1, violations: [] }])),
    };
  }
}
