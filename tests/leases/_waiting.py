"""What the tests of waiting endings share: who holds a lease, and what happens meanwhile."""

from __future__ import annotations

from typing import Any

from _network import Network, Process


async def two(network: Network, kind: type[Any]) -> tuple[Process, Process, Any]:
    """A process that ends, another that holds a lease and knows the session, and its grant."""
    here, there = Process(network, kind), Process(network, kind)
    grant = await here.login("ada")
    await there.with_lease(grant.access_token)
    return here, there, grant


def turning(network: Network, *processes: Process, at: int = 3) -> None:
    """Have *processes* hear at the third question of the one that waits."""
    asked = network.calls["readers_behind"]

    def turn(number: int) -> None:
        if number == asked + at:
            for process in processes:
                process.turn(2)

    network.before["readers_behind"] = turn


def passing(network: Network, seconds: float = 0.25) -> list[float]:
    """Let time pass at each question; the instants of the questions."""
    asked: list[float] = []

    def tick(_: int) -> None:
        network.clock.advance(seconds)
        asked.append(network.clock.elapsed())

    network.before["readers_behind"] = tick
    return asked
