-- A page of a user's events, newest first; those of covered sessions without their addresses.
local user, limit, before = arg(), number(), arg()
local texts, found, all = T .. ':h:' .. user, {}, pendings()
for i, place in ipairs(call('ZREVRANGEBYSCORE', T .. ':o:' .. user, before, '-inf', 'LIMIT', 0, limit)) do
  local v = call('HMGET', texts, place, place .. 'i', place .. '@', place .. 'k')
  local session = v[2] and #all > 0 and string.match(v[4], '^%S+ s(.*)$')
  local row = session and read(session)
  if row and first_covering(row, all) then v[2] = false end
  found[i] = {place, v[1], v[2] or '', v[3] or ''}
end
return found
