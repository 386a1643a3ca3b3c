-- Change columns of a session that has not ended and in which all expected ones hold.
local FORWARD = {last_seen_at = true, idle_from = true, idle_expires_at = true}
local id, is_forward, is_logged, is_rotation = arg(), flag(), flag(), flag()
local expected, changes = some(), some()
local event, row, key = event_args(), read(id), session_key(id)
if not row or not is_open(row) then return false end
for i = 1, #expected, 3 do
  local text = call('HGET', key, expected[i]) or expected[i + 2]
  if text ~= expected[i + 1] then return false end
end
-- A client can send another agent with each request: one without an event is not kept.
local without_agent = event and is_rotation and is_full(event)
for i = 1, #changes, 2 do
  local name, text = changes[i], changes[i + 1]
  local is_back = is_forward and FORWARD[name]
    and tonumber(text) <= tonumber(call('HGET', key, name))
  if not is_back and not (without_agent and name == 'user_agent') then
    call('HSET', key, name, text)
  end
end
local now = read(id)
if now.idle ~= row.idle then call('ZADD', T .. ':idle', now.idle, id) end
if now.created ~= row.created or now.network ~= row.network or now.score ~= row.score then
  unindex(row)
  delist(row)
  index(now)
  enlist(now)
end
if is_logged then log(id) end
if event then insert_event(event) end
return {shown(id, {}), call('HGETALL', device_key(row.user, row.dev))}
