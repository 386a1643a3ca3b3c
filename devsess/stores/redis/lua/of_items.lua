-- Shared by the scripts that read or write items, put behind lib.lua.
--
-- An owner's items are the fields of one hash, each named by its place: LENGTH:KIND KEY. Its text
-- is VERSION AT UNTIL BODY.

-- Those of one kind, given as LENGTH:KIND: the one that lasts longest first, then by key.
local function items_of(owner, kind)
  local found = {}
  for _, place in ipairs(call('HKEYS', items_key(owner))) do
    if string.sub(place, 1, #kind) == kind then
      local text = call('HGET', items_key(owner), place)
      local until_ = tonumber(string.match(text, '^%S+ %S+ (%S+) ') or nil) or 0
      found[#found + 1] = {place = place, text = text, until_ = until_}
    end
  end
  table.sort(found, function(a, b)
    if a.until_ ~= b.until_ then return a.until_ > b.until_ end
    return is_before(a.place, b.place)
  end)
  return found
end

local function write_item(owner, place, until_, text)
  call('HSET', items_key(owner), place, text)
  call('ZADD', T .. ':due', until_, joined(owner, place))
end

local function delete_item(owner, place)
  call('HDEL', items_key(owner), place)
  call('ZREM', T .. ':due', joined(owner, place))
end

local function item_arg()
  return {owner = arg(), kind = arg(), key = arg(), before = arg(), until_ = arg(), text = arg(),
    counted = arg()}
end

-- Write an item over the version before it; 0 if another one is there. A damaged one has no
-- version, and is not replaced.
local function put_item(it, most)
  local place, version = it.kind .. it.key, '0'
  local there = call('HGET', items_key(it.owner), place)
  if there then version = string.match(there, '^(%d+) ') end
  if version ~= it.before then return 0 end
  write_item(it.owner, place, it.until_, it.text)
  call('ZADD', USERS, 0, it.owner)
  count(it.counted)
  if call('HLEN', items_key(it.owner)) > most then
    for i, other in ipairs(items_of(it.owner, it.kind)) do
      if i > most then delete_item(it.owner, other.place) end
    end
  end
  return 1
end
