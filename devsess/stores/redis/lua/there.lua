-- Those of some sessions that there are.
local found = {}
for _, id in ipairs(some()) do
  if call('EXISTS', session_key(id)) == 1 then found[#found + 1] = id end
end
return found
