-- Deletes scans that ended before a moment, with all that is kept of them.
-- ARGV  prefix, the moment, how many at most
-- Answers how many.

local pruned = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', ARGV[1] .. ':ended', '-inf', '(' .. ARGV[2],
    'LIMIT', 0, ARGV[3])) do
  pruned = pruned + forget(ARGV[1], string.match(member, '^%d+:(.*)$'))
end
return pruned
