local user, dev, n, changes = arg(), arg(), tonumber(arg()), some()
local event, key = event_args(), device_key(user, dev)
compare_history()
if call('HGET', key, 'forgotten') ~= 'false' then return {'unknown'} end
if n and (binding(user) > n or n > get(STORE, 'last')) then return {'cut-off'} end
if #changes > 0 then call('HSET', key, unpack(changes)) end
index_device(user, dev)
for _, id in ipairs(open_on(user, dev)) do
  if is_open(read(id)) then log(id) end
end
insert_event(event)
return {'changed', call('HGETALL', key)}
