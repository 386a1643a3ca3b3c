-- Shared by the scripts that write, put behind lib.lua.

-- The log. The number, the entry and the message come in the write's own script, and scripts
-- run one after the other: an entry is never visible before one of a lower number.
local is_published, is_compared = false, false

-- Compare the history that is kept with the server's own, before anything is ended or logged: a
-- server that took over, or was restarted, may lack the latest rows and entries. It says so in
-- the script that ends the first session or writes the first entry: no number of the log
-- has two meanings in one history, and no process remembers a session that an ending did not
-- find.
local function compare_history()
  if is_compared then return end
  is_compared = true
  local v = call('HMGET', STORE, 'id', 'history')
  local here = v[1] and v[2] and history_of(v[1])
  if here and here ~= v[2] then call('HSET', STORE, 'history', here) end
end

local function log(id)
  compare_history()
  local seq = call('HINCRBY', STORE, 'seq', 1)
  call('XADD', T .. ':log', 'MAXLEN', '~', LOG_BOUND, seq .. '-0', id and 's' or 'a', id or '')
  if not is_published then
    is_published = true
    call('PUBLISH', string.match(T, '^{(.*):%d+}$') .. ':log', '')
  end
end

-- The place of an event in the history: the server's microseconds, but always higher than before.
local function next_place()
  local time = call('TIME')
  local place_before = get(STORE, 'place')
  local place = math.max(time[1] * 1000000 + time[2], place_before + 1)
  local text = string.format('%.0f', place)
  if place_before == 0 then
    call('HSETNX', STORE, 'counts', 'all')
    call('HSETNX', STORE, 'sized', 'all')
  end
  call('HSET', STORE, 'place', text)
  return text
end

local function event_args()
  if not flag() then return nil end
  return {user = arg(), session = flag() and arg() or (arg() and nil), kind = arg(), at = arg(),
    text = arg(), ip = arg(), is_act = flag(), counted = arg()}
end

local function alike(event)
  return event.kind .. ' ' .. (event.session and 's' .. event.session or 'a')
end

local function is_full(event)
  return get(T .. ':c:' .. event.user, alike(event)) >= EVENTS_EACH
end

local function insert_event(event)
  if is_full(event) then return end
  local place, user, texts = next_place(), event.user, T .. ':h:' .. event.user
  call('HINCRBY', T .. ':c:' .. user, alike(event), 1)
  call('HSET', texts, place, event.text, place .. 'k', alike(event))
  if event.ip ~= '' then
    call('HSET', texts, place .. 'i', event.ip)
    if event.session and call('EXISTS', session_key(event.session)) == 1 then
      call('RPUSH', T .. ':i:' .. event.session, place)
    end
  end
  call('ZADD', USERS, 0, user)
  call('ZADD', T .. ':o:' .. user, place, place)
  call('ZADD', T .. ':at', event.at, place .. ':' .. user)
  call('ZADD', T .. ':all', place, place .. ':' .. user)
  if event.is_act then call('ZADD', T .. ':acts', place, place .. ':' .. user) end
  call('LPUSH', T .. ':newest', place .. ' ' .. event.at)
  call('LTRIM', T .. ':newest', 0, NEWEST - 1)
  if event.counted ~= '' and is_counted(user) then count(event.counted) end
end

local function delete_event(user, place)
  local texts, counts = T .. ':h:' .. user, T .. ':c:' .. user
  local kind = call('HGET', texts, place .. 'k')
  if kind and call('HINCRBY', counts, kind, -1) <= 0 then call('HDEL', counts, kind) end
  call('HDEL', texts, place, place .. 'k', place .. 'i', place .. '@')
  call('ZREM', T .. ':o:' .. user, place)
  call('ZREM', T .. ':at', place .. ':' .. user)
  call('ZREM', T .. ':all', place .. ':' .. user)
  call('ZREM', T .. ':acts', place .. ':' .. user)
end

-- All sessions are in these indexes, by sign-in.
local function listed_in(row)
  local keys = {T .. ':u:' .. row.user, T .. ':made', T .. ':dev:' .. row.dev}
  if row.network ~= 'null' then keys[4] = network_key(row.network) end
  return keys
end

local function enlist(row)
  for _, key in ipairs(listed_in(row)) do call('ZADD', key, row.created, row.id) end
end

local function delist(row)
  for _, key in ipairs(listed_in(row)) do call('ZREM', key, row.id) end
end

local function queued(row)
  return queue_place(row.score, row.created) .. row.id
end

-- Sessions that are not written as ended are in three indexes, and those with a score in a fourth.
local function index(row)
  resize(row.user, call('ZADD', T .. ':open:' .. row.user, row.created, row.id))
  call('ZADD', T .. ':idle', row.idle, row.id)
  call('ZADD', T .. ':n', 0, in_order(row.n, row.id))
  if row.score then call('ZADD', T .. ':queue', 0, queued(row)) end
end

local function unindex(row)
  resize(row.user, -call('ZREM', T .. ':open:' .. row.user, row.id))
  call('ZREM', T .. ':idle', row.id)
  call('ZREM', T .. ':n', in_order(row.n, row.id))
  if row.score then call('ZREM', T .. ':queue', queued(row)) end
end

-- A device's sessions that are not written as ended. An account may have others by the thousand, and
-- a device ones that have ended: the server goes through the smaller set, without their rows. Of an
-- account that was written before sessions were in a set of their device, all are read.
local function open_on(user, dev)
  local open, found = T .. ':open:' .. user, {}
  if is_counted(user) then return call('ZINTER', 2, open, T .. ':dev:' .. dev) end
  for _, id in ipairs(call('ZRANGE', open, 0, -1)) do
    if call('HGET', session_key(id), 'dev') == dev then found[#found + 1] = id end
  end
  return found
end

-- The addresses of a session's events become networks.
local function drop_addresses(user, id)
  local places = T .. ':i:' .. id
  for _, place in ipairs(call('LRANGE', places, 0, -1)) do
    call('HDEL', T .. ':h:' .. user, place .. 'i')
  end
  call('DEL', places)
end

-- Write a session as ended: its address, and those of its events, become networks.
local function end_session(row, at, reason, actor, counted)
  count_end(row, at, counted)
  call('HSET', session_key(row.id), 'revoked_at', at, 'reason', reason, 'actor', actor,
    'ip', row.network)
  drop_addresses(row.user, row.id)
  unindex(row)
  call('ZADD', T .. ':ended', at, row.id)
end

-- The event of a session's end; Python reads its members.
local function end_event(row, kind, at, reason, actor)
  local text = '{"of":{' .. row.who .. '},"network":' .. row.network .. ',"user_agent":'
    .. row.agent .. ',"at":' .. at .. ',"reason":' .. reason .. ',"actor":' .. actor .. '}'
  local is_own = string.find(row.who, '"user_id":' .. actor .. ',"device":', 1, true)
  return {user = row.user, session = row.id, kind = kind, at = at, text = text, ip = '',
    is_act = actor ~= 'null' and not is_own, counted = ''}
end

-- Devices.

local function split(member)
  local length = string.match(member, '^(%d+):')
  local from = #length + 2
  return string.sub(member, from, from + length - 1), string.sub(member, from + length)
end

-- Keep the indexes of a device as it is now.
local function index_device(user, device)
  local v = call('HMGET', device_key(user, device), 'last_seen_at', 'uses', 'forgotten',
    'blocked', 'name')
  local member, free = joined(user, device), T .. ':free'
  call('ZADD', T .. ':ds:' .. user, v[1], device)
  call('ZADD', T .. ':seen', v[1], member)
  if tonumber(v[2] or 0) > 0 then
    call('ZREM', free, member)
  elseif v[3] == 'true' then
    call('ZADD', free, '-inf', member)
  elseif v[4] == 'true' or v[5] ~= 'null' then
    call('ZREM', free, member)
  else
    call('ZADD', free, v[1], member)
  end
end

local function delete_device(user, device)
  call('DEL', device_key(user, device))
  call('ZREM', T .. ':ds:' .. user, device)
  call('ZREM', T .. ':seen', joined(user, device))
  call('ZREM', T .. ':free', joined(user, device))
end

-- Delete a session that was written as ended, or with all of its account.
local function delete_session(row)
  call('DEL', session_key(row.id), T .. ':i:' .. row.id)
  unindex(row)
  call('ZREM', T .. ':ended', row.id)
  delist(row)
  if call('EXISTS', device_key(row.user, row.dev)) == 1 then
    call('HINCRBY', device_key(row.user, row.dev), 'uses', -1)
    index_device(row.user, row.dev)
  end
end

-- Endings.

local function ending_arg()
  return {at = arg(), reason = arg(), actor = arg(), idle = arg(), created = arg(), counted = arg()}
end

local function raise_last(n)
  if n > get(STORE, 'last') then call('HSET', STORE, 'last', n) end
end

local function draw(at_least)
  local n = math.max(get(STORE, 'last') + 1, at_least)
  call('HSET', STORE, 'last', n)
  return n
end

-- Raise the number of an account or of the store, and its cut-off: later only, but for one that
-- a clock which was ahead has set.
local function raise(key, n, now, future)
  local old = tonumber(call('HGET', key, 'cut') or nil)
  call('HSET', key, 'n', n)
  if not old or old > future or old < tonumber(now) then call('HSET', key, 'cut', now) end
end

local function cover(n, id, user, ending)
  local key = T .. ':p:' .. n
  call('ZADD', T .. ':pending', n, n)
  call('HSET', key, 'id', id, 'at', ending.at, 'idle', ending.idle, 'created', ending.created,
    'reason', ending.reason, 'actor', ending.actor, 'counted', ending.counted)
  if user then call('HSET', key, 'user', user) end
  log(nil)
end

local function uncover(n)
  call('ZREM', T .. ':pending', n)
  call('DEL', T .. ':p:' .. n)
end

-- Ids of sessions behind a cursor that are not written as ended and have a lower number than n,
-- in an order that stays: of one user or of all. Each step gives a batch, and nil at the end.
local function lower(n, user, cursor)
  local offset, last = 0, cursor
  return function()
    local found, read_ = {}, nil
    if user then
      local from = last and string.match(last, '^(%S+) ') or '-inf'
      read_ = call('ZRANGEBYSCORE', T .. ':open:' .. user, from, '+inf', 'LIMIT', offset, 100)
      offset = offset + #read_
      local behind = last and string.match(last, '^%S+ (.*)$')
      for _, id in ipairs(read_) do
        local row = read(id)
        local is_behind = not last or tonumber(row.created) > tonumber(from) or id > behind
        if row.n < n and is_behind then found[#found + 1] = {row, row.created .. ' ' .. id} end
      end
    else
      read_ = call('ZRANGEBYLEX', T .. ':n', last and '(' .. last or '-', '(' .. in_order(n, ''),
        'LIMIT', 0, 100)
      for i, member in ipairs(read_) do
        found[i] = {read(string.sub(member, 17)), member}
        last = member
      end
    end
    return #read_ > 0 and found or nil
  end
end
