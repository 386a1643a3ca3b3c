"""Operations driven by hand: their settings, a row, and the answers to their calls."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from attrs import evolve, field, frozen

from devsess import Policy
from devsess._runtime.corrections import Corrections
from devsess.operations.operation import Operation
from devsess.testing._rows import T0, session_row
from devsess.tokens.access import AccessClaims
from devsess.tokens.issuer import Tokens
from devsess.tokens.keys import Keys

POLICY = Policy()
KEYS = Keys.of("t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
TOKENS = Tokens(KEYS, "devsess", "devsess", POLICY)
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


@frozen
class Call:
    """A call of an operation: a method of its store, or of itself."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(factory=dict)

    def __await__(self) -> Generator[Call, Any, Any]:
        return (yield self)


class ScriptedStore:
    """A store, each of whose calls suspends until the test answers it."""

    def __getattr__(self, name: str) -> Any:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            if (name, args) == ("locate", (None,)):
                return None  # there is nothing to look for
            return await Call(name, args, kwargs)

        return ask


# Events are handed over at once: they are looked at when the operation suspends next.
_EMITTED: list[Call] = []


def corrections(*, passed: float = 0.0, warned: list[str] | None = None) -> Corrections:
    """The corrections of a manager that has set nothing back; warnings are put into *warned*."""
    warnings = [] if warned is None else warned
    return Corrections(lambda: passed, warnings.append)


class Emitted(list[Any]):
    """Events, each noted at once as one more call."""

    def extend(self, events: Iterable[Any]) -> None:
        _EMITTED.extend(Call("emit", (event,)) for event in events)


def at(now: float, remembered: Corrections | None = None) -> Operation:
    """An operation at that instant, which suspends wherever it asks for anything."""
    store = ScriptedStore()
    _EMITTED.clear()

    def entropy(size: int) -> bytes:
        return b"r" * size

    corrected = remembered or corrections()
    return Operation(POLICY, TOKENS, KEYS, entropy, corrected, now, store, Emitted())


def access_token() -> str:
    """The access token of CLAIMS."""
    return TOKENS.access.mint(
        session_id=SESSION_ID,
        user_id="user-1",
        now=T0,
        expires_at=int(CLAIMS.expires_at),
        auth_time=CLAIMS.auth_time,
        amr=(),
        acr=None,
        generation=0,
        jti="j",
    )


def play(running: Any, *answers: tuple[str, Any], calls: list[Call] | None = None) -> Any:
    """
    The result of an operation, or its exception, when its calls are answered so.

    Each answer names the call that must come, `emit` an event that is handed over;
    an exception is raised by the call. The calls are put into *calls*.
    """
    script = list(answers)
    step, value = running.send, None
    while True:
        try:
            call, result = step(value), None
        except StopIteration as stop:
            call, result = None, stop.value
        except Exception as error:  # noqa: BLE001 - it is the outcome
            call, result = None, error
        came, _EMITTED[:] = [*_EMITTED, *([call] if call else [])], []
        for each in came:
            assert script, f"asked for {each.name} when it should have been done"
            name, value = script.pop(0)
            assert name == each.name
            if calls is not None:
                calls.append(each)
        if call is None:
            assert [] == script, "was done before all was asked"
            return result
        step = running.throw if isinstance(value, Exception) else running.send
