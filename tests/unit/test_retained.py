"""A cached answer keeps a bounded amount in memory, however much the request had."""

from __future__ import annotations

import gc
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, SessionManager
from devsess._client import MAX_ADDRESS, MAX_DEVICE_TOKEN, MAX_USER_AGENT
from devsess.adapters.wsgi import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Four bytes a character, the most that Python takes.
WIDE = "\U0001f980"
LONG = 62_000
# Two user agents (the row's and the client's) and a device token, as wide as can be,
# and the session itself.
MOST_BYTES = 16_384
# Nothing of an entry's own.
SHARED = (type, ModuleType, FunctionType)


@pytest.fixture
def sessions() -> Iterator[SessionManager]:
    with SessionManager("memory://", keys=SECRET) as manager:
        yield manager


def retained(root: object) -> int:
    """The bytes of *root* and of all that it alone keeps alive, or shares with its like."""
    seen, found, total = set(), [root], 0
    while found:
        one = found.pop()
        if id(one) in seen or isinstance(one, SHARED):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        found += gc.get_referents(one)
    return total


def entries(sessions: SessionManager) -> list[Any]:
    return [entry for _, entry in sessions._core.cache._entries.by_key.items()]


def by_hand(sessions: SessionManager, token: str, text: str) -> None:
    """Validate as an application does that has no middleware."""
    headers = {"User-Agent": text, "Sec-CH-UA": text}
    sessions.validate(token, Client(text, text, headers, text, text))


def by_headers(sessions: SessionManager, token: str, text: str) -> None:
    """The same, with the user agent among the headers."""
    sessions.validate(token, Client(headers={"user-agent": text, "sec-ch-ua": text}))


def by_wsgi(sessions: SessionManager, token: str, text: str) -> None:
    """Validate as the middleware does."""
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": text,
        "HTTP_HOST": "app.example",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "HTTP_USER_AGENT": text,
        "HTTP_DEVSESS_DEVICE": text,
        "HTTP_SEC_CH_UA": text,
    }
    kept: list[Any] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        kept.append(environ["devsess"].client)
        start_response("200 OK", [])
        return [environ["devsess"].session.id.encode()]

    answer = b"".join(SessionMiddleware(app, sessions)(environ, lambda *_: bytes))

    assert answer
    # The memory that a guard keeps for as long as a connection lives.
    assert retained(kept[0]) < MOST_BYTES


@pytest.mark.parametrize("ask", [by_hand, by_headers, by_wsgi])
@pytest.mark.parametrize("unit", [WIDE, "x", "a.", "ds1d."])
def test_an_entry_is_small_whatever_was_sent(
    sessions: SessionManager, ask: Callable[..., None], unit: str
) -> None:
    """Headers of 62,000 characters make an entry of less than 16 KB."""
    wide = Client(user_agent=WIDE * LONG)
    token = sessions.login("u" * 255, wide, claims={"a": "b" * 1000}).access_token

    ask(sessions, token, unit * (LONG // len(unit)))

    [entry] = entries(sessions)
    assert retained(entry) < MOST_BYTES


def test_a_cut_client_is_answered_from_memory(sessions: SessionManager) -> None:
    """A client is cut alike when kept and when compared: the second answer is a hit."""
    token = sessions.login("ada").access_token

    for _ in range(3):
        by_hand(sessions, token, "x" * LONG)

    assert (2, 1) == (sessions.metrics().hits, sessions.metrics().misses)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"user_agent": "a" * MAX_USER_AGENT}, "a" * MAX_USER_AGENT),
        ({"user_agent": "a" * (MAX_USER_AGENT + 1)}, "a" * MAX_USER_AGENT),
        ({"headers": {"User-Agent": "a" * (MAX_USER_AGENT + 1)}}, "a" * MAX_USER_AGENT),
        ({"device_token": "t" * MAX_DEVICE_TOKEN}, "t" * MAX_DEVICE_TOKEN),
        ({"device_token": "t" * (MAX_DEVICE_TOKEN + 1)}, None),
        ({"ip": "1" * MAX_ADDRESS}, "1" * MAX_ADDRESS),
        ({"ip": "192.0.2.1" + " " * MAX_ADDRESS}, None),
    ],
)
def test_a_client_holds_no_more_than_an_honest_one_sends(
    given: dict[str, Any], expected: str | None
) -> None:
    """An agent is cut; a token or an address that is too long is none."""
    [name] = given

    actual = getattr(Client(**given), "user_agent" if name == "headers" else name)

    assert expected == actual


@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "USER-AGENT"])
def test_the_agent_among_the_headers_is_used(name: str) -> None:
    """Without a given user agent, the one among the headers counts, in any case."""
    actual = Client(headers={"Accept": "*/*", name: "curl/8.5.0"})

    assert "curl/8.5.0" == actual.user_agent


@pytest.mark.parametrize(
    ("given", "headers", "expected"),
    [
        ("curl/8.5.0", {"User-Agent": "Wget/1.24"}, "curl/8.5.0"),
        ("", {"User-Agent": "Wget/1.24"}, ""),
        (None, {"Accept": "*/*"}, None),
        (None, {"User-Agent": b"Wget/1.24"}, None),
        (None, {b"User-Agent": "Wget/1.24", 1: 2}, None),
        (None, {}, None),
        (None, None, None),
    ],
)
def test_a_given_agent_goes_first(given: Any, headers: Any, expected: str | None) -> None:
    """The headers are asked only where nothing is given, and only text is an agent."""
    actual = Client(user_agent=given, headers=headers)

    assert expected == actual.user_agent
