"""The processor time of real servers for a request, with devsess and with its peers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks._line import Line
from benchmarks.served.client import apart, serving

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks._setting import Setting

DESCRIPTION = (
    "Apps that answer with the user's id, each run by a server in a process of its own: those for"
    " ASGI by uvicorn, those for WSGI by waitress. The left figure is the server's processor time"
    " for a request, best of many rounds; the right one is what that adds to the framework's bare"
    " app, which looks at nothing. Both include cookies, CSRF check, client address and the guard"
    " of the view, with the framework's own part in them, such as calling a dependency. The bound"
    " of devsess, under each framework, is what Starlette's signed cookie adds."
)

COOKIE = "FastAPI, Starlette's SessionMiddleware"
# Short rounds: the best of many is one that nothing else interrupted.
REQUESTS, ROUNDS = 100, 75


def lines(setting: Setting) -> list[Line]:
    """What each app's way adds to a request; devsess should add no more than a signed cookie."""
    seconds = measured(setting.folder, setting.rounds(ROUNDS))
    bound = _added(COOKIE, seconds)
    return [
        Line(
            name,
            _added(name, seconds),
            bound if name.endswith(", devsess") else None,
            unit="µs",
            microseconds=took * 1e6,
            drifts=False,
        )
        for name, took in seconds.items()
    ]


def _added(name: str, seconds: dict[str, float]) -> float:
    """Microseconds beyond the framework's bare app."""
    return (seconds[name] - seconds[name.partition(",")[0]]) * 1e6


def measured(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds of processor time for a request of each app: the best of many rounds in turn."""
    from benchmarks.served import apps_asgi, apps_wsgi, made

    with ExitStack() as stack:
        running = {
            name: stack.enter_context(serving(name, folder / str(number)))
            for number, name in enumerate((*apps_asgi.APPS, *apps_wsgi.APPS))
        }
        stack.enter_context(apart())
        for server in running.values():
            server.seconds(2 * made.COUNT)  # every session has been seen, and is kept
        found: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(rounds):
            for name, server in running.items():
                found[name].append(server.seconds(REQUESTS))
    return {name: min(seconds) for name, seconds in found.items()}
