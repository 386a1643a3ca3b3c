-- A sign-in: refused, or written with its device and event, and the sessions it takes the place of.
local id, user, dev, n = arg(), arg(), arg(), number()
local columns, device, again, digests = some(), some(), some(), some()
local signed_in_at, at, now_text = tonumber(arg()), cutoffs(), arg()
local limit, evicts, replaces = tonumber(arg()), flag(), flag()
local end_kind, replaced, evicted = arg(), arg(), arg()
local event, limit_event, device_event, counts, items = event_args(), event_args(), event_args(),
  count_args(), {}
for i = 1, number() do items[i] = item_arg() end

local bound = binding(user, digests)
if bound > n or n > get(STORE, 'last') then return {'cut-off'} end
for _, key in ipairs({STORE, account_key(user)}) do
  local cut = tonumber(call('HGET', key, 'cut') or nil)
  if signed_in_at and cut and signed_in_at < cut and cut <= at.future then return {'cut-off'} end
end
local known = call('HMGET', device_key(user, dev), 'blocked', 'forgotten')
if known[1] == 'true' then return {'device-blocked'} end
if call('EXISTS', session_key(id)) == 1 then return {'there already'} end

local own, others = {}, {}
if limit or replaces then
  -- Without the digests: a number that is kept under one covers no row that is there.
  local covering = binding(user)
  local ids = limit and call('ZRANGE', T .. ':open:' .. user, 0, -1) or open_on(user, dev)
  for _, other in ipairs(ids) do
    local row = read(other)
    if not row.is_acted and is_live(row, at) and row.n >= covering then
      local is_own = replaces and row.dev == dev
      table.insert(is_own and own or others, row)
    end
  end
  table.sort(own, by_use)
  table.sort(others, by_use)
end
local excess = limit and #others - limit + 1 or 0
if excess > 0 and not evicts then
  local ids = {}
  for i, row in ipairs(others) do ids[i] = row.id end
  return {'full', with_devices(ids)}
end

local events, texts = {}, {}
local function make_room(row, reason)
  log(row.id)
  end_session(row, now_text, reason, 'null', word_of(reason))
  events[#events + 1] = end_event(row, end_kind, now_text, reason, 'null')
end
for _, row in ipairs(own) do make_room(row, replaced) end
for i = 1, excess do make_room(others[i], evicted) end
for i, it in ipairs(events) do
  insert_event(it)
  texts[i] = it.text
end
if excess > 0 and limit_event then insert_event(limit_event) end

local key = device_key(user, dev)
if known[2] == 'false' then
  call('HSET', key, unpack(again))
else
  call('HSET', key, unpack(device))
  if known[2] then call('HSET', key, 'name', 'null', 'trusted_until', 'null') end
end
call('HINCRBY', key, 'uses', 1)
call('HSET', session_key(id), 'user', user, 'dev', dev, unpack(columns))
local row = read(id)
index(row)
enlist(row)
index_device(user, dev)
insert_event(event)
if device_event then insert_event(device_event) end
if is_counted(user) then add_all(counts) end
local written = {}
for i, it in ipairs(items) do written[i] = put_item(it, 1) end
return {'inserted', texts, written}
