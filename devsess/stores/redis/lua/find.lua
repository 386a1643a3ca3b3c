return call('GET', T)
