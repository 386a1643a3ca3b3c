-- Raise this shard's numbers to another store's; its ending of everyone is made if unknown here.
local last, cut, id = number(), arg(), arg()
local ending = ending_arg()
raise_last(last)
for _ = 1, number() do
  local digest, n, until_ = arg(), number(), arg()
  local key = T .. ':x:' .. digest
  raise_last(n)
  if n > get(key, 'n') then call('HSET', key, 'n', n) end
  local kept = tonumber(call('HGET', key, 'until') or nil)
  if not kept or kept < tonumber(until_) then
    call('HSET', key, 'until', until_)
    call('ZADD', T .. ':xs', until_, digest)
  end
end
local known = tonumber(call('HGET', STORE, 'cut') or nil)
if cut ~= '' and (not known or known < tonumber(cut)) then
  local n = draw(tonumber(id))
  raise(STORE, n, ending.at, math.huge)
  cover(n, id == '0' and n or id, nil, ending)
end
