local id = arg()
local owner = call('HMGET', session_key(id), 'user', 'dev')
if not owner[1] then return false end
return {shown(id, pendings()), call('HGETALL', device_key(owner[1], owner[2]))}
