-- Write what a merge comes to, or nothing if the account is not as it was read. All that is
-- written is compared; of the rest, `state_of` says whether anything came or went.
local user, expected, n, cut = arg(), arg(), number(), arg()
local function packed()
  local found = {}
  for i = 1, number() do found[i] = cmsgpack.unpack(arg()) end
  return found
end
local devices, sessions, items, reduced = packed(), packed(), packed(), some()

local function is_as_read(key, was)
  local now, known = call('HGETALL', key), {}
  for i = 1, #was, 2 do known[was[i]] = was[i + 1] end
  for i = 1, #now, 2 do
    if known[now[i]] ~= now[i + 1] then return false end
  end
  return #now == #was
end

-- The counts of a new session, as count_args reads them.
local function add_packed(counts)
  for i = 3, #counts, 5 do
    add(counts[i], counts[i + 1], counts[i + 2], tonumber(counts[i + 3]), tonumber(counts[i + 4]))
  end
  call('HINCRBY', STORE, 'open', counts[1])
end

if state_of(user) ~= expected then return {'changed'} end
local there = {}
for _, it in ipairs(devices) do
  if not is_as_read(device_key(user, it.id), it.was) then return {'changed'} end
  there[it.id] = true
end
for _, it in ipairs(sessions) do
  local owner = call('HGET', session_key(it.id), 'user')
  if owner and owner ~= user then return {'foreign'} end
  local has_device = there[it.dev] or call('EXISTS', device_key(user, it.dev)) == 1
  if not has_device or not is_as_read(session_key(it.id), it.was) then return {'changed'} end
end
for _, it in ipairs(items) do
  if (call('HGET', items_key(user), it.place) or '') ~= it.was then return {'changed'} end
end

if n then
  raise_last(n)
  call('HSET', account_key(user), 'n', n)
  if cut ~= '' then call('HSET', account_key(user), 'cut', cut) end
end
for _, it in ipairs(devices) do call('HSET', device_key(user, it.id), unpack(it.columns)) end
for _, it in ipairs(sessions) do
  local row, number_ = read(it.id), tonumber(it.n)
  if row then
    unindex(row)
    delist(row)
    call('ZREM', T .. ':ended', it.id)
    call('HINCRBY', device_key(user, row.dev), 'uses', -1)
    there[row.dev] = true
  end
  call('DEL', session_key(it.id))
  call('HSET', session_key(it.id), 'user', user, 'dev', it.dev, unpack(it.columns))
  call('HINCRBY', device_key(user, it.dev), 'uses', 1)
  there[it.dev] = true
  local new = read(it.id)
  enlist(new)
  if not row and is_counted(user) then add_packed(it.counts) end
  if it.ended ~= '' and not (row and row.revoked) then count_end(new, it.ended, it.counted) end
  if it.ended ~= '' then
    call('ZADD', T .. ':ended', it.ended, it.id)
  else
    index(new)
  end
  raise_last(number_)
  if #it.was > 0 then log(it.id) end
end
for _, it in ipairs(items) do write_item(user, it.place, it['until'], it.text) end
for id in pairs(there) do index_device(user, id) end
for _, id in ipairs(reduced) do drop_addresses(user, id) end
for _ = 1, number() do insert_event(event_args()) end
call('ZADD', USERS, 0, user)
return {'merged', state_of(user)}
