-- Keeps an API key, a new one or a revoked one, and tells the feed.
-- ARGV  prefix, length of the feed, id, digest, key, and the old key or nothing
-- Answers 'ok', 'stale' if the old one is not what is kept, or { the other key with the id or the digest }.

local prefix, id, digest, body, old = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local keys, digests = prefix .. ':keys', prefix .. ':keys:digests'
local kept = redis.call('HGET', keys, id)
if old then
  if kept ~= old then return 'stale' end
else
  local other = kept or redis.call('HGET', keys, redis.call('HGET', digests, digest) or '')
  if other then return { other } end
  redis.call('LPUSH', prefix .. ':keys:order', id)
  redis.call('HSET', digests, digest, id)
end
redis.call('HSET', keys, id, body)
tell(prefix, ARGV[2], 'key', body)
return 'ok'
