-- Ids that an ending was the first to cover, if they were live then; and a cursor behind them.
local id, limit, cursor = arg(), number(), arg()
local all, ids, last = pendings(), {}, nil
for _, it in ipairs(all) do
  if it.id == id then
    for batch in lower(it.n, it.user, cursor ~= '' and cursor or nil) do
      for _, found in ipairs(batch) do
        local row = found[1]
        if first_covering(row, all) == it and is_live(row, it.cutoffs) then
          if #ids == limit then return {ids, last} end
          ids[#ids + 1], last = row.id, found[2]
        end
      end
    end
  end
end
return {ids, ''}
