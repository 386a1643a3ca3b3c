-- Before every script that reads: a replica, or a master that has lost its replicas and asks for
-- some, refuses to delete nothing, and so to read what may be old. A full disk is no reason.
local refused = redis.pcall('DEL', KEYS[1])
if type(refused) == 'table' and not string.find(refused.err, 'MISCONF', 1, true) then
  return refused
end
