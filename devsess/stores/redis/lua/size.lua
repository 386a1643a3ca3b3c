-- The next accounts in their order come into the numbers of those of their size; whether any is left.
local to, limit = call('HGET', STORE, 'sized'), number()
if to == 'all' then return 0 end
local users = call('ZRANGEBYLEX', USERS, to and '(' .. string.sub(to, 4) or '-', '+', 'LIMIT', 0, limit)
for _, user in ipairs(users) do add_size(call('ZCARD', T .. ':open:' .. user), 1) end
call('HSET', STORE, 'sized', #users > 0 and 'to:' .. users[#users] or 'all')
return #users
