-- A page of the sessions of a filter, newest sign-in first, then by id, behind a place; and the
-- place up to which they were looked at, if that is not the end.
local wanted, limit, most, created, behind = filter_arg(), number(), number(), number(), arg()
local found, all, looked, offset, last = {}, pendings(), 0, 0, false
while true do
  local members = call('ZREVRANGEBYSCORE', wanted.key, wanted.until_, wanted.since, 'WITHSCORES',
    'LIMIT', offset, 100)
  if #members == 0 then return {with_devices(found), false} end
  offset = offset + #members / 2
  for i = 1, #members, 2 do
    local id = members[i]
    if tonumber(members[i + 1]) ~= created or id < behind then
      if #found == limit or looked == most then return {with_devices(found), last} end
      local row = read(id)
      looked, last = looked + 1, {row.created, id}
      if is_wanted(row, wanted, all) then found[#found + 1] = id end
    end
  end
end
