return call('DEL', T .. ':shard')
