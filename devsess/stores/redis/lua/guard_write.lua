-- Before every script that writes: whatever would refuse a write in the middle refuses this one,
-- which writes nothing. Memory that runs out later stops no script that has begun.
redis.call('SETRANGE', KEYS[1], 0, '')
