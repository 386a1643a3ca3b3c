"""A schema that the first version made is brought up to date, and its sessions go on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from _postgres import GRANTS, LATE, with_store
from attrs import evolve
from click.testing import CliRunner
from servers.postgres import new_schema

from devsess.cli import main
from devsess.errors import StoreUnavailableError
from devsess.stores.base import Inserted
from devsess.stores.items import Item
from devsess.stores.postgres import schema as tables
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, session_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer

    from devsess.stores.postgres import PostgresStore

FIRST, *LATER = tables.STEPS
PROFILE = Item("profile", "user-1", "", "{}", 1, T0, T0 + 9)
# Columns and values as the first version wrote them.
_SESSION = {
    "id": "old",
    "user_id": "user-1",
    "device_id": "device-1",
    "user_agent": "Safari/537.36",
    "created_at": T0,
    "last_seen_at": T0,
    "idle_from": T0,
    "idle_expires_at": T0 + 9e5,
    "absolute_expires_at": T0 + 9e6,
    "auth_time": int(T0),
    "amr": ["pwd"],
    "acr": "aal1",
    "persistent": False,
    "claims": "{}",
    "salt": b"0123456789abcdef",
    "generation": 0,
    "bound": False,
    "presented": False,
    "levels": "[]",
    "ending_number": 0,
}
_DEVICE = {
    "user_id": "user-1",
    "id": "device-1",
    "label": "Chrome on macOS",
    "kind": "desktop",
    "os": "macOS",
    "browser": "Chrome",
    "first_seen_at": T0,
    "last_seen_at": T0,
    "blocked": False,
    "forgotten": False,
}


def _insert(db: psycopg.Connection, schema: str, table: str, values: dict[str, object]) -> None:
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    statement = f"INSERT INTO {schema}.{table} ({names}) VALUES ({marks})"
    db.execute(statement.encode(), [*values.values()])


@pytest.fixture
def old_schema(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A schema as the first version made it, with a session."""
    schema = new_schema()

    async def migrate(store: PostgresStore) -> None:
        assert [FIRST] == await store.migrate()

    with monkeypatch.context() as patched:
        patched.setattr(tables, "STEPS", {FIRST: tables.STEPS[FIRST]})
        with_store(postgres.url(), schema, migrate, timeout=LATE)
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        _insert(db, schema, "devices", _DEVICE)
        _insert(db, schema, "sessions", _SESSION)
    yield schema
    postgres.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture
def role(postgres: PostgresServer, old_schema: str) -> Iterator[str]:
    """The application's role, with the documented rights on the tables of the first version."""
    name = f"role_{new_schema()}"
    postgres.ask(f"CREATE ROLE {name} LOGIN")
    postgres.ask(GRANTS.replace("{s}", old_schema).replace("{role}", name))
    yield name
    postgres.ask(f"DROP OWNED BY {name}")
    postgres.ask(f"DROP ROLE {name}")


async def _goes_on(store: PostgresStore) -> None:
    row = await store.get("old")
    assert row is not None
    assert (("pwd",), None, None) == (row.amr, row.score, row.impersonator)
    at = int(T0) + 1
    changed = await store.update(
        "old", expected={"step_up_after": None}, changes={"step_up_after": at}, event=rows.UPDATED
    )
    assert evolve(row, step_up_after=at) == changed == await store.get("old")
    new = evolve(rows.login(session_row("new", device="d2"), limit=1), items=(PROFILE,))
    answer = await store.insert(new)
    assert isinstance(answer, Inserted)
    assert ["old"] == [event.session_id for event in answer.ended]
    assert [PROFILE] == await store.items("profile", "user-1", limit=9)


def test_an_old_schema_is_brought_up_to_date(postgres: PostgresServer, old_schema: str) -> None:
    """By the first call; the sessions in it have neither a demand nor an impersonator."""

    async def work(store: PostgresStore) -> None:
        assert LATER == await store.pending()
        await _goes_on(store)
        assert [] == await store.pending() == await store.migrate()

    with_store(postgres.url(), old_schema, work, timeout=LATE)


def test_the_plan_names_the_steps(postgres: PostgresServer, old_schema: str) -> None:
    """`devsess migrate --plan` prints them and takes none."""
    url = postgres.url(schema=old_schema)

    for options, expected in ((["--plan"], LATER), ([], LATER), (["--plan"], [])):
        found = CliRunner().invoke(main, ["migrate", "--store", url, "--json", *options])
        assert (0, expected) == (found.exit_code, json.loads(found.stdout)["steps"])


def test_a_role_without_rights_on_the_schema(
    postgres: PostgresServer, old_schema: str, role: str
) -> None:
    """It hears what to do; once another role has migrated and granted again, it goes on."""

    async def refused(store: PostgresStore) -> None:
        with pytest.raises(StoreUnavailableError, match="permission denied"):
            await store.get("old")
        assert LATER == await store.pending()

    async def migrate(store: PostgresStore) -> None:
        assert LATER == await store.migrate()

    with_store(postgres.url(role), old_schema, refused, timeout=LATE)
    with_store(postgres.url(), old_schema, migrate, timeout=LATE)
    postgres.ask(GRANTS.replace("{s}", old_schema).replace("{role}", role))
    with_store(postgres.url(role), old_schema, _goes_on, timeout=LATE)


def test_a_process_of_the_release_before_goes_on(postgres: PostgresServer, old_schema: str) -> None:
    """A sign-in as the first version wrote it works beside the steps: they only add."""

    async def migrate(store: PostgresStore) -> None:
        await store.migrate()

    async def there(store: PostgresStore) -> None:
        row = await store.get("beside")
        assert row is not None
        assert (None, None, None) == (row.step_up_after, row.score, row.impersonator)

    with_store(postgres.url(), old_schema, migrate, timeout=LATE)
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        _insert(db, old_schema, "sessions", _SESSION | {"id": "beside"})
    with_store(postgres.url(), old_schema, there, timeout=LATE)
