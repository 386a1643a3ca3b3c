"""
The settings that a server must have: nothing is evicted, and, with the option `durable`, a write
is on the disk before it is answered.

With `appendfsync always` a server writes to its disk before it answers. WAITAOF behind a write
says whether it did: the file may have been switched off, or a server without one promoted. That
alone is no proof: with `appendfsync everysec` Valkey 8 and Redis 7.4 count what they have yet to
sync (redis/redis#13793), so the settings are looked at too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devsess.errors import ConfigurationError, StoreUnavailableError

if TYPE_CHECKING:
    from devsess.stores.redis.lines import Command, Lines, Server

_RIGHT = {"appendonly": b"yes", "appendfsync": b"always"}
_QUESTIONS: list[Command] = [["CONFIG", "GET", name] for name in _RIGHT]


async def check_memory(server: Server, lines: Lines) -> None:
    """
    Look whether *server* deletes keys when its memory is full; none of devsess's expires.

    Raises:
        ConfigurationError: If it does.
        StoreUnavailableError: If it does not say so.
    """
    [answer] = await lines.exchange(server, [["INFO", "memory"]], is_read=True)
    if not isinstance(answer, bytes):
        raise StoreUnavailableError("the server does not answer INFO")
    about = dict(line.split(":", 1) for line in answer.decode().splitlines() if ":" in line)
    if about.get("maxmemory") != "0" and about.get("maxmemory_policy", "").startswith("allkeys"):
        raise ConfigurationError(
            "this server would evict endings and sessions: set maxmemory-policy noeviction"
        )


class Disk:
    """
    The servers that are known to write to their disk before they answer.

    Args:
        timeout: Seconds within which a server must have written.
    """

    def __init__(self, timeout: float) -> None:
        self._wait: Command = ["WAITAOF", "1", "0", str(max(1, int(timeout * 1000)))]
        self._known: set[Server] = set()

    async def fault_of(self, server: Server, lines: Lines) -> str | None:
        """
        The setting that *server* lacks, in words; None if it has all.

        Raises:
            StoreUnavailableError: If it does not answer.
        """
        if server in self._known:
            return None
        *found, waited = await lines.exchange(server, [*_QUESTIONS, self._wait], is_read=True)
        for (name, right), answer in zip(_RIGHT.items(), found, strict=True):
            if not isinstance(answer, list):
                return "durable=yes reads the server's settings: allow CONFIG GET"
            if answer[1:] != [right]:
                return f"durable=yes needs a server with {name} {right.decode()}"
        if not _is_written(waited):
            return "durable=yes needs WAITAOF, of Redis 7.2 or newer, or Valkey"
        self._known.add(server)
        return None

    async def exchange(self, server: Server, commands: list[Command], lines: Lines) -> list[Any]:
        """
        The answers to writes that are on the disk of *server*.

        Raises:
            StoreUnavailableError: If there are none, or the server does not say so; the commands
                may have run.
        """
        fault = await self.fault_of(server, lines)
        if fault is not None:
            raise StoreUnavailableError(fault)
        *answers, waited = await lines.exchange(server, [*commands, self._wait], is_read=False)
        if not _is_written(waited) and not all(isinstance(it, Exception) for it in answers):
            raise StoreUnavailableError("the server has not written it to its disk")
        return answers

    def forget(self) -> None:
        """Look at the settings again: a server did not answer, and may be another one."""
        self._known.clear()


def _is_written(answer: Any) -> bool:
    return isinstance(answer, list) and answer[0] == 1
