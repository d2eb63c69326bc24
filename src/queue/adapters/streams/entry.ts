import { SERVED } from './keys.js';

/** A job as it was delivered by a stream. */
export interface Entry {
  /** Position of its stream in `SERVED`, counted from 1. */
  readonly position: number;
  readonly id: string;
  /** The message, as published. */
  readonly body: string;
  readonly failures: number;
  /** Consumers that crashed with it. */
  readonly crashes: number;
}

export interface Taken {
  readonly state: 'ok' | 'paused' | 'limited';
  /** Ms until something delayed is due, or the rate limit lets more through; -1: nothing. */
  readonly waitMs: number;
  readonly entries: readonly Entry[];
  /** Last ids of the streams to wait on; none where there may be more to take at once. */
  readonly tops: readonly string[];
}

const isList = (raw: unknown): raw is readonly unknown[] => Array.isArray(raw);
const listOf = (raw: unknown): readonly unknown[] => (isList(raw) ? raw : []);

/** @throws Error where the script has not answered as it does */
export function readTaken(raw: unknown): Taken {
  const [state, waitMs, lines, tops] = listOf(raw);
  if (state !== 'ok' && state !== 'paused' && state !== 'limited') throw new Error('NOT_AN_ANSWER');
  return {
    state,
    waitMs: Number(waitMs),
    entries: lines === '' ? [] : String(lines).split('\n').map(readEntry),
    tops: listOf(tops).map(String),
  };
}

function readEntry(line: string): Entry {
  const id = line.indexOf(' ') + 1;
  const failures = line.indexOf(' ', id) + 1;
  const crashes = line.indexOf(' ', failures) + 1;
  const body = line.indexOf(' ', crashes) + 1;
  return {
    position: Number(line.slice(0, id)),
    id: line.slice(id, failures - 1),
    failures: Number(line.slice(failures, crashes)),
    crashes: Number(line.slice(crashes, body)),
    body: line.slice(body),
  };
}

/** Numbers of a script's answer. */
export const numbers = (raw: unknown): number[] => listOf(raw).map(Number);

/** Lists of numbers of a script's answer. */
export const lists = (raw: unknown): number[][] => listOf(raw).map(numbers);

export interface StreamLook {
  readonly length: number;
  readonly pending: number;
  readonly consumers: readonly { readonly name: string; readonly pending: number; readonly idleMs: number }[];
}
export interface Look {
  /** In the order of `SERVED`. */
  readonly streams: readonly StreamLook[];
  readonly delayed: number;
  readonly dead: number;
  readonly workers: number;
}

export function readLook(raw: unknown): Look {
  const [streams, delayed, dead, workers] = listOf(raw);
  const looks = listOf(streams).map((stream): StreamLook => {
    const [length, pending, consumers] = listOf(stream);
    return {
      length: Number(length),
      pending: Number(pending),
      consumers: listOf(consumers).map((consumer) => {
        const [name, held, idle] = listOf(consumer);
        return { name: String(name), pending: Number(held), idleMs: Number(idle) };
      }),
    };
  });
  if (looks.length !== SERVED.length) throw new Error('NOT_AN_ANSWER');
  return { streams: looks, delayed: Number(delayed), dead: Number(dead), workers: Number(workers) };
}
