-- Index an account that was written before there were indexes of all, and count it as it was read; or
-- nothing if it is not so any more.
local user, expected, open, acts, counts = arg(), arg(), number(), some(), count_args()
if state_of(user) ~= expected or call('ZCARD', T .. ':open:' .. user) ~= open then return 0 end
for _, id in ipairs(call('ZRANGE', T .. ':u:' .. user, 0, -1)) do
  local row = read(id)
  enlist(row)
  if not row.revoked then index(row) end
end
for _, place in ipairs(call('ZRANGE', T .. ':o:' .. user, 0, -1)) do
  call('ZADD', T .. ':all', place, place .. ':' .. user)
end
for _, place in ipairs(acts) do call('ZADD', T .. ':acts', place, place .. ':' .. user) end
if not is_counted(user) then
  add_all(counts)
  call('HSET', STORE, 'counts', 'to:' .. user)
end
return 1
