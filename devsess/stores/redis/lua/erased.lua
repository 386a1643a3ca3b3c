-- The digests of erased accounts, with their numbers and until when they are kept.
local found = {}
for i, digest in ipairs(call('ZRANGE', T .. ':xs', 0, -1)) do
  local v = call('HMGET', T .. ':x:' .. digest, 'n', 'until')
  found[i] = {digest, v[1], v[2]}
end
return found
