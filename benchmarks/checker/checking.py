"""A check: the processes run until they have done enough, and their records are compared."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attrs import Factory, evolve, field, frozen

from benchmarks.checker.faults import Run, possible
from benchmarks.checker.places import place_at
from benchmarks.checker.plan import Plan
from benchmarks.checker.settings import CLOCKS, Settings
from devsess import InvalidSessionError, SessionRevokedError, StoreUnavailableError
from devsess.stores.open import open_store

if TYPE_CHECKING:
    from benchmarks.checker.board import Board
    from devsess import SessionManager

# Sessions that are validated once more when all is over, and seconds for an answer.
LAST, PATIENCE = 1_000, 60.0


@frozen(kw_only=True)
class Findings:
    """
    The outcome of a check.

    Attributes:
        validations: Calls of `validate`, answered or not.
        revocations: Sessions ended while others validated them.
        covered: Those of them that a number ended, before their rows were written.
        late: Threads that had a session accepted after its ending had returned.
        lived_on: Sessions ended by then that a new manager accepted when all was over.
        wrong_refusals: Sessions refused before anyone ended them.
        refusals: Calls refused as they had to be.
        unavailable: Calls to which the store gave no answer.
        from_memory: Share of the accepted that came from memory.
        leased: Share of the accepted that came from memory without a call of the store.
        faults: How often each was injected.
        wanted: Revocations for the result to count.
        seconds: How long it took.
    """

    validations: int
    revocations: int
    covered: int
    late: int
    lived_on: int
    wrong_refusals: int
    refusals: int
    unavailable: int
    from_memory: float
    leased: float
    faults: dict[str, int] = field(default=Factory(dict))
    wanted: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong, and enough was revoked for the result to count."""
        wrong = self.late or self.lived_on or self.wrong_refusals
        # Only a fault may keep the store from answering.
        silent = self.unavailable and not self.faults
        return not wrong and not silent and self.revocations >= self.wanted


def check(settings: Settings) -> Findings:
    """
    Run the processes until they have done enough, and compare their records.

    Raises:
        RuntimeError: If one of them failed; its traceback is on standard error.
        ValueError: If there is no such store, or a fault is not possible there.
    """
    with TemporaryDirectory() as name, place_at(settings.store, Path(name)) as place:
        folder = Path(name)
        impossible = {*settings.faults} - {*possible(place)}
        if impossible:
            raise ValueError(f"not possible on {settings.store}: {', '.join(sorted(impossible))}")
        plan = Plan(settings, folder, secrets.token_urlsafe(32), place.url, place.through)
        (folder / "board").touch()
        _manager(plan).close()  # so that nobody has to make the file while others wait for it
        with plan.board() as board:
            start = time.monotonic()
            run = Run(plan, board, place)
            run.until_enough(tuple(it for it in settings.faults if it != CLOCKS))
            faults = dict(run.injected) | ({CLOCKS: 1} if settings.are_apart else {})
            found = _findings(board, settings.late_after, settings.revocations)
            return evolve(
                found, faults=faults, seconds=time.monotonic() - start, **_last(plan, board, found)
            )


def _manager(plan: Plan) -> SessionManager:
    """A new manager, with a store that is not broken."""
    whole = evolve(plan, settings=evolve(plan.settings, opened=open_store))
    manager: SessionManager = whole.ending("blocking").manager
    return manager


def _last(plan: Plan, board: Board, found: Findings) -> dict[str, int]:
    """Validate the latest sessions once more, by a manager that remembers nothing."""
    lived_on, wrong = 0, found.wrong_refusals
    with _manager(plan) as sessions:
        for slot in range(max(0, board.issued - LAST), board.issued):
            is_live = _is_live(sessions, board.token(slot))
            lived_on += bool(is_live and board.ended_at(slot))
            wrong += not is_live and not board.begun_at(slot)
    return {"lived_on": lived_on, "wrong_refusals": wrong}


def _is_live(sessions: SessionManager, token: str) -> bool:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            sessions.validate(token)
        except SessionRevokedError:
            return False
        except StoreUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        except InvalidSessionError:
            return False
        else:
            return True


def _findings(board: Board, bound: float, wanted: int) -> Findings:
    revoked = [slot for slot in range(board.issued) if board.ended_at(slot)]
    late = sum(
        board.succeeded_at(slot, thread) > board.ended_at(slot) + bound * 1e9
        for slot in revoked
        for thread in range(board.threads)
    )
    validations, refusals = board.total("validations"), board.total("refusals")
    wrong, unavailable = board.total("wrong_refusals"), board.total("unavailable")
    accepted = max(1, validations - refusals - wrong - unavailable)
    return Findings(
        validations=validations,
        revocations=len(revoked),
        covered=board.covered,
        late=late,
        lived_on=0,
        wrong_refusals=wrong,
        refusals=refusals,
        unavailable=unavailable + board.unavailable,
        from_memory=board.total("from_memory") / accepted,
        leased=board.total("leased") / accepted,
        wanted=wanted,
        seconds=0.0,
    )
