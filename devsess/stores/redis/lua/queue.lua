-- A page of the live sessions with so many points, the highest first, then newest, then by id,
-- behind a place; and the place up to which they were looked at, if that is not the end.
local at, limit, most, lowest, highest = cutoffs(), number(), number(), number(), '+'
if flag() then highest = '(' .. queue_place(number(), number()) .. arg() end
local found, looked, last = {}, 0, false
while true do
  local members = call('ZREVRANGEBYLEX', T .. ':queue', highest, '[' .. queue_place(lowest, 0),
    'LIMIT', 0, 100)
  if #members == 0 then return {with_devices(found), false} end
  for _, member in ipairs(members) do
    if #found == limit or looked == most then return {with_devices(found), last} end
    local row = read(string.sub(member, 13))
    looked, last, highest = looked + 1, {row.score, row.created, row.id}, '(' .. member
    if is_live(row, at) and is_open(row) then found[#found + 1] = row.id end
  end
end
