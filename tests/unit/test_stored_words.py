"""The words that rows and events hold: a file of an earlier version must be read as before."""

from __future__ import annotations

import pytest

from devsess.models import EventType
from devsess.operations.devices import _REASONS, TRUST_ENDED
from devsess.rotation import REUSES, VERDICTS, Verdict
from devsess.stores.base import Refused
from devsess.stores.rows import EVICTED, EXPIRED, REPLACED

WORDS = {
    "events": (
        {kind.name: kind.value for kind in EventType},
        {
            "SESSION_CREATED": "session_created",
            "SESSION_RENEWED": "session_renewed",
            "SESSION_EXTENDED": "session_extended",
            "SESSION_MOVED": "session_moved",
            "SESSION_UPDATED": "session_updated",
            "SESSION_STEPPED_UP": "session_stepped_up",
            "SESSION_REVOKED": "authn_token_revoked",
            "SESSION_USED_AFTER_END": "session_use_after_expire",
            "TOKEN_REISSUED": "authn_token_reissued",
            "TOKEN_REUSED": "authn_token_reuse",
            "TOKEN_FROM_FUTURE": "authn_token_from_future",
            "LIMIT_EXCEEDED": "excess_sessions_exceeded",
            "LOGIN_DENIED": "authn_login_denied",
            "LOGIN_FAILED": "authn_login_fail",
            "LOGIN_CHALLENGED": "authn_login_challenged",
            "STEP_UP_ASKED": "step_up_asked",
            "NOTICE": "sign_in_notice",
            "NOTICE_CONFIRMED": "sign_in_confirmed",
            "NOTICE_DISOWNED": "sign_in_disowned",
            "NEW_DEVICE": "new_device",
            "SIGN_IN_HELD": "sign_in_held",
            "SIGN_IN_APPROVED": "sign_in_approved",
            "SIGN_IN_REFUSED": "sign_in_refused",
            "SIGN_IN_EXPIRED": "sign_in_expired",
            "DEVICE_RENAMED": "device_renamed",
            "DEVICE_TRUSTED": "device_trusted",
            "DEVICE_BLOCKED": "device_blocked",
            "DEVICE_UNBLOCKED": "device_unblocked",
            "DEVICE_FORGOTTEN": "device_forgotten",
        },
    ),
    "why a refresh token ended its session": (
        {verdict.name: word for verdict, word in REUSES.items()},
        {"END_FOREIGN": "foreign-device", "END_LATE": "late", "END_STALE": "stale"},
    ),
    "why a sign-in was denied": (
        {why.name: why.value for why in Refused},
        {"CUT_OFF": "cut-off", "BLOCKED": "device-blocked"},
    ),
    "why a device's sessions ended": (
        {kind.name: word for kind, word in _REASONS.items()},
        {"DEVICE_BLOCKED": "device-blocked", "DEVICE_FORGOTTEN": "device-forgotten"},
    ),
    "why a device's trust changed": ({"ended": TRUST_ENDED}, {"ended": "trust-ended"}),
    "why a store ended a session": (
        {"for its device": REPLACED, "to make room": EVICTED, "in time": EXPIRED},
        {"for its device": "replaced", "to make room": "evicted", "in time": "expired"},
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_stored_words_stay(name: str) -> None:
    """A name in the code may change; the word that a store holds never does."""
    here, expected = WORDS[name]
    assert expected == here


def test_each_verdict_that_ends_a_session_has_its_word() -> None:
    """The law ends sessions by three verdicts, and each says why."""
    ending = {verdict for verdict in VERDICTS.values() if verdict.name.startswith("END_")}
    assert ending == set(REUSES)
    assert len(Verdict) == len({verdict.value for verdict in Verdict})
