-- Shared by the scripts that search, put behind lib.lua.

-- The index that is walked, its range, and what is compared in each row.
local function filter_arg()
  local wanted = {key = T .. arg(), since = arg(), until_ = arg(), is_ended = arg(), at = cutoffs(),
    texts = {}}
  for _ = 1, number() do
    local name = arg()
    wanted.texts[name] = arg()
  end
  return wanted
end

local function is_wanted(row, wanted, all)
  local has_ended = row.revoked or first_covering(row, all)
  for name, text in pairs(wanted.texts) do
    local own = row[name]
    if name == 'ip' then
      own = has_ended and row.network or call('HGET', session_key(row.id), 'ip') or 'null'
    end
    if own ~= text then return false end
  end
  local is_over = has_ended or not is_live(row, wanted.at)
  return wanted.is_ended == '' or wanted.is_ended == (is_over and '1' or '0')
end
