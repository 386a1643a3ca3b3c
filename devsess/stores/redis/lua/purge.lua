-- One bounded batch of cleaning.
local left, now, now_text, latest = number(), number(), arg(), number()
local before, devices_before, log_kept, expired = number(), number(), number(), arg()
local limit, gone = left, {}

-- Up to so many members of an index between two scores that are wanted.
local function each(key, from, to, is_wanted, work)
  local found, offset = {}, 0
  while #found < left do
    local members = call('ZRANGEBYSCORE', key, from, to, 'LIMIT', offset, 100)
    if #members == 0 then break end
    offset = offset + #members
    for _, member in ipairs(members) do
      if #found < left and is_wanted(member) then found[#found + 1] = member end
    end
  end
  for _, member in ipairs(found) do work(member) end
  left = left - #found
end
local function any() return true end
local function unlist(user)
  local kept = {T .. ':u:' .. user, T .. ':ds:' .. user, T .. ':o:' .. user, account_key(user),
    items_key(user)}
  if call('EXISTS', unpack(kept)) == 0 then call('ZREM', USERS, user) end
end
local function exact(x) return string.format('%.17g', x) end

local digests = T .. ':xs'
for _, digest in ipairs(call('ZRANGEBYSCORE', digests, '-inf', now_text, 'LIMIT', 0, 1000)) do
  call('DEL', T .. ':x:' .. digest)
  call('ZREM', digests, digest)
end

-- Instants that a clock which was ahead has written become now.
local ahead = '(' .. exact(latest)
each(T .. ':ended', ahead, '+inf', any, function(id)
  call('HSET', session_key(id), 'revoked_at', now_text)
  call('ZADD', T .. ':ended', now_text, id)
end)
each(T .. ':at', ahead, '+inf', any, function(member)
  local place, user = string.match(member, '^(%d+):(.*)$')
  call('HSET', T .. ':h:' .. user, place .. '@', now_text)
  call('ZADD', T .. ':at', now_text, member)
end)
for _, it in ipairs(pendings()) do
  if left > 0 and tonumber(it.at) > latest then
    call('HSET', T .. ':p:' .. it.n, 'at', now_text)
    left = left - 1
  end
end
each(T .. ':seen', ahead, '+inf', any, function(member)
  local user, dev = split(member)
  local key = device_key(user, dev)
  call('HSET', key, 'last_seen_at', now_text)
  if tonumber(call('HGET', key, 'first_seen_at')) > now then
    call('HSET', key, 'first_seen_at', now_text)
  end
  index_device(user, dev)
end)

-- Sessions whose time ran out; those that are covered were ended, and did not expire.
each(T .. ':idle', '-inf', now_text, function(id) return is_open(read(id)) end, function(id)
  local row = read(id)
  end_session(row, row.idle, expired, 'null', EXPIRED)
end)
each(T .. ':ended', '-inf', '(' .. exact(before), any, function(id)
  local row = read(id)
  local key = device_key(row.user, row.dev)
  if tonumber(call('HGET', key, 'last_seen_at')) < before then call('HSET', key, 'network', 'null') end
  delete_session(row)
  gone[#gone + 1] = id
end)
each(T .. ':at', '-inf', '(' .. exact(before), any, function(member)
  local place, user = string.match(member, '^(%d+):(.*)$')
  delete_event(user, place)
  unlist(user)
end)
each(T .. ':free', '-inf', '(' .. exact(devices_before), function(member)
  local user, dev = split(member)
  local v = call('HMGET', device_key(user, dev), 'trusted_until', 'forgotten')
  return v[2] == 'true' or not (tonumber(v[1]) and tonumber(v[1]) > now)
end, function(member)
  local user, dev = split(member)
  delete_device(user, dev)
  unlist(user)
end)
each(T .. ':due', '-inf', now_text, any, function(member)
  local owner, place = split(member)
  delete_item(owner, place)
  unlist(owner)
end)
local excess = call('XLEN', T .. ':log') - log_kept
if excess > 0 and left > 0 then
  left = left - call('XTRIM', T .. ':log', 'MAXLEN', '=', log_kept + math.max(0, excess - left))
end
return {limit - left, gone}
