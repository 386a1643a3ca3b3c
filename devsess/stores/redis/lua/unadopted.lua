-- The next accounts whose turn it is to be indexed and counted; where there is none, all are.
local to, limit = call('HGET', STORE, 'counts'), number()
if to == 'all' then return {} end
local users = call('ZRANGEBYLEX', USERS, to and '(' .. string.sub(to, 4) or '-', '+', 'LIMIT', 0, limit)
if #users == 0 then call('HSET', STORE, 'counts', 'all') end
return users
