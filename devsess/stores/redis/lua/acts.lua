-- A page of the events that operators brought about, newest first.
local before, limit = arg(), number()
local found, all = {}, pendings()
for i, member in ipairs(call('ZREVRANGEBYSCORE', T .. ':acts', before, '-inf', 'LIMIT', 0, limit)) do
  local place, user = string.match(member, '^(%d+):(.*)$')
  found[i] = shown_event(user, place, all)
end
return found
