-- Takes a scan over.
-- KEYS  the scan's hash
-- Answers the new run, 'unknown', or { snapshot } of a scan that has ended.

local kept = redis.call('HMGET', KEYS[1], 'number', 'ended', 'snapshot')
if not kept[1] then return 'unknown' end
if kept[2] then return { kept[3] } end
return redis.call('HINCRBY', KEYS[1], 'run', 1)
