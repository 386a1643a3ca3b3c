"""Running scripts where their keys are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from redis.exceptions import MovedError, NoScriptError, ResponseError

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.redis.lines import shares, within
from devsess.stores.redis.scripts import Script, script
from devsess.stores.redis.servers import check_memory

if TYPE_CHECKING:
    from devsess.stores.redis.columns import Text
    from devsess.stores.redis.lines import Command, Lines, Server
    from devsess.stores.redis.servers import Disk
    from devsess.stores.redis.topology import Topology


@frozen
class Call:
    """
    A script to run.

    Attributes:
        key: A tag, with which all keys of the script begin. It is the one that the script
            declares, and no key itself: while its slot moves to another node, scripts are
            refused because it is missing, before they see rows that are half here and half there.
    """

    key: bytes
    script: Script
    arguments: tuple[Text, ...] = field(repr=False)

    @classmethod
    def of(cls, key: bytes, name: str, *arguments: Text) -> Call:
        """The call of the script *name*."""
        return cls(key, script(name), arguments)

    def command(self, *, by_text: bool = False) -> list[Text]:
        """The command that runs it, by its digest or by its text."""
        how: list[Text] = ["EVAL", self.script.text] if by_text else ["EVALSHA", self.script.digest]
        return [*how, "1", self.key, *self.arguments]


class Port:
    """
    One way to run scripts, for both managers.

    Args:
        lines: The connections, blocking or awaited.
        topology: Where the keys are.
        disk: Makes sure that writes are on the server's; None: as the server is set.
    """

    def __init__(self, lines: Lines, topology: Topology, disk: Disk | None = None) -> None:
        self.lines, self._topology, self._disk = lines, topology, disk

    async def check_servers(self, keys: Sequence[bytes]) -> None:
        """
        Look whether the servers of *keys* are set as they must be: those that answer.

        Raises:
            ConfigurationError: If one is not.
            StoreUnavailableError: If it is not known which they are.
        """
        servers = {await self._server_of(key) for key in keys}
        for server, share in shares([*servers], self.lines.timeout):
            with suppress(StoreUnavailableError), within(share):  # the others can be used
                await check_memory(server, self.lines)
                fault = self._disk and await self._disk.fault_of(server, self.lines)
                if fault:
                    raise ConfigurationError(fault)

    async def run(self, call: Call) -> Any:
        """
        The answer of one script.

        Raises:
            StoreUnavailableError: If there is none; the script may have run.
        """
        [answer] = await self.run_all([call])
        return answer

    async def run_all(self, calls: Sequence[Call]) -> list[Any]:
        """
        The answers of scripts; those of one server are sent to it in one go.

        Raises:
            StoreUnavailableError: If one has none; each may have run.
        """
        try:
            with within(self.lines.timeout):
                answers = await self._asked_twice(calls)
        except StoreUnavailableError:
            self._forget()
            raise
        for answer in answers:
            if isinstance(answer, ResponseError):
                self._forget()
                raise StoreUnavailableError(f"the server refused it: {_word(answer)}") from answer
        return answers

    async def _asked_twice(self, calls: Sequence[Call]) -> list[Any]:
        answers = await self._asked(calls)
        moved = [i for i, it in enumerate(answers) if isinstance(it, MovedError)]
        if moved:  # these did not run: another node has the slot by now
            self._forget()
            again = await self._asked([calls[i] for i in moved])
            for i, answer in zip(moved, again, strict=True):
                answers[i] = answer
        return answers

    async def _server_of(self, key: bytes) -> Server:
        with within(self.lines.timeout):
            return await self._topology.server_of(key, self.lines)

    async def _asked(self, calls: Sequence[Call]) -> list[Any]:
        places: dict[Server, list[int]] = {}
        for i, call in enumerate(calls):
            server = await self._server_of(call.key)
            places.setdefault(server, []).append(i)
        parts = [
            partial(self._of_one, server, [calls[i] for i in chosen])
            for server, chosen in places.items()
        ]
        answers: dict[int, Any] = {}
        for chosen, part in zip(places.values(), await self.lines.together(parts), strict=True):
            answers |= zip(chosen, part, strict=True)
        return [answers[i] for i in range(len(calls))]

    async def _of_one(self, server: Server, calls: Sequence[Call]) -> list[Any]:
        answers = await self._sent(server, calls, by_text=False)
        unknown = [i for i, it in enumerate(answers) if isinstance(it, NoScriptError)]
        if unknown:  # it did not run: the server has not seen it since it started
            again = await self._sent(server, [calls[i] for i in unknown], by_text=True)
            for i, answer in zip(unknown, again, strict=True):
                answers[i] = answer
        return answers

    async def _sent(self, server: Server, calls: Sequence[Call], *, by_text: bool) -> list[Any]:
        commands: list[Command] = [call.command(by_text=by_text) for call in calls]
        if self._disk is not None and any(call.script.is_kept for call in calls):
            return await self._disk.exchange(server, commands, self.lines)
        is_read = all(call.script.is_read for call in calls)
        return await self.lines.exchange(server, commands, is_read=is_read)

    async def wait(self, key: bytes, channel: str, seconds: float) -> None:
        """
        Return at the next message of *channel*, or after *seconds*.

        Raises:
            StoreUnavailableError: If nothing can be heard.
        """
        try:
            server = await self._server_of(key)
            await self.lines.listen(server, channel, seconds)
        except StoreUnavailableError:
            self._forget()
            raise

    def _forget(self) -> None:
        self._topology.forget()
        if self._disk is not None:
            self._disk.forget()

    async def close(self) -> None:
        """Release the connections; closing twice is fine."""
        await self.lines.close()


def _word(error: ResponseError) -> str:
    """The kind of *error*: the driver's own class, or the first word of the server's text."""
    kind = type(error)
    return str(error).partition(" ")[0] if kind is ResponseError else kind.__name__
