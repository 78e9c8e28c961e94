-- Deletes a repository with its scans, and tells the feed.
-- ARGV  prefix, length of the feed, id
-- Answers the id of the feed entry, or 'unknown'.

local prefix, id = ARGV[1], ARGV[3]
local body = redis.call('HGET', prefix .. ':repositories', id)
if not body then return 'unknown' end
for _, member in ipairs(redis.call('ZRANGE', prefix .. ':scans:repository:' .. id, 0, -1)) do
  forget(prefix, string.match(member, '^%d+:(.*)$'))
end
local members = prefix .. ':repositories:members'
redis.call('ZREM', prefix .. ':repositories:order', redis.call('HGET', members, id))
redis.call('HDEL', members, id)
redis.call('HDEL', prefix .. ':repositories', id)
local by_target = prefix .. ':repositories:targets'
local target = cjson.decode(body).target
if redis.call('HGET', by_target, target) == id then redis.call('HDEL', by_target, target) end
return tell(prefix, ARGV[2], 'gone', id)
