local found, user = {}, arg()
for i, id in ipairs(call('ZREVRANGE', T .. ':ds:' .. user, 0, -1)) do
  found[i] = call('HGETALL', device_key(user, id))
end
return found
