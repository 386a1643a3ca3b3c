-- The readers that have not applied all changes up to a position, each with its beat.
local of, seq, fresh = arg(), number(), arg()
local here, late = history(fresh), {}
local readers = call('HGETALL', T .. ':readers')
for i = 1, #readers, 2 do
  local beat, applied, its = string.match(readers[i + 1], '^(%d+) (%-?%d+) (.*)$')
  if of ~= here or its ~= here or tonumber(applied) < seq then
    late[#late + 1] = {readers[i], beat}
  end
end
local v = call('HMGET', STORE, 'seasoned', 'lease')
return {here, v[1] == here and 1 or 0, v[2] or '0', late}
