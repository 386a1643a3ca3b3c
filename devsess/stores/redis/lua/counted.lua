-- The sessions that are open, those of them whose end is still to be written, the days and weeks of
-- which anything is counted, and the accounts by their open sessions.
local now, looked, day, week, behind, sizes = arg(), number(), arg(), arg(), arg(), some()
local open, lagging, all = get(STORE, 'open'), call('ZCOUNT', T .. ':idle', '-inf', now), pendings()

local function note(id)
  local row = read(id)
  if tonumber(row.idle) > tonumber(now) and first_covering(row, all) then lagging = lagging + 1 end
end

local users, is_everyone = {}, false
for _, it in ipairs(all) do
  if it.user then users[it.user] = true else is_everyone = true end
end
if is_everyone then
  for _, member in ipairs(call('ZRANGE', T .. ':n', 0, looked - 1)) do note(string.sub(member, 17)) end
else
  for user in pairs(users) do
    for _, id in ipairs(call('ZRANGE', T .. ':open:' .. user, 0, looked - 1)) do note(id) end
  end
end
return {open, lagging, call('ZRANGEBYSCORE', T .. ':qs', day, '+inf'),
  call('ZRANGEBYSCORE', T .. ':ws', week, '(' .. behind), call('HMGET', STORE, unpack(sizes))}
