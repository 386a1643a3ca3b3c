-- Shared by every script, put before it. One script is one transaction of one shard.
--
-- KEYS[1] is the shard's tag: all keys of a script begin with it, and so lie in one slot.
-- Columns are JSON texts, written in Python and never encoded here: a number that Lua
-- prints has 14 digits. An absent column is null.
--
--   :store        numbers of the shard: n and cut (everyone's ending), last (drawn), seq (log),
--                 place (of events), id (another one once the data was lost), history (of the log),
--                 open (sessions, as counted), counts (the accounts that are counted), users1 to
--                 users11 (accounts by open sessions), sized (the accounts that are in those)
--   :a:USER       the account's ending: n, cut          :x:DIGEST  of an erased one: n, until
--   :s:ID         a session                             :i:ID  places of its events with an address
--   :d:LENGTH:USER DEVICE   a device, and how many sessions use it
--   :u:USER  :open:USER     sessions by sign-in: all; those that are not written as ended
--   :made :net:NETWORK :dev:DEVICE   sessions by sign-in: of all users, a network, a device
--   :queue                  sessions with a score, not written as ended, by score and sign-in
--   :idle  :n  :ended       sessions by idle deadline and by ending number, not written as
--                           ended; and those that are, by the instant of their end
--   :users                  users, in the order of their bytes: all about whom anything is kept
--   :ds:USER  :seen  :free  devices by sign-in; those that a purge may take
--   :h:USER  :o:USER  :c:USER  :at  :newest   events: texts, order, counts, instants
--   :all  :acts             events of all users, PLACE:USER, by place: all; those of operators
--   :it:OWNER  :due         items of an account, or of an owner that is none; all by their end
--   :q:DAY  :t:DAY:DIMENSION  :w:WEEK   statistics: see counts.py; and :qs :ws their days and weeks
--   :pending  :p:NUMBER     endings whose rows follow
--   :log                    the change log, a stream

local call, T, taken = redis.call, KEYS[1], 0
local STORE, USERS = T .. ':store', T .. ':users'
local EVENTS_EACH, LOG_BOUND, NEWEST = 1000, 20000, 1000

local function arg()
  taken = taken + 1
  return ARGV[taken]
end
local function number() return tonumber(arg()) end
local function flag() return arg() == '1' end
local function some()
  local found = {}
  for i = 1, number() do found[i] = arg() end
  return found
end
local function cutoffs()
  return {now = number(), idle = number(), created = number(), future = number()}
end
local function get(key, name) return tonumber(call('HGET', key, name) or 0) or 0 end

-- The log's history. A restarted or promoted server has another replication id, an emptied one
-- another id in its data: no position of one history means anything in another.
local function history_of(id)
  return string.match(call('INFO', 'replication'), 'master_replid:(%w+)') .. '-' .. id
end
