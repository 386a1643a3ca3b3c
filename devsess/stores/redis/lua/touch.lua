local id, moved, bound, presented = arg(), {}, flag(), nil
moved.last_seen_at, moved.idle_from, moved.idle_expires_at, presented = arg(), arg(), arg(), arg()
local row, key = read(id), session_key(id)
if not row or not is_open(row) then return 0 end
for name, text in pairs(moved) do
  if tonumber(text) > tonumber(call('HGET', key, name)) then
    call('HSET', key, name, text)
    if name == 'idle_expires_at' then call('ZADD', T .. ':idle', text, id) end
  end
end
if bound then call('HSET', key, 'bound', 'true') end
if presented == call('HGET', key, 'generation') then call('HSET', key, 'presented', 'true') end
return 1
