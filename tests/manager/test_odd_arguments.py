"""Arguments of the wrong kind, as an application's bug, a form or a body hands them in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devsess import Client, ConfigurationError, SessionManager, SessionNotFoundError

OF_A_USER: dict[str, dict[str, Any]] = {
    "list": {},
    "live": {},
    "revoke_all": {},
    "history": {},
    "devices": {},
    "rename_device": {"device_id": "d", "name": "mine"},
    "trust_device": {"device_id": "d", "until": None},
    "forget_device": {"device_id": "d"},
    "block_device": {"device_id": "d"},
    "unblock_device": {"device_id": "d"},
    "export_user": {},
    "erase_user": {},
    "login": {},
    "get": {"session_id": "s"},
    "revoke": {"session_id": "s"},
    "extend": {"session_id": "s", "by": 60},
    "update": {"session_id": "s", "claims": {}},
}
# Arguments that no number with a fraction can be, beside others that are right.
NO_NUMBERS: list[tuple[str, str, dict[str, Any]]] = [
    ("list", "current", {"user_id": "ada"}),
    ("live", "current", {"user_id": "ada"}),
    ("live", "limit", {"user_id": "ada"}),
    ("live", "cursor", {"user_id": "ada"}),
    ("history", "limit", {"user_id": "ada"}),
    ("history", "cursor", {"user_id": "ada"}),
    ("poll", "limit", {}),
    ("poll", "position", {}),
    ("held", "user_id", {}),
    ("impersonate", "user_id", {"by": "s"}),
    ("approve", "user_id", {"code": "BBB-BBB"}),
    ("approve", "code", {"user_id": "ada"}),
    ("refuse", "user_id", {"code": "BBB-BBB"}),
    ("refuse", "code", {"user_id": "ada"}),
    ("stats", "since", {}),
    ("stats", "until", {}),
    ("stats", "tz", {}),
]
NO_TEXTS = [5, None, b"ada", ["ada"], {}, 10**400, object()]
UNKNOWN_IDS = ["", "nobody", "\ud800", "x" * 100_000, "s\0"]


@pytest.mark.parametrize("method", OF_A_USER)
def test_an_account_is_named_by_text(sessions: Any, method: str) -> None:
    """A number would find nothing and end nothing, quietly: it is an error instead."""
    optional = method in ("get", "revoke", "extend", "update")
    for user_id in NO_TEXTS:
        if user_id is None and optional:
            continue
        with pytest.raises(TypeError, match="user_id must be a str"):
            getattr(sessions, method)(user_id=user_id, **OF_A_USER[method])


@pytest.mark.parametrize(("method", "argument", "others"), NO_NUMBERS)
def test_an_odd_argument_is_named(
    sessions: Any, method: str, argument: str, others: dict[str, Any]
) -> None:
    """The error begins with the name of what the caller has to change."""
    with pytest.raises(TypeError, match=f"^{argument} must be"):
        getattr(sessions, method)(**others, **{argument: 5.5})


@pytest.mark.parametrize("session_id", UNKNOWN_IDS, ids=lambda it: repr(it)[:12])
def test_a_strange_text_is_an_unknown_session(sessions: Any, session_id: str) -> None:
    """A request's path or body may hold any text in the place of an id."""
    assert sessions.get(session_id) is None
    assert sessions.revoke(session_id) is False
    assert [] == sessions.list("ada", current=session_id)
    changes: list[Callable[[], object]] = [
        lambda: sessions.extend(session_id, 60),
        lambda: sessions.update(session_id, claims={}),
        lambda: sessions.revoke_all("ada", keep=session_id),
    ]
    for change in changes:
        with pytest.raises(SessionNotFoundError):
            change()


@pytest.mark.parametrize("device_id", UNKNOWN_IDS, ids=lambda it: repr(it)[:12])
def test_a_strange_text_is_an_unknown_device(sessions: Any, device_id: str) -> None:
    """The same for devices."""
    sessions.login("ada")
    assert sessions.rename_device("ada", device_id, "mine") is None
    assert sessions.trust_device("ada", device_id, None) is None
    assert sessions.forget_device("ada", device_id) is None
    assert sessions.block_device("ada", device_id) is None
    assert sessions.unblock_device("ada", device_id) is None
    assert 1 == len(sessions.list("ada"))


OF_A_SESSION: dict[str, dict[str, Any]] = {
    "get": {},
    "revoke": {},
    "extend": {"by": 60},
    "update": {"claims": {"seat": 5}},
}
# Of operators, and of an owner who is asked: beside the session, no account is named.
OF_A_SESSION_ALONE: dict[str, dict[str, Any]] = {
    "explain_session": {},
    "judge": {"it_was_them": True, "actor": "support-7"},
    "answer": {"yes": False, "by": "s"},
}
BESIDE_A_SESSION = {"list": "current", "live": "current", "revoke_all": "keep"}
OF_A_DEVICE: dict[str, dict[str, Any]] = {
    "device": {},
    "rename_device": {"name": "mine"},
    "trust_device": {"until": None},
    "forget_device": {},
    "block_device": {},
    "unblock_device": {},
}
FOUND_BY_DEVICE: dict[str, dict[str, Any]] = {
    "search": {},
    "count": {},
    "revoke_found": {"before": datetime(2036, 7, 18, tzinfo=UTC), "reason": "stolen"},
}


# Those that name the account, and what of it is meant.
OF_A_PART = {"login_history"}


def test_every_method_with_an_id_is_known(sessions: Any) -> None:
    """The tables above name every method that takes the id of a session or a device."""
    taken: dict[str, set[str]] = {"session_id": set(), "device_id": set()}
    for name, method in inspect.getmembers(SessionManager, inspect.isfunction):
        for argument in taken.keys() & inspect.signature(method).parameters.keys():
            taken[argument].add(name)

    assert OF_A_SESSION.keys() | OF_A_SESSION_ALONE.keys() == taken["session_id"] - OF_A_PART
    assert OF_A_DEVICE.keys() | FOUND_BY_DEVICE.keys() == taken["device_id"] - OF_A_PART


@pytest.mark.parametrize("method", OF_A_SESSION)
def test_a_session_stands_for_its_id(sessions: Any, method: str) -> None:
    """A session of `list` or `login` is accepted in place of its id."""
    by_id, by_session = sessions.login("ada").session, sessions.login("ada").session
    arguments = OF_A_SESSION[method]
    expected = getattr(sessions, method)(by_id.id, **arguments)
    found = getattr(sessions, method)(by_session, user_id="ada", **arguments)

    assert type(expected) is type(found)
    assert sessions.get(by_id.id).revoked is sessions.get(by_session).revoked
    assert sessions.get(by_id.id).claims == sessions.get(by_session).claims


def test_a_session_is_current_or_kept(sessions: Any) -> None:
    """The session itself says as much as its id where one is the caller's own."""
    own, other = sessions.login("ada").session, sessions.login("ada").session

    assert {own.id} == {it.id for it in sessions.list("ada", current=own) if it.is_current}
    assert [other.id] == sessions.revoke_all("ada", keep=own)
    with pytest.raises(SessionNotFoundError):
        sessions.revoke_all("ada", keep=sessions.login("eve").session)


@pytest.mark.parametrize("method", OF_A_DEVICE)
def test_a_device_stands_for_its_id(sessions: Any, method: str) -> None:
    """A device of `devices` is accepted in place of its id."""
    device = sessions.login("ada").session.device

    assert device.id == getattr(sessions, method)("ada", device, **OF_A_DEVICE[method]).id
    assert None is getattr(sessions, method)("eve", device, **OF_A_DEVICE[method])


def test_a_history_is_of_a_session_or_device(sessions: Any) -> None:
    """Given as themselves or by their ids."""
    own, _ = (sessions.login("ada").session for _ in range(2))
    parts = [{"session_id": own}, {"session_id": own.id}, {"device_id": own.device}]
    told = [sessions.login_history("ada", **it) for it in parts]

    assert [[own.id]] * 3 == [[it.event.session_id for it in page] for page in told]
    for wrong in (it for it in NO_TEXTS if it is not None):
        with pytest.raises(TypeError, match="session_id must be a str or a Session"):
            sessions.login_history("ada", session_id=wrong)
        with pytest.raises(TypeError, match="device_id must be a str or a Device"):
            sessions.login_history("ada", device_id=wrong)


def test_operators_name_sessions_and_devices_by_themselves(sessions: Any) -> None:
    """Those of `search` stand for their ids too, wherever operators name one."""
    own, other = (sessions.login("ada").session for _ in range(2))
    told = sessions.explain_session(own)

    assert sessions.explain_session(own.id) == told
    assert {own.id} == {it.id for it in sessions.search(device_id=own.device)}
    assert 1 == sessions.count(device_id=own.device)
    assert sessions.judge(own, True, actor="support-7") is True
    assert sessions.answer(own, False, by=other) is True
    assert 1 == len(
        sessions.revoke_found(device_id=other.device, **FOUND_BY_DEVICE["revoke_found"])
    )


def test_a_wrong_id_is_the_callers_mistake(sessions: Any) -> None:
    """To say "there is no such session" to None or 1 would hide that nothing was ended."""
    grant = sessions.login("ada")
    of_a_session = OF_A_SESSION | OF_A_SESSION_ALONE
    of_a_session["answer"] = {"yes": False, "by": grant.session}
    for wrong in (*NO_TEXTS, grant, grant.session.device):
        for method, arguments in of_a_session.items():
            with pytest.raises(TypeError, match="session_id must be a str or a Session"):
                getattr(sessions, method)(wrong, **arguments)
        for method, argument in BESIDE_A_SESSION.items():
            if wrong is not None:
                with pytest.raises(TypeError, match=f"{argument} must be a str or a Session"):
                    getattr(sessions, method)("ada", **{argument: wrong})
    for wrong in (*NO_TEXTS, grant, grant.session):
        for method, arguments in OF_A_DEVICE.items():
            with pytest.raises(TypeError, match="device_id must be a str or a Device"):
                getattr(sessions, method)("ada", wrong, **arguments)
        for method, arguments in FOUND_BY_DEVICE.items():
            if wrong is not None:
                with pytest.raises(TypeError, match="device_id must be a str or a Device"):
                    getattr(sessions, method)(device_id=wrong, **arguments)

    assert sessions.get(grant.session.id).is_active


@pytest.mark.parametrize("client", [5, "curl/8", {"ip": "198.51.100.7"}, object()])
def test_a_request_is_no_client(sessions: Any, client: Any) -> None:
    """An object of a framework is not taken for a Client."""
    with pytest.raises(TypeError, match="must be a Client"):
        sessions.login("ada", client)
    with pytest.raises(TypeError, match="must be a Client"):
        sessions.refresh(sessions.login("ada").refresh_token, client)


@pytest.mark.parametrize("client", [5, "198.51.100.7", {"ip": "198.51.100.7"}, object(), ""])
@pytest.mark.parametrize("is_cached", [False, True])
def test_a_request_is_no_client_of_a_validation(
    sessions: Any, client: Any, *, is_cached: bool
) -> None:
    """The error for an address in place of a Client names its type, from memory too."""
    token = sessions.login("ada").access_token
    if is_cached:
        sessions.validate(token, Client())
        sessions.validate(token, Client())

    with pytest.raises(TypeError, match=r"client must be a Client or None.*Client\(ip="):
        sessions.validate(token, client)
    with pytest.raises(TypeError, match="client must be a Client or None"):
        sessions.validate("no token", client)
    with pytest.raises(TypeError, match="client must be a Client or None"):
        sessions.step_up(token, client, amr=("otp",))


WRONG: list[tuple[type[Exception], str, dict[str, Any]]] = [
    (TypeError, "login", {"user_id": "ada", "auth_time": "yesterday"}),
    (TypeError, "login", {"user_id": "ada", "auth_time": True}),
    (ValueError, "login", {"user_id": "ada", "auth_time": float("nan")}),
    (ValueError, "login", {"user_id": "ada", "auth_time": 10**400}),
    (ValueError, "login", {"user_id": "ada", "auth_time": datetime(2025, 7, 18)}),  # noqa: DTZ001
    (TypeError, "trust_device", {"user_id": "ada", "device_id": "d", "until": 60}),
    (
        ValueError,
        "trust_device",
        {"user_id": "ada", "device_id": "d", "until": datetime(2025, 7, 18)},  # noqa: DTZ001
    ),
    (TypeError, "history", {"user_id": "ada", "limit": 1.5}),
    (ValueError, "history", {"user_id": "ada", "limit": 0}),
    (ValueError, "history", {"user_id": "ada", "limit": 1001}),
    (TypeError, "history", {"user_id": "ada", "cursor": 5}),
    (ValueError, "history", {"user_id": "ada", "cursor": "mangled"}),
    (TypeError, "purge", {"limit": 1.5}),
    (TypeError, "purge", {"limit": True}),
    (ValueError, "purge", {"limit": 0}),
    (ConfigurationError, "extend", {"session_id": "s", "by": 10**400}),
    (ConfigurationError, "extend", {"session_id": "s", "by": float("nan")}),
    (ConfigurationError, "extend", {"session_id": "s", "by": -1}),
    (ValueError, "extend", {"session_id": "s", "by": 0}),
]


@pytest.mark.parametrize(("error", "method", "arguments"), WRONG)
def test_meaningless_values_are_refused(
    sessions: Any, error: type[Exception], method: str, arguments: dict[str, Any]
) -> None:
    """Numbers, instants and cursors that mean nothing are the caller's error, not the store's."""
    with pytest.raises(error):
        getattr(sessions, method)(**arguments)


def test_an_instant_may_be_seconds(sessions: Any, clock: Any) -> None:
    """auth_time takes a datetime as well as seconds since the epoch."""
    moment = clock.now()
    for auth_time in (moment, moment.timestamp(), int(moment.timestamp())):
        session = sessions.login("ada", auth_time=auth_time).session
        assert session.auth_time == datetime.fromtimestamp(int(moment.timestamp()), UTC)


@pytest.mark.parametrize("ahead", [0.001, 1, 20, 299.9, 300])
def test_a_clock_that_is_ahead_is_borne(sessions: Any, clock: Any, ahead: float) -> None:
    """An identity provider's clock may be ahead by 300 seconds; the sign-in is of now then."""
    now = clock.now()
    grant = sessions.login("ada", auth_time=now + timedelta(seconds=ahead))

    assert int(now.timestamp()) == grant.session.auth_time.timestamp()
    assert sessions.validate(grant.access_token, max_auth_age=1)


@pytest.mark.parametrize("ahead", [300.1, 3600, 86_400])
def test_a_clock_is_ahead_within_bounds(sessions: Any, clock: Any, ahead: float) -> None:
    """A sign-in dated farther ahead is refused: it is no skew of clocks."""
    with pytest.raises(ValueError, match="300 seconds in the future"):
        sessions.login("ada", auth_time=clock.now() + timedelta(seconds=ahead))


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, {"user_id": 5}),
        (ValueError, {"user_id": ""}),
        (ValueError, {"user_id": "x" * 256}),
        (ValueError, {"user_id": "\ud800"}),
        (ValueError, {"user_id": "a\0b"}),
        (TypeError, {"amr": "pwd"}),
        (ValueError, {"amr": ["x"] * 17}),
        (ValueError, {"acr": ""}),
        (ValueError, {"auth_time": datetime(2025, 7, 18, 9)}),  # noqa: DTZ001
        (ValueError, {"auth_time": 10**12}),
        (ValueError, {"auth_time": -1}),
        (TypeError, {"claims": [1]}),
        (TypeError, {"claims": {"x": object()}}),
        (ValueError, {"claims": {"x": "y" * 1024}}),
        (TypeError, {"client": Client(ip=5)}),  # type: ignore[arg-type]
        (TypeError, {"client": Client(headers=["x"])}),  # type: ignore[arg-type]
    ],
)
def test_unstorable_values_are_refused(
    sessions: Any, error: type[Exception], arguments: dict[str, Any]
) -> None:
    """A wrong argument raises an error for the programmer, and nothing is written."""
    with pytest.raises(error):
        sessions.login(**{"user_id": "ada", **arguments})
    assert [] == sessions.list("ada", include_ended=True)


@pytest.mark.parametrize(
    "client",
    [
        Client(ip="999.1.1.1", user_agent="x" * 10_240),
        Client(ip="not an address", user_agent="\x1b[2J\r\nSet-Cookie: x"),
        Client(ip="fe80::1%eth0", user_agent="\ud800"),
        Client(headers={f"sec-ch-ua-{i}": '"' * 999 for i in range(500)}),
        Client(headers={"Sec-CH-UA": '"Not;A=Brand";v="99"' * 500}, device_token="ds1d.x.y"),
        Client(device_token="x" * 100_000, fingerprint="f" * 100_000),
    ],
)
def test_absurd_clients_sign_in(sessions: Any, client: Client) -> None:
    """With any headers a user can sign in, is listed safely, and is not locked out."""
    grant = sessions.login("ada", client)
    session = sessions.validate(grant.access_token, client)
    assert len(session.user_agent or "") <= 512
    assert not {"\x1b", "\r", "\n"} & set(f"{session.user_agent}{session.device}")
    assert session.device.label
    assert sessions.list("ada")
    assert sessions.refresh(grant.refresh_token, client)
