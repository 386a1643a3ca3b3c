"""Flows driven by hand: the surroundings, a row, and what answers the calls."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from devsess import Policy
from devsess.flows import Call, Context
from devsess.keys import Keys
from devsess.testing._rows import T0, session_row
from devsess.tokens import AccessClaims, Tokens

POLICY = Policy()
KEYS = Keys.of("t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
TOKENS = Tokens(KEYS, "devsess", "devsess", POLICY)
CONTEXT = Context(POLICY, TOKENS, KEYS, lambda size: b"r" * size)
SESSION_ID = "s-0123456789abcdef"
ROW = session_row(SESSION_ID, device="d-0123456789abcdef")
REVOKED = evolve(ROW, revoked_at=T0 + 1, reason="lost")
CLAIMS = AccessClaims(SESSION_ID, "user-1", int(T0), T0 + 900)
SOON, LATER = T0 + 1, T0 + POLICY.touch_interval
ROTATED: dict[str, Any] = {"rotated_at": SOON, "rotated_by": "refresh"}
RAISED: dict[str, Any] = {"rotated_at": SOON, "rotated_by": "step_up"}
# Renewed a second ago; nobody was seen to have the answer.
RENEWED = evolve(ROW, generation=1, previous_generation=0, last_seen_at=SOON, **ROTATED)
NEW_CLAIMS = evolve(CLAIMS, generation=1)


def play(flow: Any, *answers: tuple[str, Any], heard: list[Call] | None = None) -> Any:
    """
    What *flow* returns or raises when its calls are answered so.

    Each answer names the call that must come; an exception is thrown into the flow.
    The calls are put into *heard*.
    """
    script = list(answers)
    step, value = flow.send, None
    while True:
        try:
            call: Call = step(value)
        except StopIteration as stop:
            result = stop.value
            break
        except Exception as error:  # noqa: BLE001 - it is the outcome
            result = error
            break
        assert script, f"asked for {call.name} when it should have been done"
        name, value = script.pop(0)
        assert name == call.name
        if heard is not None:
            heard.append(call)
        step = flow.throw if isinstance(value, Exception) else flow.send
    assert [] == script, "was done before all was asked"
    return result
