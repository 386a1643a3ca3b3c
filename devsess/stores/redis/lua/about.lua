local about = T .. ':data'
call('HSETNX', about, 'version', arg())
call('HSETNX', about, 'shards', arg())
local found, memory = call('HMGET', about, 'version', 'shards'), call('INFO', 'memory')
local policy = string.match(memory, 'maxmemory_policy:(%S+)') or ''
local is_limited = string.match(memory, 'maxmemory:(%d+)') ~= '0'
return {found[1], found[2], is_limited and policy or 'noeviction'}
