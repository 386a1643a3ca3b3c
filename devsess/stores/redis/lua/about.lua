local about = T .. ':data'
call('HSETNX', about, 'version', arg())
call('HSETNX', about, 'shards', arg())
return call('HMGET', about, 'version', 'shards')
