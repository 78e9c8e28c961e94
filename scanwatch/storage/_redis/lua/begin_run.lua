-- Takes a scan over.
-- KEYS  the scan's hash
-- ARGV  the run to begin, or '' for the next one
-- Answers { 'begun', run }, { 'unknown' }, { 'ended', snapshot } or { 'late', the current run }.

local kept = redis.call('HMGET', KEYS[1], 'run', 'ended', 'snapshot')
if not kept[1] then return { 'unknown' } end
if kept[2] then return { 'ended', kept[3] } end
local current = tonumber(kept[1])
local run = tonumber(ARGV[1]) or current + 1
if run < current then return { 'late', current } end
redis.call('HSET', KEYS[1], 'run', run)
return { 'begun', run }
