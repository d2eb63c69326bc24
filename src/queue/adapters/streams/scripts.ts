import { BACK, ENTRY, FINISHED, NOW, OWN, script, WAKE } from './lua.js';

/**
 * Publishes a batch, all of it or nothing.
 * KEYS again, high, normal, low, delayed, wake
 * ARGV for each job: position of its stream, delay in ms, message
 */
export const PUBLISH = script(
  NOW,
  WAKE,
  `
local time = now()
local isLate = false
for i = 1, #ARGV, 3 do
  local delay = tonumber(ARGV[i + 1])
  if delay > 0 then
    isLate = true
    redis.call('ZADD', KEYS[5], time + delay, ARGV[i] .. ':0:0:' .. ARGV[i + 2])
  else
    redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'm', ARGV[i + 2])
  end
end
if isLate then wake(KEYS[6]) end`,
);

/**
 * Acknowledges what is done, moves what is due to its stream, and takes jobs by priority.
 * KEYS again, high, normal, low, delayed, paused, rate, wake
 * ARGV group, consumer, most jobs, rate limit (0: none) and its ms, how many are done of each of the four streams,
 *   their ids
 * returns state (ok, paused, limited), ms until something is due (-1: nothing), a text for each stream with two lines
 *   for a job (its id, followed by failures and crashes where it has had any; its message: one long text is made and
 *   read faster than many short ones), the last ids of the streams and of wake, where fewer jobs than asked for were
 *   there; of wake alone, where the state is another than ok
 */
export const TAKE = script(
  NOW,
  ENTRY,
  FINISHED,
  `
local group, consumer, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit, window = tonumber(ARGV[4]), tonumber(ARGV[5])
local function top(key)
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return last and last[1] or '0-0'
end
local first = 10
for i = 1, 4 do
  local after = first + tonumber(ARGV[5 + i])
  if after > first then finished(KEYS[i], group, first, after - 1) end
  first = after
end
if redis.call('EXISTS', KEYS[6]) == 1 then return {'paused', -1, {}, {top(KEYS[8])}} end
local time = now()
local due = redis.call('ZRANGE', KEYS[5], '-inf', time, 'BYSCORE', 'LIMIT', 0, 200)
if #due > 0 then redis.call('ZREM', KEYS[5], unpack(due)) end
for _, member in ipairs(due) do
  local p, f, c, m = string.match(member, '^(%d):(%d+):(%d+):(.*)$')
  if p then add(KEYS[tonumber(p)], {m = m, f = f, c = c}) end
end
if limit > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', time - window)
  local free = limit - redis.call('ZCARD', KEYS[7])
  if free <= 0 then
    local oldest = redis.call('ZRANGE', KEYS[7], 0, 0, 'WITHSCORES')
    return {'limited', tonumber(oldest[2]) + window - time + 1, {}, {top(KEYS[8])}}
  end
  count = math.min(count, free)
end
local find = string.find
-- nothing is put together for a job but its lines: this is most of what taking one costs
local function told(position, entries)
  local lines, size = {}, 0
  for _, entry in ipairs(entries) do
    local id, fields = entry[1], entry[2]
    local head, body = id, fields[2]
    if #fields > 2 then
      local of = parse(fields)
      head, body = id .. ' ' .. (of.f or 0) .. ' ' .. (of.c or 0), of.m or ''
    end
    if find(body, '\\n', 1, true) then body = '' end
    lines[size + 1], lines[size + 2] = head, body
    size = size + 2
    if limit > 0 then redis.call('ZADD', KEYS[7], time, position .. ':' .. id) end
  end
  return table.concat(lines, '\\n')
end
local taken, texts = 0, {'', '', '', ''}
for i = 1, 4 do
  if taken == count then break end
  local read = {'XREADGROUP', 'GROUP', group, consumer, 'COUNT', count - taken, 'STREAMS', KEYS[i], '>'}
  local reply = redis.pcall(unpack(read))
  if reply and reply.err then
    if not string.find(reply.err, 'NOGROUP', 1, true) then return reply end
    redis.call('XGROUP', 'CREATE', KEYS[i], group, 0, 'MKSTREAM')
    reply = redis.call(unpack(read))
  end
  if reply then
    local entries = reply[1][2]
    taken = taken + #entries
    texts[i] = told(i, entries)
  end
end
if limit > 0 then redis.call('PEXPIRE', KEYS[7], window) end
if taken == tonumber(ARGV[3]) then return {'ok', 0, texts, {}} end
local tops = {}
for i = 1, 4 do tops[i] = top(KEYS[i]) end
tops[5] = top(KEYS[8])
local next = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
return {'ok', next[2] and math.max(0, tonumber(next[2]) - time) or -1, texts, tops}`,
);

/**
 * Acknowledges what is done, whoever has it now.
 * KEYS stream
 * ARGV group, ids
 */
export const FINISH = script(FINISHED, 'finished(KEYS[1], ARGV[1], 2, #ARGV)');

/**
 * Acknowledges a job that failed and delays its next delivery.
 * KEYS stream, delayed, wake
 * ARGV group, consumer, id, position of the stream, ms to wait
 * returns 1, or 0 where it is not this consumer's any more
 */
export const RETRY = script(
  NOW,
  WAKE,
  ENTRY,
  OWN,
  `
local fields = own(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if not fields then return 0 end
local entry = parse(fields)
drop(KEYS[1], ARGV[1], ARGV[3])
local head = {entry.p or ARGV[4], (tonumber(entry.f) or 0) + 1, tonumber(entry.c) or 0, entry.m}
redis.call('ZADD', KEYS[2], now() + tonumber(ARGV[5]), table.concat(head, ':'))
wake(KEYS[3])
return 1`,
);

/**
 * Acknowledges a job that failed for good and keeps a copy; a later death of the same job replaces the earlier copy.
 * KEYS stream, dead, dead-ids
 * ARGV group, consumer, id, job id, copy
 * returns 1, or 0 where it is not this consumer's any more
 */
export const BURY = script(
  OWN,
  `
if not own(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
drop(KEYS[1], ARGV[1], ARGV[3])
local earlier = redis.call('HGET', KEYS[3], ARGV[4])
if earlier then redis.call('XDEL', KEYS[2], earlier) end
redis.call('HSET', KEYS[3], ARGV[4], redis.call('XADD', KEYS[2], '*', 'id', ARGV[4], 'd', ARGV[5]))
return 1`,
);

/**
 * Hands jobs back, as if they had never been delivered; another consumer gets them first.
 * KEYS again, high, normal, low
 * ARGV group, consumer, pairs of position and id
 */
export const HAND_BACK = script(
  ENTRY,
  OWN,
  BACK,
  `
for i = 3, #ARGV, 2 do
  local index = tonumber(ARGV[i])
  local fields = own(KEYS[index], ARGV[1], ARGV[2], ARGV[i + 1])
  if fields then back(index, ARGV[1], ARGV[i + 1], fields, 0) end
end`,
);
