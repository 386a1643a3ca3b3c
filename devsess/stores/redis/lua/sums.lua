-- The counts of some days and in some weeks: by range, by dimension and key, by week.
local bounds, days, first, behind, weeks = some(), some(), number(), number(), some()
for i, it in ipairs(bounds) do bounds[i] = tonumber(it) end
local ranges, tallies, spans = {}, {}, {}

local function into(sums, name, n) sums[name] = (sums[name] or 0) + tonumber(n) end
local function pairs_of(sums)
  local found = {}
  for name, n in pairs(sums) do
    found[#found + 1] = name
    found[#found + 1] = n
  end
  return found
end

-- The last of equal bounds begins the range.
local function range_of(quarter)
  local low, high = 0, #bounds
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if bounds[middle] <= quarter then low = middle else high = middle - 1 end
  end
  return low
end

for _, day in ipairs(days) do
  local counts, of = call('HGETALL', T .. ':q:' .. day), {}
  for i = 1, #counts, 2 do
    local quarter, measure = string.match(counts[i], '^(%d+):(.*)$')
    if not of[quarter] then of[quarter] = range_of(day * 96 + quarter) end
    if of[quarter] > 0 then into(ranges, of[quarter] .. ':' .. measure, counts[i + 1]) end
  end
  if tonumber(day) >= first and tonumber(day) < behind then
    for _, dimension in ipairs({'device', 'place', 'reason'}) do
      local keys = call('HGETALL', T .. ':t:' .. day .. ':' .. dimension)
      for i = 1, #keys, 2 do into(tallies, dimension .. ':' .. keys[i], keys[i + 1]) end
    end
  end
end
for i, week in ipairs(weeks) do spans[i] = {week, call('HGETALL', T .. ':w:' .. week)} end
return {pairs_of(ranges), pairs_of(tallies), spans}
