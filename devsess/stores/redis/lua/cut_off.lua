return call('HGET', account_key(arg()), 'cut')
