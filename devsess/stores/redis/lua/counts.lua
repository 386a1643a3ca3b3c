-- Shared by the scripts that write, put behind lib.lua: what they add to the statistics.

local DAY, QUARTER, WEEK = 86400, 900, 604800

-- Whether what happens to an account is counted. Data that was begun before there were statistics
-- is counted account by account, in their order; one whose turn is still to come, only then.
local function is_counted(user)
  local to = call('HGET', STORE, 'counts')
  if not to then return call('HEXISTS', STORE, 'place') == 0 end
  return to == 'all' or not is_before(string.sub(to, 4), user)
end

-- Whether an account is among those of its size. Of data that was begun before there were any, the
-- accounts come to it in their order.
local function is_sized(user)
  local to = call('HGET', STORE, 'sized')
  if not to then return call('HEXISTS', STORE, 'place') == 0 end
  return to == 'all' or not is_before(string.sub(to, 4), user)
end

local function add_size(open, change)
  if open <= 0 then return end
  local size = 1
  while SIZES[size + 1] and SIZES[size + 1] <= open do size = size + 1 end
  call('HINCRBY', STORE, 'users' .. SIZES[size], change)
end

-- An account has so many open sessions more than before.
local function resize(user, more)
  if more == 0 or not is_sized(user) then return end
  local open = call('ZCARD', T .. ':open:' .. user)
  add_size(open - more, -1)
  add_size(open, 1)
end

-- Add to one number of a span of time. Where there are so many different ones of a kind
-- already, it counts among the others, that have no name.
local function add(kind, span, name, n, most)
  local key = T .. ':' .. kind .. ':' .. span
  if most > 0 and call('HEXISTS', key, name) == 0
    and call('HLEN', key) - call('HEXISTS', key, '') >= most then name = '' end
  if call('HINCRBY', key, name, n) == n and kind ~= 't' then
    call('ZADD', T .. ':' .. kind .. 's', span, span)
  end
end

local function count_args()
  local found = {open = number()}
  for i = 1, number() do found[i] = {arg(), arg(), arg(), number(), number()} end
  return found
end

local function add_all(counts)
  for _, it in ipairs(counts) do add(unpack(it)) end
  if counts.open ~= 0 then call('HINCRBY', STORE, 'open', counts.open) end
end

-- Add what one event, or a failure, is counted as: DAY QUARTER:MEASURE ..., or nothing.
local function count(text)
  local day, measures = string.match(text, '^(%d+) (.*)$')
  for measure in string.gmatch(measures or '', '%S+') do add('q', day, measure, 1, 0) end
end

-- A reason as it is counted, if its JSON text is a plain word.
local function word_of(reason) return string.match(reason, '^"([%w%-_ ]*)"$') or '' end

local function whole(at) return math.floor(math.min(math.max(tonumber(at), 0), LATEST)) end

local function age_bin(seconds)
  local low, high = 1, #AGES
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if AGES[middle] <= seconds then low = middle else high = middle - 1 end
  end
  return low - 1
end

-- Count a session that is written as ended, or deleted before it was: with its device as that is.
local function count_end(row, at, reason)
  if not is_counted(row.user) then return end
  local is_lapsed = tonumber(row.idle) <= tonumber(at)
  if is_lapsed then at, reason = row.idle, EXPIRED end
  local when, created = whole(at), whole(row.created)
  local day, quarter = math.floor(when / DAY), math.floor(when % DAY / QUARTER)
  local kind = word_of(call('HGET', device_key(row.user, row.dev), 'kind') or '')
  add('q', day, quarter .. ':ended', 1, 0)
  if is_lapsed then add('q', day, quarter .. ':expired', 1, 0) end
  add('t', day .. ':reason', reason, 1, MOST_REASONS)
  add('w', math.floor(created / WEEK), table.concat({age_bin(when - created),
    WAYS[reason] and reason or '', KINDS[kind] and kind or 'unknown'}, '\t'), 1, 0)
  call('HINCRBY', STORE, 'open', -1)
end
