-- Keeps a repository, a new one or a changed one, and tells the feed.
-- ARGV  prefix, length of the feed, id, target, repository, created, then the old repository and its target, or neither
-- Answers 'ok', 'stale' if the old one is not what is kept, or { the other repository with the id or the target }.

local prefix, id, target, body, old = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[7]
local repositories, by_target = prefix .. ':repositories', prefix .. ':repositories:targets'
local kept = redis.call('HGET', repositories, id)
if old then
  if kept ~= old then return 'stale' end
elseif kept then
  return { kept }
end
local namesake = redis.call('HGET', by_target, target)
if namesake and namesake ~= id then return { redis.call('HGET', repositories, namesake) } end

if old then
  redis.call('HDEL', by_target, ARGV[8])
else
  local member = member_of(redis.call('INCR', prefix .. ':number'), id)
  redis.call('ZADD', prefix .. ':repositories:order', ARGV[6], member)
  redis.call('HSET', prefix .. ':repositories:members', id, member)
end
redis.call('HSET', by_target, target, id)
redis.call('HSET', repositories, id, body)
tell(prefix, ARGV[2], 'repository', body)
return 'ok'
