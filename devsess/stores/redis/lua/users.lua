-- Users of this shard behind a place, in the order of their bytes, which no write changes.
local after, limit = arg(), number()
return call('ZRANGEBYLEX', USERS, after, '+', 'LIMIT', 0, limit)
