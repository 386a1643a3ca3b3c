"""
The public names as type checkers see them, in a file as a user writes it.

mypy and pyright read it; pytest runs it, so that the types it states are those of the values.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, assert_type
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask

from devsess import (
    Assessment,
    AsyncSessionManager,
    Client,
    ConfigurationError,
    Decision,
    Device,
    Event,
    EventType,
    Grant,
    Keys,
    Location,
    Locator,
    Metrics,
    Page,
    Policy,
    Privacy,
    Session,
    SessionExpiredError,
    SessionLimitError,
    SessionManager,
    SessionRevokedError,
    StepUpRequiredError,
)
from devsess.adapters import asgi, flask, wsgi
from devsess.geo import MaxMindLocator
from devsess.stores.base import AsyncStore
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited, FakeClock, StoreContract, interleave

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def test_a_blocking_manager(tmp_path: Path) -> None:
    """Each method of SessionManager has the type that its documentation says."""
    emitted: list[Event] = []
    clock = FakeClock()
    policy = Policy(
        idle_timeout=timedelta(days=7),
        access_lifetime=900,
        max_sessions=lambda user, client: None if client.ip else 5,
        acr_order=["silver", "gold"],
        privacy=Privacy(ip="truncated"),
    )
    with SessionManager(
        tmp_path / "s.db",
        keys=Keys(SECRET),
        policy=policy,
        on_event=emitted.append,
        clock=clock,
    ) as sessions:
        assert_type(sessions, SessionManager)
        client = Client(ip="192.0.2.1", user_agent="curl/8.9", headers={"sec-ch-ua": ""})
        grant = assert_type(sessions.login("ada", client, claims={"plan": "gold"}), Grant)
        session = assert_type(sessions.validate(grant.access_token, client), Session)
        assert_type(sessions.refresh(grant.refresh_token, touch=False), Grant)
        assert_type(sessions.list("ada", current=session), list[Session])
        assert_type(sessions.live("ada", current=session.id), Page[Session])
        assert_type(sessions.get(session), Session | None)
        assert_type(sessions.extend(session, timedelta(hours=1)), Session)
        assert_type(sessions.update(session.id, claims={"a": 1}), Session)
        newest = assert_type(sessions.refresh(grant.refresh_token), Grant)
        assert_type(sessions.step_up(newest.access_token, amr=["otp"]), Grant)
        assert_type(sessions.history("ada").items, tuple[Event, ...])
        devices = assert_type(sessions.devices("ada"), list[Device])
        until = datetime.now(UTC) + timedelta(days=1)
        assert_type(sessions.trust_device("ada", devices[0], until), Device | None)
        assert_type(sessions.rename_device("ada", devices[0].id, "mine"), Device | None)
        assert_type(sessions.block_device("ada", devices[0]), Device | None)
        assert_type(sessions.unblock_device("ada", devices[0]), Device | None)
        assert_type(sessions.forget_device("ada", devices[0]), Device | None)
        assert_type(sessions.end_trust(client), list[Device])
        assert_type(sessions.revoke(session, reason="lost phone"), bool)
        assert_type(sessions.revoke_all("ada", keep=None), Sequence[str])
        assert_type(sessions.revoke_everyone(reason="a leak"), int)
        assert_type(sessions.purge(progress=print), int)
        assert_type(sessions.export_user("ada"), dict[str, Any])
        assert_type(sessions.erase_user("ada"), int)
        assert_type(sessions.migrate(), list[str])
        assert_type(sessions.jwks(), dict[str, list[dict[str, str]]])
        assert_type(sessions.metrics(), Metrics)
    assert EventType.SESSION_CREATED in {event.type for event in emitted}


def test_an_awaited_manager() -> None:
    """Each method of AsyncSessionManager has the same type, awaited."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            assert_type(sessions, AsyncSessionManager)
            grant = assert_type(await sessions.login("ada", Client(user_agent="curl/8.9")), Grant)
            session = assert_type(await sessions.validate(grant.access_token), Session)
            newest = assert_type(await sessions.refresh(grant.refresh_token), Grant)
            assert_type(await sessions.list("ada", current=session), list[Session])
            assert_type(await sessions.live("ada"), Page[Session])
            assert_type(await sessions.get(session), Session | None)
            assert_type(await sessions.extend(session, 60), Session)
            assert_type(await sessions.update(session, claims=None), Session)
            assert_type(await sessions.step_up(newest.access_token, amr=("otp",)), Grant)
            assert_type(await sessions.history("ada"), Page[Event])
            devices = assert_type(await sessions.devices("ada"), list[Device])
            assert_type(await sessions.trust_device("ada", devices[0], None), Device | None)
            assert_type(await sessions.rename_device("ada", devices[0], None), Device | None)
            assert_type(await sessions.block_device("ada", devices[0]), Device | None)
            assert_type(await sessions.unblock_device("ada", devices[0]), Device | None)
            assert_type(await sessions.forget_device("ada", devices[0]), Device | None)
            assert_type(await sessions.end_trust(None), list[Device])
            assert_type(await sessions.revoke(session), bool)
            assert_type(await sessions.revoke_all("ada"), Sequence[str])
            assert_type(await sessions.revoke_everyone(reason="a leak"), int)
            assert_type(await sessions.purge(limit=10), int)
            assert_type(await sessions.export_user("ada"), dict[str, Any])
            assert_type(await sessions.erase_user("ada"), int)

    asyncio.run(scenario())


def test_a_locator(tmp_path: Path) -> None:
    """Any object with the right method is a locator, or a list of hosting networks."""

    class Office:
        def locate(self, ip: str) -> Location | None:
            return Location("Lagos", country_code="NG")

        def is_hosting(self, ip: str) -> bool:
            return False

    with pytest.raises(ConfigurationError, match="no such file"):
        MaxMindLocator(tmp_path / "city.mmdb", "asn.mmdb", hosting=Office(), locale="fr")
    locator: Locator = Office()
    assert_type(locator.locate("102.89.77.21"), Location | None)
    with SessionManager(MemoryStore(), keys=SECRET, locator=Office()) as sessions:
        location = sessions.login("ada", Client("102.89.77.21")).session.location
    assert location is not None
    assert_type(location.country_code, str | None)
    assert_type(location.asn, int | None)
    assert_type(location.is_hosting, bool | None)
    assert "NG" == location.to_dict()["countryCode"]


def test_records() -> None:
    """The types of a manager's records, and of a refusal's attributes."""
    with SessionManager(MemoryStore(), keys=SECRET) as sessions:
        grant = sessions.login("ada", Client(user_agent="curl/8.9"))
    session = grant.session
    assert_type(grant.access_token, str)
    assert_type(grant.device_token, str | None)
    assert_type(grant.evicted, tuple[str, ...])
    assert_type(grant.assessment, Assessment)
    assert_type(grant.assessment.decision, Decision)
    assert_type(session.id, str)
    assert_type(session.location, Location | None)
    assert_type(session.expires_at, datetime)
    assert_type(session.amr, tuple[str, ...])
    assert_type(session.claims, Mapping[str, Any])
    assert_type(session.levels, Mapping[str, datetime])
    assert_type(
        session.device.kind,
        Literal["desktop", "phone", "tablet", "tv", "bot", "app", "unknown"],
    )
    assert_type(session.device.trusted_until, datetime | None)
    assert_type(session.to_dict(), dict[str, Any])
    assert "ada" == session.user_id


def explained(error: Exception) -> str:
    """An application's own words for a refusal."""
    if isinstance(error, SessionRevokedError):
        return assert_type(error.reason, str | None) or "revoked"
    if isinstance(error, SessionExpiredError):
        return f"{assert_type(error.expired_at, datetime | None)}"
    if isinstance(error, StepUpRequiredError):
        return " ".join(assert_type(error.acr_values, tuple[str, ...]))
    if isinstance(error, SessionLimitError):
        return f"{len(assert_type(error.sessions, tuple[Session, ...]))} sessions"
    return "refused"


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A view without a framework."""
    current: wsgi.Current = environ["devsess"]
    assert_type(current.session, Session | None)
    assert_type(current.client, Client)
    assert_type(current.login("ada", cookies=False), Grant)
    assert_type(current.require(max_auth_age=timedelta(minutes=5)), Session)
    assert_type(current.return_to("/next"), str)
    start_response("200 OK", [])
    return [b"seen"]


async def seen(current: asgi.AsyncCurrent) -> str:
    """A view of an ASGI application."""
    assert_type(await current.login("ada"), Grant)
    session = assert_type(await current.require(acr="gold"), Session)
    assert_type(await current.extend(60), Session)
    assert_type(await current.step_up(amr=("otp",)), Grant)
    async with current.guard(every=5):
        await current.logout(forget_device=True)
    return session.user_id


def started(status: str, *_: object) -> Callable[[bytes], object]:
    """As a server does, once an answer begins."""
    assert "200 OK" == status
    return bytes


def test_middleware() -> None:
    """Wrapped, an app is an app; in Flask, a guarded view keeps its type."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        wrapped = wsgi.SessionMiddleware(app, sessions, trusted_proxies=["127.0.0.1/32"])
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": "a.b"}
        environ |= {"wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.1"}
        assert b"seen" == b"".join(wrapped(environ, started))
        flask_app = Flask(__name__)
        flask.init_app(flask_app, sessions, endpoints="/auth")

        @flask_app.get("/me/<int:page>")
        @flask.require
        def me(page: int) -> str:
            session = assert_type(flask.current_session.session, Session | None)
            return f"{session.user_id if session else None} {page}"

        @flask.require(max_auth_age=300)
        def recent(page: int) -> str:
            return f"{page}"

        views: list[Callable[[int], str]] = [me, recent]
        assert ["me", "recent"] == [view.__name__ for view in views]
        bearer = {"Authorization": f"Bearer {sessions.login('ada').access_token}"}
        assert "ada 5" == flask_app.test_client().get("/me/5", headers=bearer).text


class ContractOfMyStore(StoreContract):
    """A store's author holds it to the contract in three lines; memory runs it elsewhere."""

    def make_store(self) -> AsyncStore:
        return Awaited(MemoryStore())


def test_races_step_by_step() -> None:
    """The helpers of `devsess.testing` are typed too."""
    clock = FakeClock()
    clock.advance(timedelta(seconds=1))
    assert_type(clock.now(), datetime)
    assert callable(interleave)
