local user, dev, n, changes = arg(), arg(), tonumber(arg()), some()
local event, key = event_args(), device_key(user, dev)
compare_history()
if call('HGET', key, 'forgotten') ~= 'false' then return {'unknown'} end
if n and (binding(user) > n or n > get(STORE, 'last')) then return {'cut-off'} end
if #changes > 0 then call('HSET', key, unpack(changes)) end
index_device(user, dev)
for _, id in ipairs(call('ZRANGE', T .. ':open:' .. user, 0, -1)) do
  local row = read(id)
  if row.dev == dev and is_open(row) then log(id) end
end
insert_event(event)
return {'changed', call('HGETALL', key)}
