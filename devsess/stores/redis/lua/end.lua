-- End one session, those of a device, or those of a user: at once, or by a number alone.
local kind, user, name, does_forget, compromised = arg(), arg(), arg(), flag(), flag()
local ending = ending_arg()
local future, at_once, end_kind, id = number(), number(), arg(), arg()
local own = event_args()
local at = {now = tonumber(ending.at), idle = tonumber(ending.idle),
  created = tonumber(ending.created)}
local rows, is_due, following = {}, false, ''
compare_history()

local function add(row)
  if row and is_open(row) then rows[#rows + 1] = row end
end

if kind == 'session' then
  local row = read(name)
  if row and (user == '' or string.sub(user, 2) == row.user) then add(row) end
elseif kind == 'device' then
  local key = device_key(user, name)
  if call('EXISTS', key) == 1 then
    is_due = true
    if does_forget then
      call('HSET', key, 'forgotten', 'true')
    else
      call('HSET', key, 'blocked', 'true', 'trusted_until', 'null')
    end
    index_device(user, name)
  end
  for _, it in ipairs(open_on(user, name)) do add(read(it)) end
else
  is_due = true
  local unwritten = call('ZCARD', T .. ':open:' .. user)
  local kept = name ~= '' and read(string.sub(name, 2))
  local is_kept = kept and kept.user == user and is_open(kept)
  local open = {}
  if unwritten <= at_once then
    for _, it in ipairs(call('ZRANGE', T .. ':open:' .. user, 0, -1)) do
      if not is_kept or it ~= kept.id then add(read(it)) end
    end
  end
  local n = draw(tonumber(id))
  raise(account_key(user), n, ending.at, future)
  call('ZADD', USERS, 0, user)
  if is_kept then
    unindex(kept)
    call('HSET', session_key(kept.id), 'ending_number', n)
    kept.n = n
    index(kept)
    if compromised then log(kept.id) end
  end
  if compromised then
    for _, it in ipairs(call('ZRANGE', T .. ':ds:' .. user, 0, -1)) do
      call('HSET', device_key(user, it), 'trusted_until', 'null')
    end
  end
  if unwritten > at_once then
    cover(n, id == '0' and n or id, user, ending)
    following = id == '0' and tostring(n) or id
  end
end

table.sort(rows, by_use)
local events, texts = {}, {}
for _, row in ipairs(rows) do
  log(row.id)
  end_session(row, ending.at, ending.reason, ending.actor, ending.counted)
  if is_live(row, at) then
    events[#events + 1] = end_event(row, end_kind, ending.at, ending.reason, ending.actor)
  end
end
for i, it in ipairs(events) do
  insert_event(it)
  texts[i] = it.text
end
local with_own = own and (is_due or #events > 0)
if with_own then insert_event(own) end
return {following, with_own and 1 or 0, texts}
