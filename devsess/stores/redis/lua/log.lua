-- Shared by the scripts that read the log, put behind lib.lua.

-- The log's history. A restarted or promoted server has another replication id, an emptied one
-- another id in its data: no position of one history means anything in another.
local function history(fresh)
  local id = call('HGET', STORE, 'id')
  if not id then
    id = fresh
    call('HSET', STORE, 'id', id)
  end
  return string.match(call('INFO', 'replication'), 'master_replid:(%w+)') .. '-' .. id
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
