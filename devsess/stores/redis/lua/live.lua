-- A page of live sessions, newest first, then by id: no activity moves one.
local user, at, limit, created, behind = arg(), cutoffs(), number(), arg(), arg()
local found, offset = {}, 0
while #found < limit do
  local ids = call('ZREVRANGEBYSCORE', T .. ':open:' .. user, created, '-inf',
    'LIMIT', offset, 100)
  if #ids == 0 then break end
  offset = offset + #ids
  for _, id in ipairs(ids) do
    local row = read(id)
    local is_behind = tonumber(row.created) ~= tonumber(created) or id < behind
    if is_behind and #found < limit and is_live(row, at) and is_open(row) then
      found[#found + 1] = id
    end
  end
end
return with_devices(found)
