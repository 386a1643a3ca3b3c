-- Shared by the scripts of copies, put behind lib.lua.

local function store_mark() return call('HMGET', STORE, 'n', 'cut', 'last') end

-- What stays the same while no session, device, event or item of a user comes or goes, and no
-- ending comes. The place of an event is never used twice, and each new session has an event.
local function state_of(user)
  local latest = call('ZREVRANGE', T .. ':o:' .. user, 0, 0)[1]
  local everyone, own = store_mark(), call('HMGET', account_key(user), 'n', 'cut')
  local found = {call('ZCARD', T .. ':u:' .. user), call('ZCARD', T .. ':ds:' .. user),
    call('ZCARD', T .. ':o:' .. user), call('HLEN', items_key(user)), latest or '', everyone[1] or '', everyone[2] or '',
    own[1] or '', own[2] or ''}
  return table.concat(found, ' ')
end
