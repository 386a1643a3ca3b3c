return call('HINCRBY', STORE, 'drawn', 1)
