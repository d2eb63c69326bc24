import { BACK, ENTRY, NOW, OWN, script } from './lua.js';

/**
 * Hands back what was delivered to this consumer without its knowledge: the answer was lost on its way.
 * KEYS again, high, normal, low
 * ARGV group, consumer, pairs of position and id that it knows of
 */
export const RESTORE = script(
  ENTRY,
  OWN,
  BACK,
  `
local known = {}
for i = 3, #ARGV, 2 do known[ARGV[i] .. ':' .. ARGV[i + 1]] = true end
for index = 1, 4 do
  local pending = redis.pcall('XPENDING', KEYS[index], ARGV[1], '-', '+', 5000, ARGV[2])
  for _, item in ipairs(pending.err and {} or pending) do
    if not known[index .. ':' .. item[1]] then
      local found = redis.call('XRANGE', KEYS[index], item[1], item[1])[1]
      if found then back(index, ARGV[1], item[1], found[2], 0) end
    end
  end
end`,
);

/**
 * Puts what consumers left pending without a sign of life back, as having crashed its consumer once more.
 * KEYS again, high, normal, low
 * ARGV group, consumer, ms without a sign of life
 * returns how many
 */
export const RECLAIM = script(
  ENTRY,
  OWN,
  BACK,
  `
local moved = 0
for index = 1, 4 do
  local cursor = '0-0'
  repeat
    local reply = redis.pcall('XAUTOCLAIM', KEYS[index], ARGV[1], ARGV[2], ARGV[3], cursor, 'COUNT', 100)
    if reply.err then break end
    cursor = reply[1]
    for _, entry in ipairs(reply[2]) do
      back(index, ARGV[1], entry[1], entry[2], 1)
      moved = moved + 1
    end
  until cursor == '0-0' or moved >= 1000
end
return moved`,
);

/**
 * A sign of life of a consumer and of what it is working on. JUSTID leaves the count of deliveries alone.
 * KEYS again, high, normal, low, workers
 * ARGV group, consumer, pairs of position and id
 * returns positions (from 0) of the pairs that are another consumer's now, and of those that are nobody's
 */
export const RENEW = script(
  NOW,
  `
local taken, gone = {}, {}
redis.call('ZADD', KEYS[5], now(), ARGV[2])
for i = 3, #ARGV, 2 do
  local stream, id = KEYS[tonumber(ARGV[i])], ARGV[i + 1]
  local pending = redis.pcall('XPENDING', stream, ARGV[1], id, id, 1)
  local holder = not pending.err and pending[1] and pending[1][2]
  if holder == ARGV[2] then
    redis.call('XCLAIM', stream, ARGV[1], ARGV[2], 0, id, 'JUSTID')
  else
    local list = holder and taken or gone
    list[#list + 1] = (i - 3) / 2
  end
end
return {taken, gone}`,
);

/**
 * A consumer ends. It stays in the group where something is still pending for it: that would be forgotten.
 * KEYS again, high, normal, low, workers
 * ARGV group, consumer
 */
export const LEAVE = script(`
redis.call('ZREM', KEYS[5], ARGV[2])
for index = 1, 4 do
  local pending = redis.pcall('XPENDING', KEYS[index], ARGV[1], '-', '+', 1, ARGV[2])
  if not pending.err and #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[index], ARGV[1], ARGV[2]) end
end`);

/**
 * Clears what is left: consumers that are gone, copies of deaths that are old, and entries below everything that is
 * unacknowledged or undelivered (there are none unless an operator has acknowledged by hand).
 * KEYS again, high, normal, low, workers, dead, dead-ids
 * ARGV group, ms after which a consumer without a sign of life is gone, ms that copies are kept
 */
export const TIDY = script(
  NOW,
  ENTRY,
  `
local time, gone = now(), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', time - gone)
local function group(key)
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  for _, fields in ipairs(groups.err and {} or groups) do
    local found = parse(fields)
    if found.name == ARGV[1] then return found end
  end
end
for index = 1, 4 do
  local found = group(KEYS[index])
  if found then
    for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[index], ARGV[1])) do
      local consumer = parse(fields)
      local idle = consumer.pending == 0 and consumer.idle > gone
      if idle and not redis.call('ZSCORE', KEYS[5], consumer.name) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[index], ARGV[1], consumer.name)
      end
    end
    local lowest = redis.call('XPENDING', KEYS[index], ARGV[1])[2]
    if not lowest then
      local ms, seq = string.match(found['last-delivered-id'], '^(%d+)-(%d+)$')
      lowest = ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
    end
    redis.call('XTRIM', KEYS[index], 'MINID', '=', lowest)
  end
end
local old = string.format('%.0f', time - tonumber(ARGV[3]))
for _, entry in ipairs(redis.call('XRANGE', KEYS[6], '-', old, 'COUNT', 500)) do
  local copy = parse(entry[2])
  if copy.id and redis.call('HGET', KEYS[7], copy.id) == entry[1] then redis.call('HDEL', KEYS[7], copy.id) end
  redis.call('XDEL', KEYS[6], entry[1])
end`,
);

/**
 * KEYS dead, dead-ids
 * ARGV job id
 * returns how many copies were removed
 */
export const REMOVE_DEAD = script(`
local id = redis.call('HGET', KEYS[2], ARGV[1])
if not id then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('XDEL', KEYS[1], id)`);

/**
 * KEYS again, high, normal, low, delayed, dead, paused
 * ARGV group
 * returns waiting, active, delayed, dead, paused (0 or 1)
 */
export const COUNT = script(`
local waiting, active = 0, 0
for index = 1, 4 do
  local pending = redis.pcall('XPENDING', KEYS[index], ARGV[1])
  local held = pending.err and 0 or pending[1]
  active = active + held
  waiting = waiting + redis.call('XLEN', KEYS[index]) - held
end
return {waiting, active, redis.call('ZCARD', KEYS[5]), redis.call('XLEN', KEYS[6]), redis.call('EXISTS', KEYS[7])}`);

/**
 * KEYS again, high, normal, low, delayed, dead, workers
 * ARGV group, ms since the last sign of life of a consumer that counts as alive
 * returns [length, pending, [name, pending, ms idle] of each consumer] of each stream, delayed, dead, consumers alive
 */
export const LOOK = script(
  NOW,
  ENTRY,
  `
local streams = {}
for index = 1, 4 do
  local pending = redis.pcall('XPENDING', KEYS[index], ARGV[1])
  local consumers = {}
  if not pending.err then
    for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[index], ARGV[1])) do
      local consumer = parse(fields)
      consumers[#consumers + 1] = {consumer.name, consumer.pending, consumer.idle}
    end
  end
  streams[index] = {redis.call('XLEN', KEYS[index]), pending.err and 0 or pending[1], consumers}
end
local alive = redis.call('ZCOUNT', KEYS[7], now() - tonumber(ARGV[2]), '+inf')
return {streams, redis.call('ZCARD', KEYS[5]), redis.call('XLEN', KEYS[6]), alive}`,
);
