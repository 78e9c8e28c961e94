-- Appends a group of events to the logs of some scans, in their order, and tells the feed of each.
-- A scan whose state is not the one its events were numbered for gets none of them, and disturbs no other scan.
--
-- KEYS  for each scan: its hash, its stream of events, its hash of used keys
-- ARGV  prefix, length of the feed, token of this call, number of scans;
--       for each scan: id, number, run, seq before, seq after, status, end ('' if none), snapshot;
--       for each event: its scan (from 1), seq, key ('' if none), event
-- Answers { id of the last feed entry or false, { verdict of each scan } }; a verdict is 'ok', 'stale', or
-- { a key that was used before, the seq of its event, ... }.

local prefix, length, token, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local FIELDS, PER_EVENT = 8, 4
local first_event = 5 + count * FIELDS

local scans, verdicts = {}, {}
for i = 1, count do
  local at = 5 + (i - 1) * FIELDS
  local scan = {
    hash = KEYS[i * 3 - 2], events = KEYS[i * 3 - 1], used = KEYS[i * 3],
    id = ARGV[at], number = ARGV[at + 1], run = ARGV[at + 2], before = ARGV[at + 3], after = ARGV[at + 4],
    status = ARGV[at + 5], ended = ARGV[at + 6], snapshot = ARGV[at + 7],
  }
  local kept = redis.call('HMGET', scan.hash, 'number', 'run', 'seq', 'status', 'created')
  scan.was, scan.created = kept[4], kept[5]
  verdicts[i] = 'ok'
  if kept[1] ~= scan.number or kept[2] ~= scan.run or kept[3] ~= scan.before then
    verdicts[i] = 'stale'
    -- A call whose answer was lost is made again, with the same token: then this is all done already.
    local last = kept[1] == scan.number and redis.call('XRANGE', scan.events, scan.after, scan.after)[1]
    if last then
      for f = 1, #last[2], 2 do
        if last[2][f] == 'token' and last[2][f + 1] == token then verdicts[i] = 'done' end
      end
    end
  end
  scans[i] = scan
end

for at = first_event, #ARGV, PER_EVENT do
  local i, key = tonumber(ARGV[at]), ARGV[at + 2]
  if key ~= '' and verdicts[i] ~= 'stale' and verdicts[i] ~= 'done' then
    local seq = redis.call('HGET', scans[i].used, key)
    if seq then
      if verdicts[i] == 'ok' then verdicts[i] = {} end
      table.insert(verdicts[i], key)
      table.insert(verdicts[i], tonumber(seq))
    end
  end
end

local last = false
for at = first_event, #ARGV, PER_EVENT do
  local i, seq, key, event = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if verdicts[i] == 'ok' then
    redis.call('XADD', scans[i].events, seq .. '-0', 'event', event, 'key', key, 'token', token)
    if key ~= '' then redis.call('HSET', scans[i].used, key, seq) end
    last = tell(prefix, length, 'event', event)
  elseif verdicts[i] == 'done' then
    last = redis.call('XREVRANGE', prefix .. ':feed', '+', '-', 'COUNT', 1)[1][1]
  end
end

for i = 1, count do
  local scan = scans[i]
  if verdicts[i] == 'ok' then
    redis.call('HSET', scan.hash, 'seq', scan.after, 'status', scan.status, 'snapshot', scan.snapshot)
    local member = member_of(scan.number, scan.id)
    move(prefix, member, scan.created, scan.was, scan.status)
    if scan.ended ~= '' then
      redis.call('HSET', scan.hash, 'ended', scan.ended)
      redis.call('ZADD', prefix .. ':ended', scan.ended, member)
      redis.call('ZADD', prefix .. ':ended:events', scan.ended, member)
    end
  elseif verdicts[i] == 'done' then
    verdicts[i] = 'ok'
  end
end

return { last, verdicts }
