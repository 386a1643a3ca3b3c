-- All that is kept about a user, as it is written, with the endings whose rows follow.
local user, sessions, devices, pending = arg(), {}, {}, {}
for i, id in ipairs(call('ZRANGE', T .. ':u:' .. user, 0, -1)) do
  sessions[i] = {id, call('HGETALL', session_key(id))}
end
for i, id in ipairs(call('ZRANGE', T .. ':ds:' .. user, 0, -1)) do
  devices[i] = {id, call('HGETALL', device_key(user, id))}
end
for _, n in ipairs(call('ZRANGE', T .. ':pending', 0, -1)) do
  local v = call('HMGET', T .. ':p:' .. n, 'user', 'at', 'idle', 'created', 'reason', 'actor')
  if not v[1] or v[1] == user then pending[#pending + 1] = {n, v} end
end
return {store_mark(), call('HMGET', account_key(user), 'n', 'cut'), state_of(user), devices,
  sessions, call('ZRANGE', T .. ':o:' .. user, 0, -1), call('HGETALL', T .. ':h:' .. user), pending,
  call('HGETALL', items_key(user))}
