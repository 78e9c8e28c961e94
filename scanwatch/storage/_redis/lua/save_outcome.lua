-- Puts what was uploaded in the place of what a scan had of it.
-- KEYS  the scan's hash, then for each part: the uploaded list, the list it becomes
-- ARGV  number and run of the scan
-- Answers 1, or 0 if the scan is no longer as it was.

local kept = redis.call('HMGET', KEYS[1], 'number', 'run', 'ended')
if kept[1] ~= ARGV[1] or kept[2] ~= ARGV[2] or kept[3] then return 0 end
for i = 2, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('RENAME', KEYS[i], KEYS[i + 1])
    redis.call('PERSIST', KEYS[i + 1])
  else
    redis.call('UNLINK', KEYS[i + 1])
  end
end
return 1
