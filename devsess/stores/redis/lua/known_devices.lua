-- The latest devices, and those with certain ids or fingerprints; with the ending number, and with
-- items.
local user, most, ids, fingerprints, digests = arg(), number(), {}, {}, nil
for _, id in ipairs(some()) do ids[id] = true end
for _, it in ipairs(some()) do fingerprints[it] = true end
digests = some()
local places, items = some(), {}
if #places > 0 then items = call('HMGET', items_key(user), unpack(places)) end
local found, seen = {}, 0
for _, id in ipairs(call('ZREVRANGE', T .. ':ds:' .. user, 0, -1)) do
  local v = call('HMGET', device_key(user, id), 'forgotten', 'fingerprint')
  if v[1] ~= 'true' then
    seen = seen + 1
    if seen <= most or ids[id] or fingerprints[v[2]] then
      found[#found + 1] = call('HGETALL', device_key(user, id))
    end
  end
end
return {binding(user, digests), found, items}
