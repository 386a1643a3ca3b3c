local of, fresh = arg(), arg()
if kept_history(fresh) == of then call('HSET', STORE, 'seasoned', of) end
