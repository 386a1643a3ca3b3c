"""
The tables of the PostgreSQL store, and the steps that made them.

A step, once released, is never changed: a new one follows it, and it only adds, so
that processes of the release before go on beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from psycopg.errors import LockNotAvailable

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.calls import StoreBusyError
from devsess.stores.postgres.recount import OPEN_TO_ACCOUNTS, STATEMENTS

if TYPE_CHECKING:
    from devsess.stores.postgres.transaction import Transaction

# The C collation orders texts by code point, as Python does.
_TEXT = 'text COLLATE "C"'

_TABLES = f"""
CREATE TABLE {{s}}.meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    ending_number bigint NOT NULL DEFAULT 0,
    cut_off float8,
    lease float8 NOT NULL DEFAULT 0,
    log_cut xid8 NOT NULL DEFAULT '0',
    log_cut_by pg_snapshot
);
INSERT INTO {{s}}.meta DEFAULT VALUES;
CREATE SEQUENCE {{s}}.numbers AS bigint MINVALUE 0 START 0;
SELECT nextval('{{s}}.numbers');
CREATE TABLE {{s}}.accounts (
    user_id {_TEXT} PRIMARY KEY,
    ending_number bigint NOT NULL,
    cut_off float8 NOT NULL
);
CREATE TABLE {{s}}.devices (
    id {_TEXT} NOT NULL,
    user_id {_TEXT} NOT NULL,
    label text NOT NULL,
    kind text NOT NULL,
    os text NOT NULL,
    browser text NOT NULL,
    first_seen_at float8 NOT NULL,
    last_seen_at float8 NOT NULL,
    trusted_until float8,
    blocked boolean NOT NULL,
    name text,
    fingerprint bytea,
    network text,
    resembles text,
    forgotten boolean NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX devices_latest ON {{s}}.devices (user_id, last_seen_at DESC, id) WHERE NOT forgotten;
CREATE INDEX devices_fingerprint ON {{s}}.devices (user_id, fingerprint)
    WHERE fingerprint IS NOT NULL;
CREATE INDEX devices_seen ON {{s}}.devices (last_seen_at);
CREATE INDEX devices_forgotten ON {{s}}.devices (user_id, id) WHERE forgotten;
CREATE TABLE {{s}}.sessions (
    id {_TEXT} PRIMARY KEY,
    user_id {_TEXT} NOT NULL,
    device_id {_TEXT} NOT NULL,
    ip text,
    network text,
    user_agent text,
    location text,
    created_at float8 NOT NULL,
    last_seen_at float8 NOT NULL,
    idle_from float8 NOT NULL,
    idle_expires_at float8 NOT NULL,
    absolute_expires_at float8 NOT NULL,
    auth_time bigint NOT NULL,
    amr text[] NOT NULL,
    acr text,
    persistent boolean NOT NULL,
    claims text NOT NULL,
    salt bytea NOT NULL,
    generation bigint NOT NULL,
    rotated_at float8,
    rotated_by text,
    bound boolean NOT NULL,
    revoked_at float8,
    reason text,
    actor text,
    previous_generation bigint,
    presented boolean NOT NULL,
    levels text NOT NULL,
    ending_number bigint NOT NULL
);
CREATE INDEX sessions_user ON {{s}}.sessions (user_id, device_id);
CREATE INDEX sessions_live ON {{s}}.sessions (user_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_number ON {{s}}.sessions (ending_number) WHERE revoked_at IS NULL;
CREATE INDEX sessions_lapse ON {{s}}.sessions (idle_expires_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_end ON {{s}}.sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE TABLE {{s}}.events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type text NOT NULL,
    at float8 NOT NULL,
    user_id {_TEXT} NOT NULL,
    session_id {_TEXT},
    device_id {_TEXT},
    ip text,
    network text,
    user_agent text,
    reason text,
    actor text,
    assessment text,
    new_device boolean NOT NULL
);
CREATE INDEX events_user ON {{s}}.events (user_id, seq);
CREATE INDEX events_session ON {{s}}.events (session_id, type) WHERE session_id IS NOT NULL;
CREATE INDEX events_sessionless ON {{s}}.events (user_id, type) WHERE session_id IS NULL;
CREATE INDEX events_at ON {{s}}.events (at);
CREATE TABLE {{s}}.endings (
    number bigint PRIMARY KEY,
    user_id {_TEXT},
    at float8 NOT NULL,
    idle_after float8 NOT NULL,
    created_after float8 NOT NULL,
    reason text NOT NULL,
    actor text
);
CREATE TABLE {{s}}.erased (
    digest bytea PRIMARY KEY,
    ending_number bigint NOT NULL,
    until float8 NOT NULL
);
CREATE INDEX erased_until ON {{s}}.erased (until);
CREATE TABLE {{s}}.log (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    session_id text
);
CREATE INDEX log_xid ON {{s}}.log (xid);
CREATE UNLOGGED TABLE {{s}}.history (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    seasoned text
);
CREATE UNLOGGED TABLE {{s}}.readers (
    id {_TEXT} PRIMARY KEY,
    beat bigint NOT NULL,
    applied pg_snapshot
)
"""

_ITEMS_AND_DEMANDS = f"""
CREATE TABLE {{s}}.items (
    kind {_TEXT} NOT NULL,
    owner {_TEXT} NOT NULL,
    key {_TEXT} NOT NULL,
    body text NOT NULL,
    version bigint NOT NULL,
    at float8 NOT NULL,
    until float8 NOT NULL,
    PRIMARY KEY (owner, kind, key)
);
CREATE INDEX items_until ON {{s}}.items (until);
ALTER TABLE {{s}}.sessions ADD COLUMN step_up_after bigint, ADD COLUMN score bigint,
    ADD COLUMN impersonator text[]
"""

# Added without a default first: so the rows that are there are not written anew.
_EVENTS_BY_TRANSACTION = """
ALTER TABLE {s}.events ADD COLUMN xid xid8;
ALTER TABLE {s}.events ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
CREATE INDEX events_polled ON {s}.events (coalesce(xid, '0'::xid8), seq)
"""

# One for each column that a search may begin with, in the order of pages behind it; that of devices
# finds the sessions of a device too, for which the one that is replaced was made.
_SEARCH = """
CREATE INDEX sessions_created ON {s}.sessions (created_at, id);
CREATE INDEX sessions_network ON {s}.sessions (network, created_at, id);
CREATE INDEX sessions_device ON {s}.sessions (device_id, created_at, id);
CREATE INDEX sessions_score ON {s}.sessions (score, created_at, id)
    WHERE score IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX events_acts ON {s}.events (seq) WHERE actor IS NOT NULL AND actor <> user_id;
DROP INDEX {s}.sessions_user;
CREATE INDEX sessions_user ON {s}.sessions (user_id, created_at, id)
"""

# A purge goes on behind a device, in the order of this index: see `needless`.
_NEEDLESS_DEVICES = """
CREATE INDEX devices_stale ON {s}.devices (last_seen_at, user_id, id);
DROP INDEX {s}.devices_seen
"""

_MEASURES = (
    *("signed_in", "impersonated", "ended", "expired", "failed", "denied", "limited"),
    *("new_devices", "reused", "stepped_up", "step_ups_asked", "held", "approved", "refused"),
    *("confirmed", "disowned", "risk_notify", "risk_step_up", "risk_deny"),
)
_STATISTICS = f"""
CREATE TABLE {{s}}.opened (slot int PRIMARY KEY, count bigint NOT NULL);
CREATE TABLE {{s}}.quarters (
    quarter bigint NOT NULL,
    slot int NOT NULL,
    {", ".join(f"{name} bigint NOT NULL DEFAULT 0" for name in _MEASURES)},
    PRIMARY KEY (quarter, slot)
);
CREATE TABLE {{s}}.tallies (
    day bigint NOT NULL,
    dimension {_TEXT} NOT NULL,
    key {_TEXT} NOT NULL,
    slot int NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (day, dimension, key, slot)
);
CREATE TABLE {{s}}.spans (
    week bigint NOT NULL,
    age int NOT NULL,
    reason {_TEXT} NOT NULL,
    kind {_TEXT} NOT NULL,
    slot int NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (week, age, reason, kind, slot)
)
"""


@frozen
class Step:
    """
    A change of the schema.

    Attributes:
        version: The first devsess that knows it.
        statements: Parted by semicolons.
    """

    version: str
    statements: str


STEPS = {
    "0001_tables": Step("0.1.0", _TABLES),
    "0002_items_and_demands": Step("0.1.0", _ITEMS_AND_DEMANDS),
    "0003_events_by_transaction": Step("0.1.0", _EVENTS_BY_TRANSACTION),
    "0004_search": Step("0.1.0", _SEARCH),
    "0005_statistics": Step("0.1.0", ";".join((_STATISTICS, *STATEMENTS))),
    "0006_open_to_accounts": Step("0.1.0", ";".join(OPEN_TO_ACCOUNTS)),
    "0007_needless_devices": Step("0.1.0", _NEEDLESS_DEVICES),
}

_SCHEMA = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
_MADE = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'migrations'"
_TAKEN = "SELECT name, version FROM {s}.migrations ORDER BY name"
_SERVER = (
    "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),"
    " current_setting('server_version')"
)
_MIGRATIONS = "CREATE TABLE {s}.migrations (name text PRIMARY KEY, version text NOT NULL)"
# All at once: psycopg would prepare what it sees five times, and drop it after the next ALTER, in
# front of whatever transaction comes then.
_NOTE = "INSERT INTO {s}.migrations (name, version) SELECT * FROM unnest(%s::text[], %s::text[])"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))"
# pg_snapshot and xid8 came with it.
_OLDEST_SERVER = 130_000


async def pending(db: Transaction, schema: str) -> list[str]:
    """
    The steps that the schema still needs.

    Raises:
        ConfigurationError: If the server is too old, or its database is not in UTF-8.
        StoreUnavailableError: If it has taken steps that this version does not know.
    """
    [[number, encoding, version]], made = await db.ask_all((_SERVER, ()), (_MADE, (schema,)))
    if number < _OLDEST_SERVER:
        raise ConfigurationError(f"PostgreSQL {version} is too old: 13 or later is needed")
    if encoding != "UTF8":
        raise ConfigurationError(f"the database is encoded in {encoding}: UTF8 is needed")
    taken: dict[str, str] = dict(await db.ask(_TAKEN)) if made else {}
    unknown = sorted(taken.keys() - STEPS.keys())
    if unknown:
        raise StoreUnavailableError(
            f"the schema was made by a newer devsess (it has {', '.join(unknown)}): "
            f"devsess {taken[unknown[-1]]} or later is needed"
        )
    return [name for name in STEPS if name not in taken]


async def migrate(db: Transaction, schema: str) -> list[str]:
    """
    Take the steps that are pending; their names.

    Two at once are safe: the second waits for the lock, and finds nothing pending.

    Raises:
        ConfigurationError, StoreUnavailableError: As `pending`.
        StoreBusyError: If the lock was not given in the time that *db* has.
    """
    try:
        await db.ask(_LOCK, (f"devsess {schema}",))
    except LockNotAvailable as error:
        raise StoreBusyError("another process is bringing the schema up to date") from error
    steps = await pending(db, schema)
    if not steps:
        return []
    is_there, is_made = await db.ask_all((_SCHEMA, (schema,)), (_MADE, (schema,)))
    if not is_there:  # asked first: IF NOT EXISTS needs the right to create one all the same
        db.put("CREATE SCHEMA {s}")
    if not is_made:
        db.put(_MIGRATIONS)
    for name in steps:
        for statement in STEPS[name].statements.split(";"):
            db.put(statement)
    db.put(_NOTE, (steps, [STEPS[name].version for name in steps]))
    return steps
