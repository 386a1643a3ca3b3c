"""The server that a key is on: the only one, a Sentinel's master, or a node of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from redis.crc import key_slot
from redis.exceptions import ResponseError

from devsess.errors import StoreUnavailableError
from devsess.stores.redis.lines import Server, shares, within

if TYPE_CHECKING:
    from devsess.stores.redis.lines import Lines


class Topology(Protocol):
    """Where the keys are."""

    async def server_of(self, key: bytes, lines: Lines) -> Server:
        """
        The server that *key* is on.

        Raises:
            StoreUnavailableError: If that cannot be found out.
        """
        ...

    def forget(self) -> None:
        """Find out again: a server did not answer, or said that it is not the one."""
        ...


class OneServer:
    """All keys are on one server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def server_of(self, key: bytes, lines: Lines) -> Server:
        """See Topology.server_of."""
        del key, lines
        return self._server

    def forget(self) -> None:
        """There is no other."""


class Sentinels:
    """All keys are on the master that Sentinels name."""

    def __init__(self, servers: Sequence[Server], service: str) -> None:
        self._servers, self._service = list(servers), service
        self._master: Server | None = None

    async def server_of(self, key: bytes, lines: Lines) -> Server:
        """See Topology.server_of."""
        del key
        master = self._master  # read once: it may be forgotten between two lines
        if master is None:
            master = self._master = await self._found(lines)
        return master

    async def _found(self, lines: Lines) -> Server:
        question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service]
        for sentinel, share in shares(tuple(self._servers), lines.timeout):
            try:
                with within(share):
                    answer, *_ = await lines.exchange(sentinel, [question], is_read=True)
                    if not isinstance(answer, list):
                        continue
                    master = Server(answer[0].decode(), int(answer[1]))
                    # A Sentinel may be late: the server itself says whether it is a master.
                    role, *_ = await lines.exchange(master, [["ROLE"]], is_read=True)
            except StoreUnavailableError:
                continue
            if isinstance(role, list) and role[0] == b"master":
                others = [it for it in self._servers if it != sentinel]
                self._servers = [sentinel, *others]  # in one step, whoever comes in between
                return master
        raise StoreUnavailableError("no Sentinel names a master that answers")

    def forget(self) -> None:
        """See Topology.forget."""
        self._master = None


# A node that has left the cluster, or is cut off from most of the others, answers the first too.
_QUESTIONS = [["CLUSTER", "SLOTS"], ["CLUSTER", "INFO"]]


class Cluster:
    """Each key is on the node that has its slot."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._first, self._known = tuple(servers), list(servers)
        self._slots: list[tuple[int, int, Server]] = []

    async def server_of(self, key: bytes, lines: Lines) -> Server:
        """See Topology.server_of."""
        slots = self._slots
        if not slots:
            slots = self._slots = await self._found(lines)
        slot = key_slot(key)
        for first, last, server in slots:
            if first <= slot <= last:
                return server
        self.forget()
        raise StoreUnavailableError("no node of the cluster has this slot")

    async def _found(self, lines: Lines) -> list[tuple[int, int, Server]]:
        doubtful: list[tuple[int, int, Server]] = []
        for server, share in shares([*dict.fromkeys((*self._known, *self._first))], lines.timeout):
            try:
                with within(share):
                    answer, about = await lines.exchange(server, _QUESTIONS, is_read=True)
            except StoreUnavailableError:
                continue
            if isinstance(answer, ResponseError):
                continue
            slots = [_slots(each, server) for each in answer]
            if isinstance(about, bytes) and b"cluster_state:ok" in about:
                self._known = [server, *(it for _, _, it in slots)]  # it answers: first next time
                return slots
            doubtful = doubtful or slots
        if doubtful:
            return doubtful
        raise StoreUnavailableError("no node of the cluster answers")

    def forget(self) -> None:
        """See Topology.forget."""
        self._slots = []


def _slots(entry: Sequence[Any], asked: Server) -> tuple[int, int, Server]:
    first, last, (host, port, *_) = entry[:3]
    # A node that does not know by which name it is reached is where another one was.
    named = asked.host if host in (None, b"", b"?") else host.decode()
    return int(first), int(last), Server(named, int(port))
