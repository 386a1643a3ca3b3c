-- Everyone's ending in this shard: the number is in force at once, the rows follow.
local id = arg()
local ending = ending_arg()
local n = draw(tonumber(id))
raise(STORE, n, ending.at, number())
cover(n, id == '0' and n or id, nil, ending)
return n
