import { createHash } from 'node:crypto';

/**
 * What Redis does in one step. All keys of a call are of one type of job, so in one slot of a cluster. A script that
 * moves a job removes it first: then it may write where memory is full, for it does not add to what is there.
 */
export interface Script {
  readonly body: string;
  readonly sha: string;
}

export function script(...parts: readonly string[]): Script {
  const body = parts.join('\n');
  return { body, sha: createHash('sha1').update(body).digest('hex') };
}

/** Ms by the clock of the server, the only clock that counts. */
export const NOW = `
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end`;

/** Wakes consumers that wait: something has a new time, or goes on. */
export const WAKE = `
local function wake(key)
  redis.call('XADD', key, 'MAXLEN', 1, '*', 'w', 1)
end`;

/**
 * An entry is m (message), and where they are not 0: f (failures so far), c (crashes so far), p (its priority, on the
 * stream of what is begun again).
 */
export const ENTRY = `
local function parse(fields)
  local entry = {}
  for i = 1, #fields, 2 do entry[fields[i]] = fields[i + 1] end
  return entry
end
local function add(stream, entry)
  local fields = {'m', entry.m}
  for _, name in ipairs({'f', 'c', 'p'}) do
    if entry[name] and tonumber(entry[name]) > 0 then
      fields[#fields + 1] = name
      fields[#fields + 1] = entry[name]
    end
  end
  redis.call('XADD', stream, '*', unpack(fields))
end`;

/** A consumer that has lost an entry to another one must not move it. */
export const OWN = `
local function own(stream, group, consumer, id)
  local pending = redis.pcall('XPENDING', stream, group, id, id, 1, consumer)
  if pending.err or #pending == 0 then return nil end
  local found = redis.call('XRANGE', stream, id, id)[1]
  return found and found[2]
end
local function drop(stream, group, id)
  redis.call('XACK', stream, group, id)
  redis.call('XDEL', stream, id)
end`;

/** Puts an entry back to be served first, the first stream being that of what is begun again. */
export const BACK = `
local function back(index, group, id, fields, crashes)
  local entry = parse(fields)
  entry.p = entry.p or index
  entry.c = (tonumber(entry.c) or 0) + crashes
  drop(KEYS[index], group, id)
  add(KEYS[1], entry)
end`;

/** Acknowledges and removes what is done, whoever has it now: the ids from one position of ARGV to another. */
export const FINISHED = `
local function finished(stream, group, first, last)
  redis.pcall('XACK', stream, group, unpack(ARGV, first, last))
  redis.call('XDEL', stream, unpack(ARGV, first, last))
end`;
