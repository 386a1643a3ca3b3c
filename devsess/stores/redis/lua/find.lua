return call('GET', T .. ':shard')
