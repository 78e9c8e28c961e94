-- What the scripts share. Each script is one atomic step: it checks first, and then writes or refuses whole.

-- Tells every process that follows: ... are the fields of the entry.
local function tell(prefix, length, ...)
  return redis.call('XADD', prefix .. ':feed', 'MAXLEN', '~', length, '*', ...)
end

local function member_of(number, id)
  return string.format('%016d:%s', number, id)
end

local function move(prefix, member, created, before, after)
  if before ~= after then
    if before then redis.call('ZREM', prefix .. ':scans:status:' .. before, member) end
    redis.call('ZADD', prefix .. ':scans:status:' .. after, created, member)
  end
end

-- Deletes all that is kept of a scan.
local function forget(prefix, id)
  local scan = prefix .. ':scan:' .. id
  local kept = redis.call('HMGET', scan, 'number', 'status', 'indices')
  if not kept[1] then return 0 end
  local member = member_of(kept[1], id)
  for _, index in ipairs(cjson.decode(kept[3])) do
    redis.call('ZREM', index, member)
    local target = string.match(index, '^' .. prefix:gsub('%p', '%%%0') .. ':scans:target:(.*)$')
    if target and redis.call('EXISTS', index) == 0 then redis.call('SREM', prefix .. ':targets', target) end
  end
  redis.call('ZREM', prefix .. ':scans:status:' .. kept[2], member)
  redis.call('ZREM', prefix .. ':ended', member)
  redis.call('ZREM', prefix .. ':ended:events', member)
  redis.call('UNLINK', scan)
  for _, part in ipairs({ 'events', 'used', 'artifacts', 'findings', 'annotations', 'evidence' }) do
    redis.call('UNLINK', prefix .. ':' .. part .. ':' .. id)
  end
  return 1
end
