"""Pages, lists and writes at a size: each a function of the number of the call, with its bound."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from statistics import median
from typing import Final, TypeAlias
from urllib.parse import urlencode

from attrs import frozen

from benchmarks._population import BIG, HEAVY, SIGNED_IN, device_id
from devsess import Grant, SessionManager
from devsess.web import Operator, account_app, admin_app

Call: TypeAlias = Callable[[int], object]
# Bounds in milliseconds, and in bytes as they are and compressed.
LIST_MS, PAGE_MS, OVERVIEW_MS, LOCK_MS = 20.0, 20.0, 100.0, 50.0
WEIGHT, PACKED = 50_000, 12_000
CALLS: Final = 15


@frozen
class Figure:
    """
    What one thing took.

    Attributes:
        name: Of the thing.
        bound: Milliseconds that it may take, or None.
        took: Milliseconds of each call.
        size: Rows found, or bytes of a page.
        packed: Bytes of a page, compressed; or None.
        busy: Milliseconds of this thread's own in each call: a busy machine does not change them
            much, but those of a server are not among them.
    """

    name: str
    bound: float | None
    took: tuple[float, ...]
    size: int
    packed: int | None = None
    busy: tuple[float, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether it is over one of its bounds: its best median, its weight."""
        is_heavy = self.packed is not None and (self.size > WEIGHT or self.packed > PACKED)
        return is_heavy or (self.bound is not None and median(self.took) > self.bound)

    def line(self) -> tuple[str, ...]:
        """As a line of a table."""
        packed = "" if self.packed is None else f"{self.packed:,}"
        numbers = (median(self.took), max(self.took), min(self.took))
        bound = "" if self.bound is None else f"{self.bound:g}"
        own = f"{median(self.busy):.2f}" if self.busy else ""
        texts = (*(f"{it:.2f}" for it in numbers), own)
        return (self.name, bound, *texts, f"{self.size:,}", packed, "over" * self.is_over)


HEADERS: Final = ("", "bound", "median", "worst", "best", "own", "rows or bytes", "gzipped", "")


def timed(name: str, bound: float | None, call: Call, calls: int = CALLS) -> Figure:
    """How long the calls take, after one that warms up."""
    answer, took, busy = call(0), [], []
    for number in range(calls):
        start, start_busy = time.perf_counter(), time.thread_time()
        answer = call(number)
        busy.append((time.thread_time() - start_busy) * 1e3)
        took.append((time.perf_counter() - start) * 1e3)
    if isinstance(answer, bytes):
        packed = len(gzip.compress(answer))
        return Figure(name, bound, tuple(took), len(answer), packed, tuple(busy))
    size = answer if isinstance(answer, int) else len(getattr(answer, "items", ()))
    return Figure(name, bound, tuple(took), size, None, tuple(busy))


def searches(sessions: SessionManager, now: float) -> Mapping[str, Call]:
    """All lists and counts of operators' pages; the number of the call varies what is asked."""
    some = [it.user_id for it in sessions.search(limit=200)]
    devices = [it.device.id for it in sessions.search(limit=200)]

    def instant(number: int) -> datetime:
        return datetime.fromtimestamp(now - number * 3 * 86_400, UTC)

    def place(number: int) -> str:
        return f"{BIG[:-1]}{number + 1}"

    return {
        "newest": lambda _: sessions.search(),
        "newest live": lambda _: sessions.search(state="live"),
        "newest ended": lambda _: sessions.search(state="ended"),
        "a day": lambda n: sessions.search(until=instant(n)),
        "heavy user": lambda n: sessions.search(user_id=HEAVY, until=instant(n)),
        "heavy user, live": lambda _: sessions.search(user_id=HEAVY, state="live"),
        "heavy user, ended": lambda _: sessions.search(user_id=HEAVY, state="ended"),
        "any user": lambda n: sessions.search(user_id=some[n]),
        "hot network": lambda n: sessions.search(ip=f"{BIG}/24", until=instant(n)),
        "hot network, live": lambda _: sessions.search(ip=f"{BIG}/24", state="live"),
        "address in it": lambda n: sessions.search(ip=place(n)),
        "live before 60 days": lambda _: sessions.search(state="live", until=instant(20)),
        "ended, an address": lambda _: sessions.search(ip=place(1), state="ended"),
        "heavy user in it": lambda _: sessions.search(user_id=HEAVY, ip=f"{BIG}/24"),
        "device": lambda n: sessions.search(device_id=devices[n]),
        "queue": lambda _: sessions.review_queue(),
        "acts": lambda _: sessions.acts(limit=200),
        "count: all": lambda _: sessions.count(),
        "count: live": lambda _: sessions.count(state="live"),
        "count: hot network": lambda _: sessions.count(ip=f"{BIG}/24"),
        "count: hot network, live": lambda _: sessions.count(ip=f"{BIG}/24", state="live"),
        "count: address in it": lambda n: sessions.count(ip=place(n)),
        "count: address in it, live": lambda n: sessions.count(ip=place(n), state="live"),
        "count: heavy user, live": lambda _: sessions.count(user_id=HEAVY, state="live"),
        "count: any user": lambda n: sessions.count(user_id=some[n]),
        "poll": lambda _: sessions.poll(limit=100),
    }


def pages(sessions: SessionManager, now: float) -> Mapping[str, tuple[float, Call]]:
    """The pages of people and of operators, each with its bound."""
    people = account_app(sessions).wsgi
    found: dict[str, tuple[float, Call]] = {}
    for user in (*SIGNED_IN, HEAVY):
        grant = sessions.login(user)
        device = f"/devices/{device_id(user, 3)}"
        found |= {
            f"{user}: devices": (PAGE_MS, _page(people, "/", grant)),
            f"{user}: a device": (PAGE_MS, _page(people, device, grant)),
            f"{user}: activity": (PAGE_MS, _page(people, "/history", grant)),
        }
    staff = admin_app(sessions, authorize=lambda _: Operator("support-7")).wsgi
    day = datetime.fromtimestamp(now - 9 * 86_400, UTC).date().isoformat()
    session = sessions.search(user_id=HEAVY, limit=1, until=datetime.fromtimestamp(now, UTC))
    asked: dict[str, tuple[str, dict[str, str]]] = {
        "overview, 90 days": ("/", {"days": "90"}),
        "overview, 30 days": ("/", {}),
        "live numbers": ("/live", {}),
        "search, live": ("/search", {"state": "live"}),
        "search, an address": ("/search", {"ip": f"{BIG[:-1]}7"}),
        "user of 50": ("/user", {"id": "user-of-50"}),
        "heavy user": ("/user", {"id": HEAVY}),
        "heavy user's activity": ("/activity", {"id": HEAVY}),
        "heavy user's device": ("/device", {"user": HEAVY, "id": device_id(HEAVY, 3)}),
        "hot network": ("/network", {"ip": f"{BIG}/24"}),
        "address in it": ("/network", {"ip": f"{BIG[:-1]}7"}),
        "day": ("/day", {"on": day}),
        "session": ("/session", {"id": next(iter(session)).id}),
        "review": ("/review", {}),
        "log": ("/log", {}),
        "preview of an ending": ("/end", {"ip": f"{BIG}/24"}),
    }
    for name, (path, query) in asked.items():
        bound = OVERVIEW_MS if name.startswith("overview") else PAGE_MS
        found[f"staff: {name}"] = (bound, _page(staff, path, None, query))
    return found


def _page(app: object, path: str, grant: Grant | None, query: Mapping[str, str] = {}) -> Call:
    """A call for the body of a page of a WSGI app."""
    environ: dict[str, object] = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": urlencode(query),
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "app.example",
        "HTTP_ACCEPT": "text/html",
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
    }
    if grant is not None:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {grant.access_token}"
        environ["HTTP_DEVSESS_DEVICE"] = grant.device_token or ""

    def call(_: int) -> bytes:
        statuses: list[str] = []
        given = {**environ, "wsgi.input": BytesIO()}
        body = b"".join(app(given, lambda status, _: statuses.append(status)))  # type: ignore[operator]
        if not statuses[0].startswith("200"):
            raise RuntimeError(f"{path}: {statuses[0]}")
        return body

    return call
