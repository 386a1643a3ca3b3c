-- The items of an owner and a kind.
local owner, kind, limit, found = arg(), arg(), number(), {}
for i, it in ipairs(items_of(owner, kind)) do
  if i <= limit then found[i] = {it.place, it.text} end
end
return found
