local after, limit = arg(), number()
local found, offset, last = {}, 0, nil
while true do
  local ids = call('ZREVRANGEBYSCORE', T .. ':idle', '+inf', '(' .. after, 'LIMIT', offset, 100)
  if #ids == 0 then return with_devices(found) end
  offset = offset + #ids
  for _, id in ipairs(ids) do
    local row = read(id)
    if is_open(row) then
      -- Of equal deadlines all: Python takes the first by id.
      if #found >= limit and row.idle ~= last then return with_devices(found) end
      found[#found + 1], last = id, row.idle
    end
  end
end
