-- Mostly of the history that is kept: to ask the server for its own takes longer than all the rest.
local of, seq, most, fresh, compares = arg(), number(), number(), arg(), flag()
local here = not compares and call('HGET', STORE, 'history')
return behind(here or kept_history(fresh), of, seq, most)
