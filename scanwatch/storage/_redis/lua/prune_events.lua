-- Deletes the oldest events of scans that ended before a moment.
-- ARGV  prefix, the moment, how many at most
-- Answers how many.

local prefix, left, pruned = ARGV[1], tonumber(ARGV[3]), 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', prefix .. ':ended:events', '-inf', '(' .. ARGV[2],
    'LIMIT', 0, left)) do
  if left == 0 then break end
  local id = string.match(member, '^%d+:(.*)$')
  local events, used = prefix .. ':events:' .. id, prefix .. ':used:' .. id
  local entries = redis.call('XRANGE', events, '-', '+', 'COUNT', left)
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    for f = 1, #fields, 2 do
      if fields[f] == 'key' and fields[f + 1] ~= '' then redis.call('HDEL', used, fields[f + 1]) end
    end
  end
  if #entries > 0 then
    local last = tonumber(string.match(entries[#entries][1], '^%d+'))
    redis.call('XTRIM', events, 'MINID', string.format('%d-0', last + 1))
  end
  if redis.call('XLEN', events) == 0 then
    redis.call('UNLINK', events, used)
    redis.call('ZREM', prefix .. ':ended:events', member)
  end
  left, pruned = left - #entries, pruned + #entries
end
return pruned
