"""devsess copy: from one store to another, by tokens that go on, and by what it says."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from devsess import (
    Client,
    ConfigurationError,
    EventType,
    LoginDeniedError,
    Policy,
    SessionManager,
    SessionRevokedError,
)
from devsess.cli import main
from devsess.cli._copy import copying
from devsess.stores.awaited import Awaited
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PHONE = Client(
    "105.112.4.9",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
)


def opened(path: Path | str) -> SessionManager:
    return SessionManager(path, keys=SECRET, policy=Policy(max_sessions=5))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "from.db"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "to.db"


def copy(source: Path | str, target: Path | str, *options: str) -> Result:
    locations = ("--from", str(source), "--to", str(target))
    return CliRunner().invoke(main, ["copy", *locations, *options])


def copy_json(source: Path | str, target: Path | str, *options: str) -> Any:
    done = copy(source, target, "--json", *options)
    assert "" == done.stderr
    return json.loads(done.stdout)


def test_nobody_is_signed_out(source: Path, target: Path) -> None:
    """Access, refresh and device tokens work on at the target, and sessions that ended stay so."""
    with opened(source) as old:
        grant, other = old.login("ada", PHONE), old.login("ada")
        old.validate(grant.access_token)
        old.revoke(other.session.id, reason="lost phone")
    copy_json(source, target)
    with opened(target) as new:
        assert grant.session.id == new.validate(grant.access_token).id
        client = evolve(PHONE, device_token=grant.device_token)
        successor = new.refresh(grant.refresh_token, client)
        assert grant.session.id == new.validate(successor.access_token).id
        assert not new.login("ada", client).is_new_device
        for use in (
            lambda: new.validate(other.access_token),
            lambda: new.refresh(other.refresh_token),
        ):
            with pytest.raises(SessionRevokedError):
                use()
        ended = [it for it in new.history("ada") if it.type is EventType.SESSION_REVOKED]
        assert ["lost phone"] == [it.reason for it in ended if it.session_id == other.session.id]


def test_what_refuses_a_sign_in_moves(source: Path, target: Path) -> None:
    """A blocked device is refused at the target, and so is a sign-in from before a revoke_all."""
    with opened(source) as old:
        grant = old.login("ada", PHONE)
        old.block_device("ada", grant.session.device.id)
        old.revoke_all("eve")
    copy_json(source, target)
    with opened(target) as new:
        with pytest.raises(LoginDeniedError):
            new.login("ada", evolve(PHONE, device_token=grant.device_token))
        with pytest.raises(LoginDeniedError):
            new.login("eve", auth_time=grant.session.auth_time.replace(year=2025))


def test_copying_again_moves_what_is_new(source: Path, target: Path) -> None:
    """Sign-ins, refreshes and revocations since the first copy are in the second one."""
    with opened(source) as old:
        grants = [old.login(f"user-{n}", PHONE) for n in range(4)]
        copy_json(source, target)
        old.revoke(grants[0].session.id)
        renewed = old.refresh(grants[1].refresh_token, PHONE)
        late = old.login("late")
        old.revoke_all("user-3")
    found = copy_json(source, target)
    assert (5, 0, 0, 0) == tuple(found[name] for name in ("same", "ahead", "behind", "alone"))
    with opened(target) as new:
        for grant in (grants[0], grants[3]):
            with pytest.raises(SessionRevokedError):
                new.validate(grant.access_token)
        for grant in (renewed, late, grants[2]):
            assert grant.session.id == new.validate(grant.access_token).id


def test_both_may_be_used_at_once(source: Path, target: Path) -> None:
    """A session that went on at the target, or ended there, stays as it is at another copy."""
    with opened(source) as old, opened(target) as new:
        one, other = old.login("ada", PHONE), old.login("bob", PHONE)
        copy_json(source, target)
        renewed = new.refresh(one.refresh_token, PHONE)
        new.revoke(other.session.id)
        born = new.login("born")
        found = copy_json(source, target)
        assert (0, 2, 0, 1) == tuple(found[name] for name in ("same", "ahead", "behind", "alone"))
        assert one.session.id == new.validate(renewed.access_token).id
        assert born.session.id == new.validate(born.access_token).id
        with pytest.raises(SessionRevokedError):
            new.validate(other.access_token)


def test_a_row_that_was_tampered_with_differs(source: Path, target: Path) -> None:
    """--check finds the account, says so with exit code 1, and leaves it; a copy mends it."""
    with opened(source) as old:
        for n in range(3):
            old.login(f"user-{n}")
    copy_json(source, target)
    with closing(sqlite3.connect(target)) as db, db:
        db.execute("""UPDATE sessions SET claims = '{"role":"admin"}' WHERE user_id = 'user-1'""")
    for _ in range(2):
        done = copy(source, target, "--check", "--json")
        found = json.loads(done.stdout)
        assert (1, 2, 1) == (done.exit_code, found["same"], found["behind"])
        assert found["source"]["checksum"] != found["target"]["checksum"]
        assert found["source"]["sessions"] == found["target"]["sessions"]
    found = copy_json(source, target)
    assert found["source"] == found["target"]
    assert 0 == copy(source, target, "--check").exit_code


def test_an_erased_account_is_not_brought_back(source: Path, target: Path) -> None:
    """Its digest moves: a sign-in that was under way is refused at the target too."""
    with opened(source) as old:
        old.login("ada")
        old.erase_user("ada")
    found = copy_json(source, target)
    assert 0 == found["target"]["accounts"]
    with closing(sqlite3.connect(target)) as db:
        [[digests]] = db.execute("SELECT count(*) FROM erased").fetchall()
        assert digests >= 1


def test_a_copy_says_what_it_did(source: Path, target: Path) -> None:
    """In a terminal there is a table of both stores, and a sentence."""
    with opened(source) as old:
        old.login("ada")
    shown = copy(source, target)
    assert 0 == shown.exit_code
    for text in ("source", "target", "checksum", "Accounts that are the same: 1."):
        assert text in shown.stdout


@pytest.mark.parametrize(
    ("locations", "said"),
    [
        (("--from", "SOURCE"), "name a store with --to"),
        (("--to", "x.db"), "name a store with --from"),
        (("--from", "SOURCE", "--to", "SOURCE"), "the same store"),
        (("--from", "SOURCE", "--to", "x.db", "--follow", "--check"), "leave --follow out"),
    ],
)
def test_locations_that_make_no_copy(
    source: Path, locations: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stores are needed, and one that is not there is not made."""
    monkeypatch.chdir(source.parent)
    opened(source).close()
    arguments = [str(source) if it == "SOURCE" else it for it in locations]
    shown = CliRunner().invoke(main, ["copy", *arguments])
    assert 2 == shown.exit_code
    assert said in shown.stderr
    assert not (source.parent / "x.db").exists()


@pytest.mark.parametrize(
    ("locations", "option"),
    [
        (("--from", "nothing.db", "--to", "SOURCE"), "--from"),
        (("--from", "SOURCE", "--to", "nothing.db", "--check"), "--to"),
    ],
)
def test_a_file_that_is_not_there(
    source: Path, locations: tuple[str, ...], option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the option that is to be mended, and no file is made."""
    monkeypatch.chdir(source.parent)
    opened(source).close()
    arguments = [str(source) if it == "SOURCE" else it for it in locations]
    shown = CliRunner().invoke(main, ["copy", *arguments])
    assert 3 == shown.exit_code
    assert f"there is no database at nothing.db: name it with {option}\n" in shown.stderr
    assert not (source.parent / "nothing.db").exists()


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_store_without_copies_is_refused(option: str) -> None:
    """A third party's store may lack the capability: the message says which of the two does."""

    class Plain(MemoryStore):
        export = None  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match=f"{option} names does not support copies"):
        copying(Awaited(Plain()), option)


def test_no_message_of_a_copy_holds_the_password(source: Path) -> None:
    """A target that does not answer, or cannot take copies, is named without its password."""
    opened(source).close()
    for url in (
        "postgresql://user:hunter2@127.0.0.1:1/app?timeout=0.5",
        "redis://user:hunter2@127.0.0.1:1/0?timeout=0.5",
        "unheard-of://user:hunter2@127.0.0.1:1/0",
    ):
        for locations in ((source, url), (url, source)):
            shown = copy(*locations)
            assert shown.exit_code in (2, 3)
            assert "hunter2" not in shown.output


def test_locations_from_files(source: Path, target: Path, tmp_path: Path) -> None:
    """--from-file and --to-file name files with the locations."""
    opened(source).close()
    arguments = ["copy"]
    for name, location in (("from", source), ("to", target)):
        written = tmp_path / name
        written.write_text(f"{location}\n", encoding="utf-8")
        arguments += [f"--{name}-file", str(written)]
    assert 0 == CliRunner().invoke(main, arguments).exit_code
    assert target.exists()
