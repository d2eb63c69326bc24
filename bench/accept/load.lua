-- Load of `bench:accept`: every request has its own customer and its own Idempotency-Key; every answer is checked
-- for its status and for the members that a client relies on. With a file of tokens, a line each in the order of the
-- requests, every request brings its own; one that finds none left is refused, and so told.
local counter = 0
local thread_number = 0
local event, path

function setup(thread)
  thread:set("number", thread_number)
  thread_number = thread_number + 1
  threads = threads or {}
  table.insert(threads, thread)
end

function init(args)
  event = args[1]
  good, bad, sample = 0, 0, ""
  if args[2] then
    tokens = {}
    for line in io.lines(args[2]) do tokens[#tokens + 1] = line end
  end
  prefix = 'POST /api/bookings HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nIdempotency-Key: '
  body_head = '{"userId":"'
  body_tail = '","eventId":"' .. event .. '","ticketType":"standing","quantity":1,"email":"fan@example.org"}'
end

function request()
  counter = counter + 1
  local id = event .. "-" .. number .. "-" .. counter
  local body = body_head .. id .. body_tail
  local bearer = ""
  if tokens then bearer = "\r\nAuthorization: Bearer " .. (tokens[counter] or "none-left") end
  return prefix .. id .. bearer .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function response(status, headers, body)
  if status == 202 and body:find('"bookingId":"', 1, true) and body:find('"token":"', 1, true) and body:find('"position":', 1, true) then
    good = good + 1
  else
    bad = bad + 1
    if sample == "" then sample = status .. " " .. body:sub(1, 200) end
  end
end

function done(summary, latency)
  local all_good, all_bad, first = 0, 0, ""
  for _, thread in ipairs(threads) do
    all_good = all_good + thread:get("good")
    all_bad = all_bad + thread:get("bad")
    if first == "" then first = thread:get("sample") end
  end
  print(string.format("RESULT good=%d bad=%d us=%d p50=%d p99=%d sample=%s", all_good, all_bad, summary.duration,
    latency:percentile(50), latency:percentile(99), first))
end
