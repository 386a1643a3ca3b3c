return call('HSET', T .. ':data', 'version', arg())
