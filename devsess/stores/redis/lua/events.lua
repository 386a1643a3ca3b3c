-- A page of a user's events, newest first.
local user, limit, before = arg(), number(), arg()
local found, all = {}, pendings()
for i, place in ipairs(call('ZREVRANGEBYSCORE', T .. ':o:' .. user, before, '-inf', 'LIMIT', 0, limit)) do
  found[i] = shown_event(user, place, all)
end
return found
