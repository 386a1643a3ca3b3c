-- Shared by the scripts that read the log, put behind base.lua.

-- The log's history as the server has it now.
local function history(fresh)
  local id = call('HGET', STORE, 'id')
  if not id then
    id = fresh
    call('HSET', STORE, 'id', id)
  end
  return history_of(id)
end

-- The same, kept for those that only read the log. A server without memory for it reads all the same.
local function kept_history(fresh)
  local here = history(fresh)
  if call('HGET', STORE, 'history') ~= here then redis.pcall('HSET', STORE, 'history', here) end
  return here
end

-- Where the log stands, and the ids behind a position; false in place of them stands for all.
local function behind(here, of, seq, most)
  local now = get(STORE, 'seq')
  if of ~= here or seq > now or now - seq > most then return {here, now, false} end
  if seq == now then return {here, now, {}} end
  local entries = call('XRANGE', T .. ':log', seq + 1 .. '-0', '+')
  if #entries ~= now - seq then return {here, now, false} end
  local found = {}
  for i, entry in ipairs(entries) do
    if entry[2][1] == 'a' then return {here, now, false} end
    found[i] = entry[2][2]
  end
  return {here, now, found}
end
