"""The memory of a session in the cache."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks import _workload as workload
from benchmarks._line import Line
from devsess import Client, SessionManager
from devsess.tuning.timing import fresh_copy

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks._setting import Setting
    from devsess import Grant

DESCRIPTION = "`tracemalloc`'s difference, for sessions validated with address and user agent."


SESSIONS = 2_000


def lines(setting: Setting) -> list[Line]:
    """A session's memory, with its token and the client's texts."""
    path, grants = setting.signed_in("memory", SESSIONS)
    plain, known = _weight(path, grants, device=False), _weight(path, grants, device=True)
    return [
        Line("a session in the cache", plain / 1000, 1.5, unit="KB"),
        Line("a session in the cache, with a device token", known / 1000, None, unit="KB"),
    ]


def _weight(path: Path, grants: Sequence[Grant], *, device: bool) -> float:
    """Bytes for each of these sessions, once all that they share is there."""
    requests = list(enumerate(grants))
    with workload.opened(path) as warm:
        _fill(warm, requests, device=device)
    with workload.opened(path) as sessions:
        tracemalloc.start()
        _fill(sessions, requests[:100], device=device)
        before = _traced()
        _fill(sessions, requests[100:], device=device)
        weight = _traced() - before
        tracemalloc.stop()
    return weight / len(requests[100:])


def _fill(sessions: SessionManager, requests: Sequence[tuple[int, Grant]], *, device: bool) -> None:
    for number, grant in requests:
        ip, agent = map(fresh_copy, workload.parts_of(workload.client(number)))
        token = fresh_copy(grant.device_token or "") if device else None
        client = Client(ip=ip, user_agent=agent, device_token=token)
        sessions.validate(fresh_copy(grant.access_token), client)


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
