"""Look, and change nothing: the assessment of a sign-in, and the checks of a validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess import lifecycle, skew
from devsess.errors import InvalidSessionError
from devsess.explanation import Check, Explanation, Outcome
from devsess.models import Assessment, EventType
from devsess.operations import _sentences, assessing
from devsess.operations._checks import checked_client, checked_text
from devsess.operations.common import (
    NOBODY,
    find_row,
    presents_own_device,
    require_account,
    require_found,
    require_impersonator,
    require_latest,
)
from devsess.operations.login import look
from devsess.stores.rows import EventRow
from devsess.tokens.stages import STAGES, Inspection

if TYPE_CHECKING:
    from devsess.lifecycle import Standing
    from devsess.models import Client, Event, Session
    from devsess.operations._sentences import Said
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow
    from devsess.tokens.access import AccessClaims

# The checks of a validation, in its order; then three that fail none.
CHECKS = (
    *STAGES,
    *("session", "account", "liveness", "impersonation", "authentication", "device"),
    *("staleness", "step_up", "risk"),
)
# Those that need no token.
OF_SESSION = (
    *("session", "liveness", "impersonation", "authentication", "device"),
    *("staleness", "step_up", "risk"),
)
# The latest events of an account that are searched for its session's assessment, by pages.
PAGES, PAGE = 10, 100


async def assess(op: Operation, user_id: str, client: Client | None) -> Assessment:
    """
    The assessment that a sign-in of *client* would get now; an empty one where risk is off.

    Raises:
        TypeError, ValueError: If *user_id* cannot be one, or *client* is no Client.
    """
    client, account = checked_client(client) or NOBODY, checked_text(user_id, "user_id")
    if op.policy.risk is None:
        return Assessment()
    seen = await look(op, account, client)
    return assessing.assessed(op, seen.facts, seen.habits)


async def explain(op: Operation, token: str, client: Client | None, *, way: str) -> Explanation:
    """
    Every check that a validation of *token* makes now, as read from the store.

    Args:
        way: How memory stays current, as Metrics has it.
        others: As for validate.

    Raises:
        TypeError: If *client* is no Client.
    """
    checked_client(client)
    record, inspection = _Record(CHECKS), Inspection(op.tokens.access, token, op.now)
    for stage in inspection.stages():
        if stage.error is None:
            record.passed((stage.message, dict(stage.data)))
        else:
            record.failed(stage.error)
    if inspection.claims is not None:
        try:
            await _judge(op, record, inspection.claims, client, way)
        except InvalidSessionError as error:
            record.failed(error)
    return record.explanation()


async def explain_session(
    op: Operation, session_id: str | Session, *, events: Iterable[Event] | None = None, way: str
) -> Explanation | None:
    """
    Every check that a session meets at a request with its newest token, by any device.

    None where it is unknown. Where its *events* are given, the history is not read again.
    """
    row = await find_row(op, session_id, None)
    if row is None:
        return None
    record = _Record(OF_SESSION)
    record.passed(_sentences.session(row))
    try:
        row = _once_corrected(op, await _alive(op, record, row))
        record.passed(_sentences.proof(row, op.now))
        record.passed(_sentences.device(row, None, owns=False))
        assessed = await _latest_assessed(op, row) if events is None else _assessed(row, events)
        _judge_no_more(op, record, row, assessed, way)
    except InvalidSessionError as error:
        record.failed(error)
    return record.explanation()


class _Record:
    """The checks so far, each under the next one of *names*."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._checks: list[Check] = []
        self._known: Mapping[str, Any] = {}

    def passed(self, said: Said) -> None:
        message, data = said
        self._checks.append(Check(self._next(), Outcome.PASSED, message, data))
        self._known = {}

    def knowing(self, data: Mapping[str, Any]) -> None:
        """The numbers of the next check, if it fails."""
        self._known = data

    def failed(self, error: InvalidSessionError) -> None:
        data = {**self._known, "error": type(error).__name__}
        said = str(error)
        message = f"{said[:1].upper()}{said[1:]}."
        self._checks.append(Check(self._next(), Outcome.FAILED, message, data))

    def explanation(self) -> Explanation:
        rest = self._names[len(self._checks) :]
        return Explanation((*self._checks, *(Check(it, Outcome.NOT_REACHED) for it in rest)))

    def _next(self) -> str:
        return self._names[len(self._checks)]


async def _judge(
    op: Operation, record: _Record, claims: AccessClaims, client: Client | None, way: str
) -> None:
    """
    The checks of `live_session` and `presents_own_device`, one by one.

    Raises:
        InvalidSessionError: By the first that fails.
    """
    record.knowing({"sessionId": claims.session_id})
    row = require_found(await op.store.get(claims.session_id))
    record.passed(_sentences.session(row))
    require_account(row, claims)
    record.passed(_sentences.account(row))
    standing = await _alive(op, record, row)
    require_latest(row, claims)
    row = _once_corrected(op, standing)
    require_latest(row, claims)
    record.passed(_sentences.authentication(row, op.now))
    record.knowing({"deviceId": row.device.id, "bound": row.bound})
    owns = presents_own_device(op, row, client)
    record.passed(_sentences.device(row, client, owns=owns))
    _judge_no_more(op, record, row, await _latest_assessed(op, row), way)


async def _alive(op: Operation, record: _Record, row: SessionRow) -> Standing:
    """
    The checks of liveness, and of the session that began an impersonation.

    Raises:
        InvalidSessionError: By the first that fails.
    """
    standing = lifecycle.standing(row, op.now, op.policy)
    record.knowing(_sentences.deadlines(standing))
    lifecycle.require_live(standing)
    record.passed(_sentences.liveness(standing, op.now))
    await require_impersonator(op, row)
    record.passed(_sentences.impersonation(row))
    return standing


def _judge_no_more(
    op: Operation, record: _Record, row: SessionRow, assessed: EventRow | None, way: str
) -> None:
    """The last checks, which fail none."""
    record.passed(_sentences.staleness(op.policy, way))
    record.passed(_sentences.step_up(row, op.policy))
    record.passed(_sentences.risk(assessed, op.policy))


def _once_corrected(op: Operation, standing: Standing) -> SessionRow:
    """The row as a validation would set it back first, where a clock that was ahead wrote it."""
    row = standing.row
    if not standing.written_ahead or not op.corrections.is_due(row.id):
        return row
    changes: dict[str, Any] = skew.set_back(row, op.now, op.policy)
    return evolve(row, **changes)


async def _latest_assessed(op: Operation, row: SessionRow) -> EventRow | None:
    """The latest event of the session with an assessment, among the account's latest events."""
    cursor: str | None = None
    for _ in range(PAGES):
        page = await op.store.events(row.user_id, limit=PAGE, cursor=cursor)
        found, has_begun = _within(row, page.items)
        if found is not None or has_begun:
            return found
        cursor = page.next
        if cursor is None:
            return None
    return None


def _within(row: SessionRow, events: Iterable[EventRow]) -> tuple[EventRow | None, bool]:
    """The latest of *events* that assesses the session; whether its sign-in is among them."""
    for event in events:
        if event.session_id != row.id:
            continue
        if event.assessment not in (None, Assessment()):
            return event, False
        if event.type is EventType.SESSION_CREATED:  # nothing is older
            return None, True
    return None, False


def _assessed(row: SessionRow, events: Iterable[Event]) -> EventRow | None:
    """The same of events as an application has them."""
    given = (
        EventRow(it.type, it.at.timestamp(), it.user_id, it.session_id, assessment=it.assessment)
        for it in events
    )
    return _within(row, given)[0]
