"""
The indexes of searches, as a step of `schema` made them, which is never changed.

A later step, in `keys`, has made all but `events_acts` anew.
"""

# One for each column that a search may begin with, newest first behind it. The keys that
# `sessions_lapse` has gained are all that liveness asks for: live sessions are counted in it alone.
# Indexes of unrevoked rows have `revoked_at` among their keys: SQLite 3.40 would look it up in each
# row.
SEARCH = """
CREATE INDEX sessions_created ON sessions (created_at, id);
CREATE INDEX sessions_network ON sessions (network, created_at, id);
CREATE INDEX sessions_device ON sessions (device_id, created_at, id);
CREATE INDEX sessions_score ON sessions (score, created_at, id, revoked_at)
    WHERE score IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX events_acts ON events (seq) WHERE actor IS NOT NULL AND actor <> user_id;
DROP INDEX sessions_user;
CREATE INDEX sessions_user ON sessions (user_id, created_at, id);
DROP INDEX sessions_live;
CREATE INDEX sessions_live ON sessions (user_id, created_at, id, revoked_at)
    WHERE revoked_at IS NULL;
DROP INDEX sessions_lapse;
CREATE INDEX sessions_lapse ON sessions
    (idle_expires_at, absolute_expires_at, idle_from, created_at, revoked_at)
    WHERE revoked_at IS NULL;
"""
