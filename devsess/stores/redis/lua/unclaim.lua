return call('DEL', T)
