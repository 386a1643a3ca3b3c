local of, fresh = arg(), arg()
if history(fresh) == of then call('HSET', STORE, 'seasoned', of) end
