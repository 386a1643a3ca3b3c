return call('LRANGE', T .. ':newest', 0, number() - 1)
