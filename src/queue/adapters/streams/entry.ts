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
  const [state, waitMs, entries, tops] = listOf(raw);
  if (state !== 'ok' && state !== 'paused' && state !== 'limited') throw new Error('NOT_AN_ANSWER');
  return {
    state,
    waitMs: Number(waitMs),
    entries: listOf(entries).map(readEntry),
    tops: listOf(tops).map(String),
  };
}

function readEntry(raw: unknown): Entry {
  const [position, id, fields] = listOf(raw);
  const list = listOf(fields);
  const entry = { position: Number(position), id: String(id) };
  // the fields of almost every entry: the message alone
  if (list.length === 2 && list[0] === 'm')
    return { ...entry, body: String(list[1]), failures: 0, crashes: 0 };
  const field = (name: string): string => {
    const at = list.indexOf(name);
    return at < 0 || at % 2 !== 0 ? '' : String(list[at + 1]);
  };
  return { ...entry, body: field('m'), failures: Number(field('f')) || 0, crashes: Number(field('c')) || 0 };
}

/** Numbers of a script's answer. */
export const numbers = (raw: unknown): number[] => listOf(raw).map(Number);

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
