-- Everything about a user; the digests keep a number that no sign-in under way has.
local user, until_, at, digests = arg(), arg(), tonumber(arg()), some()
compare_history()
local n = draw(0)
local all = pendings()
for _, it in ipairs(all) do
  if it.user == user then uncover(it.n) end
end
for _, digest in ipairs(digests) do
  call('HSET', T .. ':x:' .. digest, 'n', n, 'until', until_)
  call('ZADD', T .. ':xs', until_, digest)
end
local sessions = call('ZRANGE', T .. ':u:' .. user, 0, -1)
local devices = call('ZRANGE', T .. ':ds:' .. user, 0, -1)
local places = call('ZRANGE', T .. ':o:' .. user, 0, -1)
for _, id in ipairs(sessions) do
  local row = read(id)
  local by = first_covering(row, all)
  if by then
    count_end(row, by.at, by.counted)
  elseif not row.revoked then
    count_end(row, at or row.seen, ERASED)
  end
  delete_session(row)
  log(id)
end
for _, id in ipairs(devices) do delete_device(user, id) end
for _, place in ipairs(places) do
  call('ZREM', T .. ':at', place .. ':' .. user)
  call('ZREM', T .. ':all', place .. ':' .. user)
  call('ZREM', T .. ':acts', place .. ':' .. user)
end
call('DEL', T .. ':h:' .. user, T .. ':o:' .. user, T .. ':c:' .. user)
local items = call('HKEYS', items_key(user))
for _, place in ipairs(items) do delete_item(user, place) end
local marks = call('DEL', account_key(user))
call('ZREM', USERS, user)
return {#sessions + #devices + #places + #items + marks, sessions}
