return call('HDEL', T .. ':readers', arg())
