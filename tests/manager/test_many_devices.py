"""An account with thousands of devices: one of them, or the latest, is found among a few."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devsess import Client, Device, SessionManager
from devsess.operations.devices import LATEST
from devsess.stores import semantics
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock
from devsess.web import Operator, account_app, admin_app

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
MANY = 60


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionManager]:
    """A manager with a program that signed in on many devices; none of it reads them all."""
    clock = FakeClock()
    manager = SessionManager(tmp_path / "sessions.db", keys=SECRET, clock=clock)
    for number in range(MANY):
        clock.advance(60)
        manager.login("robot", Client(user_agent="curl/8.5.0", fingerprint=f"{number}"))
    monkeypatch.setattr(SQLiteStore, "devices", None)
    yield manager
    manager.close()


def test_one_device_is_found_by_its_id(sessions: SessionManager) -> None:
    """However long ago it was used; one that is unknown, or another's, is None."""
    first = sessions.search(user_id="robot", limit=MANY).items[-1].device
    other = sessions.login("ada", Client(user_agent="curl/8.5.0")).session.device

    assert first == sessions.device("robot", first.id) == sessions.device("robot", first)
    assert [None, None] == [sessions.device("robot", it) for it in (other.id, "unknown")]


def test_the_latest_are_listed(sessions: SessionManager) -> None:
    """As many as were asked for, the latest sign-in first."""
    assert semantics.DEVICES_COMPARED == LATEST
    newest = [it.device.id for it in sessions.search(user_id="robot", limit=9)]

    assert newest == [it.id for it in sessions.devices("robot", limit=9)]


@pytest.mark.parametrize("limit", [0, 51, True, "9"])
def test_a_limit_is_a_number_from_1_to_50(sessions: SessionManager, limit: object) -> None:
    """Anything else is refused."""
    with pytest.raises((TypeError, ValueError)):
        sessions.devices("robot", limit=limit)  # type: ignore[arg-type]


def test_a_device_is_changed_without_reading_all(sessions: SessionManager) -> None:
    """Blocked, let in again, forgotten: by its id alone."""
    first = sessions.search(user_id="robot", limit=MANY).items[-1].device
    blocked = sessions.block_device("robot", first.id)
    assert isinstance(blocked, Device)
    assert blocked.blocked
    assert sessions.unblock_device("robot", first.id)
    assert sessions.forget_device("robot", first.id)
    assert sessions.forget_device("robot", first.id) is None


def test_pages_read_a_few(sessions: SessionManager) -> None:
    """Neither people's pages nor operators' read all devices of an account, nor list them."""
    grant = sessions.login("robot", Client(user_agent="curl/8.5.0", fingerprint="new"))
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {grant.access_token}"}
    device = sessions.search(user_id="robot", limit=MANY).items[-1].device.id
    people = account_app(sessions).wsgi
    staff = admin_app(sessions, authorize=lambda _: Operator("support-7")).wsgi
    _body(people, "/", "", bearer)
    _body(people, f"/devices/{device}", "", bearer)
    shown = _body(staff, "/user", "id=robot", {})
    _body(staff, "/device", f"user=robot&id={device}", {})
    _body(staff, "/find", "q=robot", {}, status="303")

    assert b"Devices: more than 25" in shown


def _body(app: object, path: str, query: str, more: dict[str, str], status: str = "200") -> bytes:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "app.example",
        "wsgi.url_scheme": "https",
        **more,
    }
    statuses: list[str] = []
    body = b"".join(app(environ, lambda code, _: statuses.append(code)))  # type: ignore[operator]
    assert status == statuses[0][:3], (path, statuses)
    return body
