"""Operations driven by hand: their calls, in order, and the results of the answers."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from _play import (
    CLAIMS,
    LATER,
    NEW_CLAIMS,
    POLICY,
    RAISED,
    RENEWED,
    REVOKED,
    ROTATED,
    ROW,
    SESSION_ID,
    SOON,
    TOKENS,
    Call,
    access_token,
    at,
    corrections,
    play,
)
from attrs import evolve

from devsess import (
    BadTokenError,
    Client,
    EventType,
    Grant,
    LoginDeniedError,
    RefreshTokenReusedError,
    SessionNotFoundError,
    SessionRevokedError,
    StoreUnavailableError,
    TokenExpiredError,
    lifecycle,
)
from devsess._runtime import operations
from devsess.models import Page
from devsess.operations._kinds import OF_PERSONS
from devsess.stores.base import Ended, Inserted, Refused
from devsess.stores.calls import Known
from devsess.stores.rows import EventRow, SessionRow
from devsess.testing._rows import T0, device_row, event_row
from devsess.tokens.access import AccessClaims


def validate(now: float, claims: AccessClaims = CLAIMS, *, touch: bool = True) -> Any:
    return operations.validate(at(now), claims, None, touch=touch)


def refresh(now: float, generation: int = 0, client: Client | None = None) -> Any:
    token = TOKENS.refresh.mint(SESSION_ID, generation, ROW.salt)
    return operations.refresh(at(now), token, client)


def login(client: Client | None = None) -> Any:
    none: dict[str, Any] = {"auth_time": None, "claims": None, "lifetime": None, "provider": None}
    return operations.login(
        at(T0), "user-1", client, amr=("pwd",), acr=None, persistent=False, **none
    )


def test_a_validation_asks_for_the_row_and_nothing_else() -> None:
    """The one thing asked on every request that memory does not answer."""
    validated = play(validate(SOON), ("get", ROW))
    assert SESSION_ID == validated.session.id
    assert T0 + POLICY.touch_interval == validated.good_until


@pytest.mark.parametrize(
    ("row", "claims", "error", "emitted"),
    [
        (None, CLAIMS, SessionNotFoundError, False),
        (ROW, evolve(CLAIMS, user_id="user-2"), BadTokenError, False),
        (REVOKED, evolve(CLAIMS, user_id="user-2"), BadTokenError, False),
        (REVOKED, CLAIMS, SessionRevokedError, True),
        (evolve(ROW, auth_time=ROW.auth_time + 1), CLAIMS, TokenExpiredError, False),
    ],
)
def test_refusals_of_a_row(row: Any, claims: Any, error: type[Exception], emitted: bool) -> None:
    """Only the use of an ended session emits an event."""
    after = [("emit", None)] if emitted else []
    assert isinstance(play(validate(SOON, claims), ("get", row), *after), error)


def test_a_due_touch_moves_the_session_ahead() -> None:
    """From the interval on, activity is written, and the answer shows it."""
    validated = play(validate(LATER), ("get", ROW), ("touch", True))
    assert validated.session.last_seen_at.timestamp() == LATER
    assert LATER + POLICY.touch_interval == validated.good_until


def test_a_poll_does_not_touch() -> None:
    """A poll does not keep a session alive."""
    assert play(validate(LATER, touch=False), ("get", ROW))


def test_a_failed_touch_fails_nothing() -> None:
    """The session is valid all the same; the next attempt waits for a second."""
    flow = validate(LATER)
    validated = play(flow, ("get", ROW), ("touch", StoreUnavailableError("disk full")))
    assert validated.session.last_seen_at.timestamp() == T0
    assert LATER + 1 == validated.good_until


def test_the_first_presentation_is_a_touch_at_once() -> None:
    """Long before the interval is over, the row learns that its successor arrived."""
    flow = validate(SOON + 1, NEW_CLAIMS)
    flow.send(None)
    call = flow.send(RENEWED)
    assert ("touch", 1) == (call.name, call.kwargs["presented"])
    assert SOON + 1 == call.args[1].last_seen_at


def test_a_poll_marks_a_successor_all_the_same() -> None:
    """A poll is no activity: it says that the successor arrived, and moves nothing."""
    flow = validate(LATER, NEW_CLAIMS, touch=False)
    flow.send(None)
    call = flow.send(RENEWED)
    assert lifecycle.at_rest(RENEWED) == call.args[1]
    assert {"bound": False, "presented": 1} == call.kwargs


@pytest.mark.parametrize("touch", [True, False])
def test_an_unwritten_mark_is_tried_again_soon(touch: bool) -> None:
    """Until it is written that a successor arrived, memory answers for a second at most."""
    down = StoreUnavailableError("busy")
    flow = validate(SOON + 1, NEW_CLAIMS, touch=touch)
    assert SOON + 2 == play(flow, ("get", RENEWED), ("touch", down)).good_until
    flow = validate(SOON + 1, NEW_CLAIMS, touch=touch)
    expected = SOON + POLICY.touch_interval + (1 if touch else 0)
    assert expected == play(flow, ("get", RENEWED), ("touch", True)).good_until


@pytest.mark.parametrize(
    ("row", "claims"),
    [
        (RENEWED, CLAIMS),
        (RENEWED, evolve(CLAIMS, generation=0)),
        (evolve(RENEWED, presented=True), NEW_CLAIMS),
        (ROW, evolve(CLAIMS, generation=0)),
    ],
)
def test_a_known_generation_is_not_written(row: Any, claims: Any) -> None:
    """A token without generation, of another, of one known, or of one that succeeds none."""
    assert play(validate(SOON, claims), ("get", row))


def test_a_touch_too_late_is_judged_again() -> None:
    """Revoked between its read and its touch: the read counts for nothing."""
    answers = [("get", ROW), ("touch", False), ("get", REVOKED), ("emit", None)]
    assert isinstance(play(validate(LATER), *answers), SessionRevokedError)


def test_a_store_that_fails_is_no_judgement() -> None:
    """Its error comes out as it is: never as "not signed in"."""
    down = StoreUnavailableError("gone")
    assert down is play(validate(SOON), ("get", down))
    assert down is play(refresh(SOON), ("get", down))


def test_a_lost_rotation_converges() -> None:
    """Another request was faster: this one reads again, and gets the same tokens."""
    rotated = evolve(ROW, generation=1, previous_generation=0, **ROTATED)
    won = play(refresh(SOON), ("get", ROW), ("rotate", rotated), ("emit", None))
    lost = play(refresh(SOON), ("get", ROW), ("rotate", None), ("get", rotated))
    assert won.refresh_token == lost.refresh_token
    assert (won.replayed, lost.replayed) == (False, True)


def test_a_lost_rotation_to_a_step_up_gets_nothing() -> None:
    """The tokens of a step-up go only to the client that proved itself."""
    raised = evolve(ROW, generation=1, previous_generation=0, **RAISED)
    answers = [("get", ROW), ("rotate", None), ("get", raised)]
    assert isinstance(play(refresh(SOON), *answers), TokenExpiredError)


def test_reuse_ends_before_it_is_emitted() -> None:
    """One write ends the session, with both events; then they are emitted."""
    ahead = evolve(ROW, generation=5)
    ended = Ended((event_row(EventType.SESSION_REVOKED), event_row(EventType.TOKEN_REUSED)))
    outcome = play(refresh(SOON), ("get", ahead), ("end", ended), ("emit", None), ("emit", None))
    assert isinstance(outcome, RefreshTokenReusedError)
    assert outcome.reuse == "stale"


def test_reuse_is_emitted_once() -> None:
    """If another request ended the session first, the event is not emitted again."""
    ahead = evolve(ROW, generation=5)
    outcome = play(refresh(SOON), ("get", ahead), ("end", Ended()))
    assert isinstance(outcome, RefreshTokenReusedError)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (operations.block_device, EventType.DEVICE_BLOCKED),
        (operations.forget_device, EventType.DEVICE_FORGOTTEN),
    ],
)
def test_a_device_is_ended_with_its_event_in_one_write(operation: Any, kind: EventType) -> None:
    """A crash leaves both or neither: nothing is written beside the ending."""
    calls: list[Call] = []
    known = Known([device_row(id="other"), ROW.device], 0)
    answers = [("known_devices", known), ("end", Ended((event_row(kind),))), ("emit", None)]
    play(operation(at(SOON), "user-1", ROW.device.id, actor="admin"), *answers, calls=calls)
    (ending,) = calls[1].args
    expected = EventRow(
        type=kind, at=SOON, user_id="user-1", device_id=ROW.device.id, actor="admin"
    )
    assert expected == ending.event


def test_a_reuse_that_cannot_be_ended_is_no_success() -> None:
    """Without its end written, there is nothing to answer but that the store failed."""
    down = StoreUnavailableError("read-only")
    assert down is play(refresh(SOON), ("get", evolve(ROW, generation=5)), ("end", down))


_BEGUN = [("known_devices", Known([], 0))]


def test_a_login_writes_once() -> None:
    """One write inserts session, device and event; then the event is emitted."""
    grant = play(login(), *_BEGUN, ("insert", Inserted()), ("emit", None))
    assert isinstance(grant, Grant)
    assert grant.session.user_id == "user-1"


def test_a_login_asks_for_a_place_where_there_is_an_address() -> None:
    """No address, no question."""
    answers = [*_BEGUN, ("locate", None), ("insert", Inserted()), ("emit", None)]
    assert play(login(Client(ip="198.51.100.7")), *answers).session.ip == "198.51.100.7"


def test_a_login_adopts_no_id() -> None:
    """A genuine key ring without a device of this account leads to a new one."""
    ring = TOKENS.device.mint(["another-account-1"])
    answers = [
        ("known_devices", Known([device_row()], 0)),
        ("events", Page(())),  # the account has no profile yet
        ("insert", Inserted()),
        ("emit", None),
        ("emit", None),  # the account has another device: this one is news
    ]
    grant = play(login(Client(device_token=ring)), *answers)
    assert grant.session.device.id not in ("another-account-1", "device-1")


def test_a_refused_login_is_kept_and_emitted() -> None:
    """A sign-in from before a cut-off has no tokens, and a place in the history."""
    answers = [*_BEGUN, ("insert", Refused.CUT_OFF)]
    outcome = play(login(), *answers, ("add_event", None), ("emit", None))
    assert isinstance(outcome, LoginDeniedError)


def test_a_step_up_that_lost_is_judged_again() -> None:
    """The token it came with has ended with the other step-up."""
    raised = evolve(ROW, auth_time=ROW.auth_time + 5, generation=1)
    flow = operations.step_up(at(SOON), access_token(), None, amr=("otp",), acr=None, provider=None)
    outcome = play(flow, ("get", ROW), ("update", None), ("get", raised))
    assert isinstance(outcome, TokenExpiredError)


def test_an_update_that_lost_is_worked_out_again() -> None:
    """Two extensions at once both count: the second adds to the first."""
    moved = evolve(ROW, idle_expires_at=ROW.idle_expires_at + 60)
    flow = operations.extend(at(SOON), SESSION_ID, 60, user_id=None)
    assert Call("get", (SESSION_ID,)) == flow.send(None)
    assert flow.send(ROW).kwargs["expected"]["idle_expires_at"] == ROW.idle_expires_at
    flow.send(None)
    second = flow.send(moved)
    assert second.kwargs["expected"]["idle_expires_at"] == moved.idle_expires_at
    flow.close()


def test_revoking_an_ended_session_looks_whether_it_was_there() -> None:
    """Ended by others is ended; unknown and foreign are not."""

    def revoke(user_id: str | None = None) -> Any:
        return operations.revoke(at(SOON), SESSION_ID, user_id=user_id, reason="lost", actor=None)

    ended = event_row(EventType.SESSION_REVOKED)
    assert play(revoke(), ("end", Ended((ended,))), ("emit", None)) is True
    assert play(revoke(), ("end", Ended()), ("get", REVOKED)) is True
    assert play(revoke(), ("end", Ended()), ("get", None)) is False
    assert play(revoke("user-2"), ("end", Ended()), ("get", ROW)) is False


_NONE_AHEAD: tuple[tuple[str, list[str]], ...] = (("newest_instants", []), ("ahead", []))


def test_purge_goes_on_until_nothing_is_left() -> None:
    """In batches, so that nobody waits long for the writer."""
    paused = ("pause", None)
    batches = [("purge", 500), paused, ("purge", 500), paused, ("purge", 7), paused, ("purge", 0)]
    assert play(operations.purge(at(SOON), limit=None), *_NONE_AHEAD, *batches) == 1007
    assert (
        play(
            operations.purge(at(SOON), limit=600),
            *(*_NONE_AHEAD, *batches[:2], ("purge", 100), paused),
        )
        == 600
    )


@pytest.mark.parametrize("ahead", [33, 32])
def test_a_purge_of_a_clock_that_is_behind_corrects_nothing(ahead: int) -> None:
    """A purge corrects nothing if more than half of the newest rows are ahead of its clock."""
    disputed, warned, calls = ahead > 32, list[str](), list[Call]()
    newest = [SOON + 700.4] * ahead + [SOON] * (64 - ahead)
    looks: list[tuple[str, Any]] = [] if disputed else [("ahead", [])]
    flow = operations.purge(at(SOON, corrections(warned=warned)), limit=None)

    assert 0 == play(flow, ("newest_instants", newest), *looks, ("purge", 0), calls=calls)
    assert {"limit": 64} == calls[0].kwargs
    [retention] = calls[-1].args
    assert (SOON, inf if disputed else SOON + 300) == (retention.now, retention.latest)
    assert disputed is bool(warned)
    assert all("ahead of this clock, by about 700 seconds" in it for it in warned)


def test_a_list_of_live_sessions_reads_those_alone() -> None:
    """Page by page; the latest activity first, wherever it was read, and then by id."""
    pages = [Page(tuple(map(_seen, *it)), more) for *it, more in _PAGES]
    answers = [("live", page) for page in pages]
    calls: list[Call] = []
    flow = operations.list_sessions(at(SOON), "user-1", current="b", include_ended=False)
    found = play(flow, *answers, calls=calls)

    assert [("c", False), ("a", False), ("b", True), ("d", False)] == [
        (it.id, it.is_current) for it in found
    ]
    assert [None, "more"] == [call.kwargs.get("cursor") for call in calls]


_PAGES: list[tuple[str, tuple[float, ...], str | None]] = [
    ("dab", (T0 - 1, T0, T0), "more"),
    ("c", (T0 + 1,), None),
]


def _seen(session_id: str, at: float) -> SessionRow:
    return evolve(ROW, id=session_id, last_seen_at=at)


def test_a_list_of_all_sessions_reads_all() -> None:
    """In the order of the store, the ended ones among them."""
    rows = [_seen("b", T0), evolve(REVOKED, id="a", last_seen_at=T0 - 1)]
    flow = operations.list_sessions(at(SOON), "user-1", current=None, include_ended=True)

    assert ["b", "a"] == [it.id for it in play(flow, ("list", rows))]


def test_an_export_reads_every_page() -> None:
    """However long the history is, all of it is the person's."""
    flow = operations.export_user(at(SOON), "user-1")
    pages = [Page((event_row(),), "more"), Page((event_row(),), None)]
    answers = [("list", [ROW]), ("devices", [device_row()]), ("cut_off", None)]
    items: Any = [("items", []) for _ in OF_PERSONS]
    found = play(flow, *answers, *(("events", page) for page in pages), *items)
    assert (1, 1, 2) == tuple(len(found[part]) for part in ("sessions", "devices", "events"))
