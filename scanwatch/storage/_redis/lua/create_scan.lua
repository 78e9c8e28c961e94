-- Keeps a new scan with its first event, and tells the feed of both.
-- KEYS  the scan's hash, its stream of events, the repositories, the indices the scan is in ...
-- ARGV  prefix, length of the feed, token, scan id, repository id, created, status, target, request, snapshot, event
-- Answers the id of the feed entry, 'no repository' or 'duplicate'.

local prefix, length, token, id, created, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6], ARGV[7]
if redis.call('HEXISTS', KEYS[3], ARGV[5]) == 0 then return 'no repository' end
local made_by = redis.call('HGET', KEYS[1], 'token')
if made_by == token then return redis.call('XREVRANGE', prefix .. ':feed', '+', '-', 'COUNT', 1)[1][1] end
if made_by then return 'duplicate' end

local indices = {}
for i = 4, #KEYS do indices[#indices + 1] = KEYS[i] end
local number = redis.call('INCR', prefix .. ':number')
local member = member_of(number, id)
redis.call('HSET', KEYS[1], 'number', number, 'run', 0, 'seq', 1, 'status', status, 'created', created, 'token', token,
  'repository', ARGV[5], 'indices', cjson.encode(indices), 'request', ARGV[9], 'snapshot', ARGV[10])
redis.call('XADD', KEYS[2], '1-0', 'event', ARGV[11], 'key', '', 'token', token)
for _, index in ipairs(indices) do redis.call('ZADD', index, created, member) end
redis.call('SADD', prefix .. ':targets', ARGV[8])
move(prefix, member, created, nil, status)
return tell(prefix, length, 'request', ARGV[9], 'event', ARGV[11])
