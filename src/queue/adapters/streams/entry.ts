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
  const [state, waitMs, texts, tops] = listOf(raw);
  if (state !== 'ok' && state !== 'paused' && state !== 'limited') throw new Error('NOT_AN_ANSWER');
  return {
    state,
    waitMs: Number(waitMs),
    entries: listOf(texts).flatMap((text, index) => readEntries(index + 1, String(text))),
    tops: listOf(tops).map(String),
  };
}

/** Two lines for each. */
function readEntries(position: number, text: string): Entry[] {
  const entries: Entry[] = [];
  const lines = text === '' ? [] : text.split('\n');
  for (let at = 0; at < lines.length; at += 2) {
    const [head = '', body = ''] = [lines[at], lines[at + 1]];
    const isFresh = !head.includes(' ');
    const [id = '', failures, crashes] = isFresh ? [head, 0, 0] : head.split(' ');
    entries.push({ position, id, body, failures: Number(failures), crashes: Number(crashes) });
  }
  return entries;
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
