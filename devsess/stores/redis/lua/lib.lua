-- Shared by every script but those that only look into the log, put behind base.lua.

local function session_key(id) return T .. ':s:' .. id end
local function account_key(user) return T .. ':a:' .. user end
-- A place in the queue, but for the id: numbers as bytes that are in their order.
local function queue_place(score, created)
  local points = math.min(math.max(score, -2147483648), 2147483647) + 2147483648
  return struct.pack('>I4d', points, math.max(created, 0))
end
-- Two ids as one, which `split` parts again.
local function joined(user, device) return #user .. ':' .. user .. device end
local function device_key(user, device) return T .. ':d:' .. joined(user, device) end
-- A network's text is JSON, as its column is.
local function network_key(text) return T .. ':net:' .. text end
local function items_key(owner) return T .. ':it:' .. owner end
local function in_order(n, id) return string.format('%016d', n) .. id end

-- By bytes: < follows the language of the server.
local function is_before(a, b)
  for i = 1, math.min(#a, #b) do
    local one, other = string.byte(a, i), string.byte(b, i)
    if one ~= other then return one < other end
  end
  return #a < #b
end

-- A session's columns that decide; nil if there is none.
local DECIDING = {'user', 'dev', 'who', 'revoked_at', 'ending_number', 'last_seen_at', 'idle_from',
  'idle_expires_at', 'absolute_expires_at', 'created_at', 'network', 'user_agent',
  'impersonator', 'score'}
local function read(id)
  local v = call('HMGET', session_key(id), unpack(DECIDING))
  if not v[1] then return nil end
  return {id = id, user = v[1], dev = v[2], who = v[3], revoked = v[4], n = tonumber(v[5]),
    seen = tonumber(v[6]), idle_from = tonumber(v[7]), idle = v[8], until_ = tonumber(v[9]),
    created = v[10], network = v[11] or 'null', agent = v[12] or 'null', is_acted = v[13], score = tonumber(v[14])}
end

local function is_live(row, at)
  return tonumber(row.idle) > at.now and row.until_ > at.now and row.idle_from > at.idle
    and tonumber(row.created) > at.created
end

local function by_use(a, b)
  if a.seen ~= b.seen then return a.seen < b.seen end
  return a.id < b.id
end

-- The highest ending number that binds an account.
local function binding(user, digests)
  local highest = math.max(get(STORE, 'n'), get(account_key(user), 'n'))
  for _, digest in ipairs(digests or {}) do
    highest = math.max(highest, get(T .. ':x:' .. digest, 'n'))
  end
  return highest
end

-- Whether it is neither written as ended nor covered: an ending covers all rows of lower numbers.
local function is_open(row)
  return not row.revoked and row.n >= binding(row.user)
end

-- Endings whose rows follow, oldest first.
local function pendings()
  local found = {}
  for i, n in ipairs(call('ZRANGE', T .. ':pending', 0, -1)) do
    local v = call('HMGET', T .. ':p:' .. n, 'id', 'user', 'at', 'idle', 'created', 'reason', 'actor',
      'counted')
    found[i] = {n = tonumber(n), id = v[1], user = v[2], at = v[3], reason = v[6], actor = v[7],
      counted = v[8] or string.match(v[6], '^"([%w%-_ ]*)"$') or '',
      cutoffs = {now = tonumber(v[3]), idle = tonumber(v[4]), created = tonumber(v[5])}}
  end
  return found
end

local function first_covering(row, all)
  if row.revoked then return nil end
  for _, it in ipairs(all) do
    if row.n < it.n and (not it.user or it.user == row.user) then return it end
  end
end

-- A session as Python reads it: its columns, and the end that covers it.
local function shown(id, all)
  local covering, row = '', nil
  if #all > 0 then
    row = read(id)
    local by = row and first_covering(row, all)
    if by then covering = {by.at, by.reason, by.actor} end
  end
  return {call('HGETALL', session_key(id)), covering}
end

local function with_devices(ids)
  local rows, devices, known, all = {}, {}, {}, pendings()
  for i, id in ipairs(ids) do
    rows[i] = shown(id, all)
    local owner = call('HMGET', session_key(id), 'user', 'dev')
    local key = owner[1] and device_key(owner[1], owner[2])
    if key and not known[key] then
      known[key] = true
      devices[#devices + 1] = call('HGETALL', key)
    end
  end
  return {rows, devices}
end

-- An event as Python reads it; of a covered session without its address.
local function shown_event(user, place, all)
  local v = call('HMGET', T .. ':h:' .. user, place, place .. 'i', place .. '@', place .. 'k')
  local session = v[2] and #all > 0 and string.match(v[4], '^%S+ s(.*)$')
  local row = session and read(session)
  if row and first_covering(row, all) then v[2] = false end
  return {place, v[1], v[2] or '', v[3] or ''}
end
