"""Nobody but the browser that opened the printed link sees the operators' pages."""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

import pytest

from devsess.cli._door import LIFETIME, Door
from devsess.cli._serving import LocalServer
from devsess.testing import FakeClock

INSIDE = b"inside"


def inside(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [INSIDE]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def door(clock: FakeClock) -> Door:
    return Door(inside, elapsed=clock.elapsed)


def ask(
    door: Any, query: str = "", cookie: str = "", method: str = "GET", path: str = "/review"
) -> tuple[int, Any, bytes]:
    """The answer to a request: status, headers, body."""
    seen: dict[str, Any] = {}

    def start_response(status: str, headers: Any, _: Any = None) -> None:
        seen.update(status=int(status[:3]), headers=dict(headers))
        headers.append(("X-Server", "adds to it"))

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query.removeprefix("?"),
        "HTTP_COOKIE": cookie,
    }
    body = b"".join(door(environ, start_response))
    return seen["status"], seen["headers"], body


def cookie_of(headers: dict[str, str]) -> str:
    """The cookie that an answer sets, as a browser sends it."""
    return headers["Set-Cookie"].partition(";")[0]


def test_the_link_opens_once(door: Door) -> None:
    """It gives a cookie, which opens until the process ends; a second browser gets none."""
    status, headers, _ = ask(door, door.query)
    assert (303, "/review") == (status, headers["Location"])
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(headers["Set-Cookie"].split("; "))
    assert door.query.removeprefix("?key=") not in str(headers)
    status, _, body = ask(door, cookie=f'a="{{1,2}}"; other=1; {cookie_of(headers)}')
    assert (200, INSIDE) == (status, body)
    status, headers, body = ask(door, door.query)
    assert 403 == status
    assert "Set-Cookie" not in headers
    assert b"used already" in body


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "/"),
        ("//evil.example/", "/evil.example/"),
        ("/\r\nSet-Cookie: x", "/%0D%0ASet-Cookie%3A%20x"),
        ("/\xc3\xa9", "/%C3%A9"),
    ],
)
def test_the_link_leads_nowhere_else(door: Door, path: str, expected: str) -> None:
    """Whatever stands before its key, it stays on this server, and is one header."""
    assert expected == ask(door, door.query, path=path)[1]["Location"]


def test_two_servers_do_not_shut_each_other(door: Door) -> None:
    """A browser sends and replaces cookies by their names, whatever the port."""
    other = Door(inside)
    jar: dict[str, str] = {}
    for each in (door, other):
        name, _, value = cookie_of(ask(each, each.query)[1]).partition("=")
        jar[name] = value
    line = "; ".join(f"{name}={value}" for name, value in jar.items())

    assert [200, 200] == [ask(each, cookie=line)[0] for each in (door, other)]


def test_the_link_is_soon_too_old(door: Door, clock: FakeClock) -> None:
    """After five minutes it opens nothing."""
    clock.advance(LIFETIME - 1)
    other = Door(inside, elapsed=clock.elapsed)
    clock.advance(1)
    assert 403 == ask(door, door.query)[0]
    assert 303 == ask(other, other.query)[0]


def test_a_look_at_the_link_uses_nothing(door: Door) -> None:
    """HEAD asks whether it is there, as checkers of links do, and POST is no link."""
    for method in ("HEAD", "POST"):
        assert 403 == ask(door, door.query, method=method)[0]
    assert 303 == ask(door, door.query)[0]


@pytest.mark.parametrize(
    ("query", "cookie"),
    [
        ("", ""),
        ("?key=", ""),
        ("?key=wrong", ""),
        ("?key=\N{GREEK SMALL LETTER ALPHA}", ""),
        ("", "devsess-operator="),
        ("", "devsess-operator=wrong"),
        ("", 'devsess-operator="\\377'),
        ("", "\udcff=\udcff; devsess-operator"),
        ("", "devsess-operator[]=x"),
    ],
)
def test_anything_else_is_refused(door: Door, query: str, cookie: str) -> None:
    """Without the link's key or the cookie nothing of the app answers."""
    status, headers, body = ask(door, query, cookie)
    assert 403 == status
    assert INSIDE not in body
    assert "no-store" == headers["Cache-Control"]
    assert "X-Server" not in ask(door, query, cookie)[1]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:{port}", HTTPStatus.OK),
        ("127.0.0.1:{port}", HTTPStatus.OK),
        ("evil.example:{port}", HTTPStatus.MISDIRECTED_REQUEST),
        ("localhost.evil.example:{port}", HTTPStatus.MISDIRECTED_REQUEST),
        ("localhost", HTTPStatus.MISDIRECTED_REQUEST),
        ("localhost:1", HTTPStatus.MISDIRECTED_REQUEST),
        ("", HTTPStatus.MISDIRECTED_REQUEST),
    ],
)
def test_other_names_of_this_machine_are_refused(host: str, expected: int) -> None:
    """A site whose name resolves to 127.0.0.1 is not answered, whatever it knows."""
    with LocalServer(inside).running() as server:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        connection.putrequest("GET", "/", skip_host=True)
        if host:
            connection.putheader("Host", host.format(port=server.server_port))
        connection.endheaders()
        assert expected == connection.getresponse().status
        connection.close()


def test_a_request_that_names_two_hosts_is_refused() -> None:
    """The second one could be another's."""
    with LocalServer(inside).running() as server:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        connection.putrequest("GET", "/", skip_host=True)
        for host in (f"localhost:{server.server_port}", "evil.example"):
            connection.putheader("Host", host)
        connection.endheaders()
        assert HTTPStatus.MISDIRECTED_REQUEST == connection.getresponse().status
        connection.close()


def test_it_listens_on_loopback_alone() -> None:
    """No other machine reaches it."""
    server = LocalServer(inside)
    assert "127.0.0.1" == server.socket.getsockname()[0]
    server.server_close()
