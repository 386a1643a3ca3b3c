call('HSETNX', T, 'version', arg())
call('HSETNX', T, 'shards', arg())
return call('HMGET', T, 'version', 'shards')
