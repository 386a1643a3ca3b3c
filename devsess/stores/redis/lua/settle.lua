-- Write covered rows as ended, oldest ending first: of one's own and of those not after an instant.
local limit, own, before, end_kind = number(), arg(), number(), arg()
local all, rows = pendings(), {}
for _, it in ipairs(all) do
  local is_asked = it.id == own or tonumber(it.at) <= before
  if is_asked and #rows <= limit then
    for batch in lower(it.n, it.user) do
      for _, found in ipairs(batch) do
        if #rows <= limit and first_covering(found[1], all) == it then
          rows[#rows + 1] = {found[1], it}
        end
      end
      if #rows > limit then break end
    end
  end
end
local events, answer = {}, {}
for i = 1, math.min(limit, #rows) do
  local row, by = rows[i][1], rows[i][2]
  end_session(row, by.at, by.reason, by.actor, by.counted)
  if is_live(row, by.cutoffs) then
    events[#events + 1] = end_event(row, end_kind, by.at, by.reason, by.actor)
    answer[#answer + 1] = {tostring(row.seen), events[#events].text}
  end
end
for _, it in ipairs(events) do insert_event(it) end
-- An ending is over when no row has a lower number: none can be inserted under one any more.
for _, it in ipairs(all) do
  local is_over = true
  for batch in lower(it.n, it.user) do
    if #batch > 0 then
      is_over = false
      break
    end
  end
  if is_over then uncover(it.n) end
end
return {#rows > limit and 1 or 0, math.min(limit, #rows), answer}
