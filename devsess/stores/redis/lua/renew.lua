-- Register a reader with the position that it has applied, then read the log: one script, so an
-- ending that is not in the answer comes later, and finds the reader registered.
local of, seq, most, fresh, reader, beat, lease = arg(), number(), number(), arg(), arg(), arg(), arg()
local here = kept_history(fresh)
local answer = behind(here, of, seq, most)
-- A position that means nothing is behind every other.
local applied = answer[3] and seq or -1
call('HSET', T .. ':readers', reader, beat .. ' ' .. applied .. ' ' .. here)
local longest = tonumber(call('HGET', STORE, 'lease') or '0')
if tonumber(lease) > longest then call('HSET', STORE, 'lease', lease) end
return answer
