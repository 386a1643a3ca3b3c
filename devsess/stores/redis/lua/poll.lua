-- Events of all users behind a place, oldest first, and the highest place that was ever given.
local after, limit = arg(), number()
local found, all = {}, pendings()
for i, member in ipairs(call('ZRANGEBYSCORE', T .. ':all', '(' .. after, '+inf', 'LIMIT', 0, limit)) do
  local place, user = string.match(member, '^(%d+):(.*)$')
  found[i] = shown_event(user, place, all)
end
return {call('HGET', STORE, 'place') or '0', found}
