"""A step-up at its edges: the one row that it writes, driven by hand."""

from __future__ import annotations

from typing import Any

import pytest
from _play import ROW, SOON, TOKENS, Call, access_token, at, play
from attrs import evolve

from devsess import Client
from devsess._runtime import operations

OWN = Client(device_token=TOKENS.device.mint([ROW.device.id]))
RAISED = evolve(ROW, auth_time=ROW.auth_time + 1, generation=1)


def step_up(client: Client | None = None, acr: Any = "aal2") -> Any:
    return operations.step_up(
        at(SOON), access_token(), client, amr=("otp",), acr=acr, provider=None
    )


@pytest.mark.parametrize(
    ("was_bound", "client", "bound"),
    [(False, None, False), (False, OWN, True), (True, None, True), (True, OWN, True)],
)
def test_the_row_of_a_step_up(was_bound: bool, client: Client | None, bound: bool) -> None:
    """The next generation, and its device if that was presented; nothing unbinds."""
    row = evolve(ROW, bound=was_bound, generation=4)
    calls: list[Call] = []
    play(step_up(client), ("get", row), ("update", RAISED), ("emit", None), calls=calls)
    written = calls[1].kwargs["changes"]
    assert (5, 4, bound) == tuple(
        written[column] for column in ("generation", "previous_generation", "bound")
    )
    assert {"auth_time": row.auth_time, "generation": 4} == calls[1].kwargs["expected"]


def test_a_context_that_is_none_is_named() -> None:
    """The message says which argument it was."""
    assert str(play(step_up(acr=""))).startswith("acr ")
