"""Every event, reason, method and signal has words for people, and what is unknown is shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import devsess
from devsess.history.entries import entry, failed
from devsess.history.sentences import About, Failed, joined, method, networks, text, verdict
from devsess.history.words import EVENTS, METHODS, REASONS, SIGNALS, VERDICTS
from devsess.models import Assessment, Decision, Event, EventType, Signal
from devsess.operations.answering import DISOWNED, JUDGED
from devsess.operations.devices import _REASONS, TRUST_ENDED
from devsess.risk.remarks import REMARKS
from devsess.risk.signals import SIGNALS as RULES
from devsess.rotation import REUSES
from devsess.stores.base import Refused
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED

AT = datetime(2026, 11, 26, 14, 3, tzinfo=UTC)
E = EventType
LAGOS = About("Lagos, Nigeria", "Chrome on macOS", ("pwd", "otp"))
BARE = About()


def of(kind: EventType, **more: Any) -> Event:
    """An event of ada's account."""
    return Event(type=kind, at=AT, user_id="ada", **more)


def signal(kind: str, message: str = "", **data: object) -> Signal:
    """A signal with its numbers."""
    return Signal(kind, 5, message, data)


def unusual(decision: Decision, *signals: Signal) -> Assessment:
    """An assessment of that decision."""
    return Assessment(0, decision, signals)


NEW = (signal("new_device"), signal("new_network"))
TRAVEL = signal("impossible_travel", "Lagos to Québec: 8,275 km", km=8275, hours=0.03)

# Event, what is known beside it, and the text.
CASES = [
    (
        of(E.SESSION_CREATED, assessment=unusual(Decision.STEP_UP, *NEW)),
        LAGOS,
        (
            "Signed in with a password and a code, from Lagos, Nigeria, on Chrome on macOS."
            " New device, new network: unusual enough to ask for a second proof."
        ),
    ),
    (of(E.SESSION_CREATED), BARE, "Signed in."),
    (
        of(E.SESSION_CREATED),
        evolve(LAGOS, place=None, amr=("pwd",)),
        "Signed in with a password on Chrome on macOS.",
    ),
    (of(E.SESSION_CREATED), evolve(LAGOS, device=None, amr=()), "Signed in, from Lagos, Nigeria."),
    (of(E.SESSION_CREATED, is_new_device=True), BARE, "Signed in. New device."),
    (
        of(E.SESSION_CREATED, is_new_device=True, assessment=unusual(Decision.ALLOW, *NEW)),
        BARE,
        "Signed in. New device, new network.",
    ),
    (
        of(E.SESSION_CREATED, assessment=unusual(Decision.NOTIFY, TRAVEL)),
        BARE,
        (
            "Signed in. 8,275 km from the place before in too short a time:"
            " unusual for this account."
        ),
    ),
    (
        of(E.SESSION_CREATED, reason="impersonation", actor="support-7"),
        evolve(LAGOS, amr=()),
        "Impersonation by support-7, from Lagos, Nigeria, on Chrome on macOS.",
    ),
    (
        of(E.SESSION_STEPPED_UP),
        LAGOS,
        (
            "Confirmed the sign-in with a password and a code, from Lagos, Nigeria,"
            " on Chrome on macOS."
        ),
    ),
    (
        of(E.SESSION_RENEWED, assessment=unusual(Decision.STEP_UP, *NEW)),
        BARE,
        "The session went on. New network: unusual enough to ask for a second proof.",
    ),
    (
        of(E.SESSION_RENEWED, assessment=unusual(Decision.ALLOW, NEW[0])),
        BARE,
        "The session went on.",
    ),
    (
        of(E.STEP_UP_ASKED, reason="refresh", assessment=unusual(Decision.STEP_UP, *NEW)),
        LAGOS,
        (
            "A second proof was asked for in the session on Chrome on macOS,"
            " since the session moved."
            " New network: unusual enough to ask for a second proof."
        ),
    ),
    (of(E.SESSION_REVOKED, reason="logout", actor="ada"), LAGOS, "Signed out on Chrome on macOS."),
    (
        of(E.SESSION_REVOKED, reason="revoked", actor="support-7"),
        LAGOS,
        "The session on Chrome on macOS was ended by support-7.",
    ),
    (of(E.SESSION_REVOKED, reason="revoked"), BARE, "The session was ended."),
    (
        of(E.SESSION_REVOKED, reason="lost phone.", actor="ada"),
        BARE,
        "The session was ended by the owner: lost phone.",
    ),
    (
        of(E.SESSION_REVOKED, reason="late"),
        BARE,
        "The session was ended, since a token was used again after its successor.",
    ),
    (
        of(
            E.LOGIN_DENIED,
            reason="device-blocked",
            assessment=unusual(Decision.DENY, signal("blocked_device")),
        ),
        BARE,
        "A sign-in was refused, since the device is blocked. Blocked device: refused.",
    ),
    (of(E.LOGIN_DENIED, reason="{place}"), BARE, "A sign-in was refused: {place}."),
    (
        of(E.LOGIN_CHALLENGED, assessment=unusual(Decision.STEP_UP, *NEW)),
        BARE,
        (
            "A sign-in was stopped until a second proof."
            " New device, new network: unusual enough to ask for a second proof."
        ),
    ),
    (
        of(E.SIGN_IN_HELD),
        evolve(LAGOS, device=None),
        "A sign-in, from Lagos, Nigeria waited to be approved.",
    ),
    (of(E.SIGN_IN_REFUSED, actor="ada"), BARE, "A waiting sign-in was refused by the owner."),
    (
        of(E.SESSION_CREATED, reason="approved"),
        evolve(LAGOS, amr=("pwd",)),
        (
            "Signed in with a password, from Lagos, Nigeria, on Chrome on macOS,"
            " after it had been approved."
        ),
    ),
    (of(E.DEVICE_TRUSTED), LAGOS, "A device was trusted: Chrome on macOS."),
    (
        of(E.DEVICE_TRUSTED, reason=TRUST_ENDED, actor="ada"),
        LAGOS,
        "A device is no longer trusted by the owner: Chrome on macOS.",
    ),
    (of(E.DEVICE_FORGOTTEN), BARE, "A device was removed: one that is no longer known."),
]


@pytest.mark.parametrize(("event", "about", "expected"), CASES)
def test_an_event_has_its_sentence(event: Event, about: About, expected: str) -> None:
    """The event, its method, place and device; then all that was unusual."""
    assert expected == text(event, about)


def test_every_event_has_words() -> None:
    """A new kind of event gets its sentence with it."""
    assert set(EventType) == EVENTS.keys()


def test_every_decision_has_words() -> None:
    """So does each answer to an assessment."""
    assert set(Decision) == VERDICTS.keys()


def test_every_signal_has_words() -> None:
    """The rules' signals, the remarks, the blocked device, and the other browser of a refresh."""
    assert {*RULES, *REMARKS, "blocked_device", "foreign_device"} == SIGNALS.keys()


def _written_by_adapters() -> set[str]:
    """The reasons that the adapters end sessions for."""
    folder = Path(devsess.__file__).parent / "adapters"
    source = "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))
    found = re.findall(r'_revoke\([\w.]+, "(.+?)"\)|(?:reason|SIGNED_OUT) ?= ?"(.+?)"', source)
    return {it for pair in found for it in pair if it}


WRITTEN = [
    (E.SESSION_CREATED, {"impersonation", "approved"}),
    (E.SESSION_REVOKED, {"refused"}),
    (E.SESSION_REVOKED, {REPLACED, EVICTED, EXPIRED, "revoked", *REUSES.values()}),
    (E.SESSION_REVOKED, {*_REASONS.values()}),
    (E.SESSION_REVOKED, _written_by_adapters()),
    (E.TOKEN_REUSED, {*REUSES.values()}),
    (E.TOKEN_FROM_FUTURE, {"restored backup?"}),
    (E.LIMIT_EXCEEDED, {"limit"}),
    (E.LOGIN_DENIED, {it.value for it in Refused}),
    (E.STEP_UP_ASKED, {"refresh", DISOWNED, JUDGED}),
    (E.SESSION_REVOKED, {DISOWNED}),
    (E.NOTICE_CONFIRMED, {JUDGED}),
    (E.NOTICE_DISOWNED, {JUDGED}),
    (E.DEVICE_TRUSTED, {TRUST_ENDED}),
]


def test_every_reason_has_words() -> None:
    """Those that the library writes, and no others: the rest are the application's own."""
    written: dict[EventType, set[str]] = {}
    for kind, reasons in WRITTEN:
        written.setdefault(kind, set()).update(reasons)

    assert {"logout", "replaced", "undeliverable"} < _written_by_adapters()
    assert written == {kind: set(known) for kind, known in REASONS.items()}


def test_every_reason_is_a_sentence() -> None:
    """No place in braces is left, and each ends in one full stop."""
    about = About("Lagos, Nigeria", "Chrome on macOS", ("pwd",))
    for kind in EventType:
        for reason in (None, *REASONS.get(kind, {})):
            said = text(of(kind, reason=reason), about)
            assert re.fullmatch(r"[A-Z][^{}]*[^.]\.", said), said


@pytest.mark.parametrize(
    ("amr", "expected"),
    [
        ((), None),
        (("pwd",), "a password"),
        (("pwd", "otp", "mfa"), "a password and a code"),
        (("pwd", "pwd"), "a password"),
        (("fpt", "pin", "hwk"), "a fingerprint, a PIN and a key in hardware"),
        (("passkey", "pop", "user"), "a passkey"),
        (("pwd", "webauthn", "hwk"), "a password and a passkey"),
        (("pop", "user"), "a key"),
        (("webauthn", "passkey"), "a passkey"),
        (("mfa",), None),
        (("x-carrier-pigeon",), "x-carrier-pigeon"),
    ],
)
def test_methods_in_words(amr: tuple[str, ...], expected: str | None) -> None:
    """Each once; an unknown one by its own name, and one that says nothing not at all."""
    assert expected == method(amr)


# IANA's registry of RFC 8176.
REGISTERED = [
    "face",
    "fpt",
    "geo",
    "hwk",
    "iris",
    "kba",
    "mca",
    "mfa",
    "otp",
    "pin",
    "pop",
    "pwd",
    "rba",
    "retina",
    "sc",
    "sms",
    "swk",
    "tel",
    "user",
    "vbm",
    "wia",
]


def test_every_registered_method_has_words() -> None:
    """All of RFC 8176."""
    assert set() == set(REGISTERED) - METHODS.keys()


def test_what_no_table_has_is_shown_as_it_is() -> None:
    """A type, reason and signal of a newer devsess, or of the application."""
    strange: Any = "teleported_{in}"
    newer = signal("new_moon", "a new moon...")
    event = of(strange, actor="ada", assessment=unusual(Decision.ALLOW, newer))

    expected = "Teleported in, from Lagos, Nigeria, on Chrome on macOS by the owner. A new moon."
    assert expected == text(event, LAGOS)


@pytest.mark.parametrize("data", [{}, {"km": "far"}, {"km": None}])
def test_a_signal_without_its_numbers_has_its_message(data: dict[str, Any]) -> None:
    """A store is not trusted to have kept a whole assessment."""
    found = unusual(Decision.ALLOW, signal("impossible_travel", "Lagos to Québec", **data))

    assert "Lagos to Québec." == verdict(of(E.SESSION_CREATED, assessment=found))
    nameless = unusual(Decision.ALLOW, signal("impossible_travel", **data))
    assert "Impossible_travel." == verdict(of(E.SESSION_CREATED, assessment=nameless))


def failure(hour: int, count: int, network: str | None, *, is_more: bool = False) -> Failed:
    """Failures of one hour, the latest at its tenth minute."""
    begun = datetime(2026, 11, 26, hour, tzinfo=UTC)
    return Failed(begun + timedelta(minutes=10), begun, count, network, is_more)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([failure(9, 1, "102.89.77.0")], "A sign-in failed, from 102.89.77.0."),
        ([failure(9, 3, None)], "3 sign-ins failed within an hour."),
        (
            [failure(9, 3, "102.89.77.0"), failure(7, 4, "70.24.10.0")],
            "7 sign-ins failed within 3 hours, from 70.24.10.0 and another network.",
        ),
        (
            [failure(9, 1, f"10.0.{n}.0") for n in range(3)],
            "3 sign-ins failed within an hour, from 10.0.0.0 and 2 other networks.",
        ),
        (
            [failure(9, 100, "102.89.77.0", is_more=True), failure(9, 1_000, None)],
            "At least 1,100 sign-ins failed within an hour, from 102.89.77.0.",
        ),
    ],
)
def test_failures_are_one_line(rows: list[Failed], expected: str) -> None:
    """With their count, their time and where most came from."""
    assert expected == failed(rows).text


def test_an_entry_of_failures_has_its_numbers() -> None:
    """The latest, the first hour, the count and the networks, those of the most first."""
    rows = [failure(9, 1, "10.0.0.0"), failure(7, 2, "10.0.1.0"), failure(8, 2, "10.0.0.0")]
    found = failed(iter(rows))

    assert (rows[0].at, rows[1].hour, 5) == (found.at, found.since, found.count)
    assert ("10.0.0.0", "10.0.1.0") == found.networks == networks(rows)
    assert E.LOGIN_FAILED is found.type
    assert found.event is None


def test_an_entry_as_json() -> None:
    """The words beside the event that they were made of."""
    event = of(E.SESSION_CREATED, reason="impersonation", actor="support-7", is_new_device=True)
    found = entry(event, LAGOS)

    expected: dict[str, Any] = {
        "at": "2026-11-26T14:03:00Z",
        "text": "Impersonation by support-7, from Lagos, Nigeria, on Chrome on macOS. New device.",
        "type": "session_created",
        "place": "Lagos, Nigeria",
        "device": "Chrome on macOS",
        "method": "a password and a code",
        "provider": None,
        "verdict": "New device.",
        "count": 1,
        "since": None,
        "networks": [],
        "isImpersonation": True,
        "event": event.to_dict(),
    }
    assert (expected, expected["text"]) == (found.to_dict(), str(found))
    told = failed([failure(9, 3, "10.0.0.0")]).to_dict()
    assert (None, "2026-11-26T09:00:00Z", ["10.0.0.0"], False) == (
        told["event"], told["since"], told["networks"], told["isImpersonation"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_a_list_in_words(parts: list[str], expected: str) -> None:
    """Commas, and "and" before the last."""
    assert expected == joined(parts)


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        (E.SESSION_CREATED, "impersonation", True),
        (E.SESSION_CREATED, None, False),
        (E.SESSION_REVOKED, "impersonation", False),
        (E.SESSION_REVOKED, None, False),
    ],
)
def test_an_impersonation_is_a_sign_in(kind: EventType, reason: str | None, expected: bool) -> None:
    """An application may end sessions for a reason of that name."""
    assert expected is entry(of(kind, reason=reason), BARE).is_impersonation
