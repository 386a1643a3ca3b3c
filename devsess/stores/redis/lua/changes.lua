-- What the log has behind a position. A restarted server has another replication id, an emptied
-- one another id in its data: each is another history, in which no old position means anything.
local history, seq, most, fresh = arg(), number(), number(), arg()
local id = call('HGET', STORE, 'id')
if not id then
  id = fresh
  call('HSET', STORE, 'id', id)
end
local here = string.match(call('INFO', 'replication'), 'master_replid:(%w+)') .. id
local now = get(STORE, 'seq')
if history ~= here or seq > now or now - seq > most then return {here, now, false} end
if seq == now then return {here, now, {}} end
local entries = call('XRANGE', T .. ':log', seq + 1 .. '-0', '+')
if #entries ~= now - seq then return {here, now, false} end
local found = {}
for i, entry in ipairs(entries) do
  if entry[2][1] == 'a' then return {here, now, false} end
  found[i] = entry[2][2]
end
return {here, now, found}
