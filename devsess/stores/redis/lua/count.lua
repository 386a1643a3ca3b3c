return call('ZCARD', T .. ':n')
