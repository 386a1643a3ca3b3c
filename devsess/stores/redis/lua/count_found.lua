-- How many sessions a filter finds, so many at most, and how many have to be looked at for it: where
-- those are too many, none is.
local wanted, most, looked = filter_arg(), number(), number()
local there, found, all = call('ZCOUNT', wanted.key, wanted.since, wanted.until_), 0, pendings()
if there > looked then return {0, there} end
for _, id in ipairs(call('ZRANGEBYSCORE', wanted.key, wanted.since, wanted.until_)) do
  if found < most and is_wanted(read(id), wanted, all) then found = found + 1 end
end
return {found, there}
