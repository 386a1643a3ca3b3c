-- The shard of a session's id, which never changes while there is such a session.
if call('SET', T .. ':shard', ARGV[1], 'NX') then return {1, ARGV[1]} end
return {0, call('GET', T .. ':shard')}
