"""The sessions on a device are found by any store, and by few reads where it can be searched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pages_site import FIREFOX, SECRET
from dict_store.ports import BlockingPort
from dict_store.server import DictServer
from dict_store.store import DictStore
from web._wsgi_driver import on_wsgi

from devsess import Client, SessionManager
from devsess.stores.sqlite import SQLiteStore
from devsess.web import account_app


@pytest.fixture(params=["searched", "walked"])
def sessions(request: pytest.FixtureRequest, empty_copy: Path) -> Iterator[SessionManager]:
    """A manager over a store that can be searched, and over one that cannot."""
    if request.param == "searched":
        with SessionManager(empty_copy, keys=SECRET) as manager:
            yield manager
        return
    server = DictServer()
    try:
        with SessionManager(DictStore(BlockingPort(server.address)), keys=SECRET) as manager:
            yield manager
    finally:
        server.close()


def test_a_device_shows_and_ends_its_sessions(
    sessions: SessionManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other's, of this account or another, however its store finds them."""
    client = Client(ip="192.0.2.1", user_agent=FIREFOX)
    own, other, foreign = (sessions.login(it, client) for it in ("ada", "ada", "bob"))
    bearer = [("Host", "app.example"), ("Authorization", f"Bearer {own.access_token}")]
    headers = [*bearer, ("Devsess-Device", str(own.device_token))]
    pages, path = account_app(sessions).wsgi, f"/devices/{other.session.device.id}"
    monkeypatch.setattr(SQLiteStore, "live", None)  # which reads all of an account's

    shown = on_wsgi(pages, "GET", path, headers).text
    assert f"/sessions/{other.session.id}/sign-out" in shown
    assert f"/sessions/{own.session.id}/" not in shown
    assert 303 == on_wsgi(pages, "POST", f"{path}/sign-out", headers).status_code
    assert [True, False, True] == [
        bool(found and found.is_active)
        for found in (sessions.get(it.session.id) for it in (own, other, foreign))
    ]
