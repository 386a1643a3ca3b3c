local reader, beat = arg(), arg()
local found = call('HGET', T .. ':readers', reader)
if found and string.match(found, '^%d+') == beat then call('HDEL', T .. ':readers', reader) end
