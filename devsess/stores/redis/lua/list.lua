return with_devices(call('ZRANGE', T .. ':u:' .. arg(), 0, -1))
