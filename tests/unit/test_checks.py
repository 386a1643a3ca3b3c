"""Arguments of an application at their bounds: kept or refused, and with which message."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devsess import Client, Policy
from devsess._provider import PASSWORD
from devsess.lifecycle import standing
from devsess.operations import _checks as checks
from devsess.skew import CLOCKS_APART
from devsess.testing._rows import T0, session_row
from devsess.views import session_view

NOW = 1_750_000_000.0
NAIVE = datetime(2025, 6, 1)  # noqa: DTZ001
LEEWAY = CLOCKS_APART
SESSION = session_view(standing(session_row(), T0, Policy()))
CLAIM = '{"a":""}'


def nested(levels: int) -> list[Any]:
    """Lists within each other."""
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


KEPT: list[tuple[Callable[..., object], tuple[Any, ...], object]] = [
    (checks.checked_text, ("a", "user_id"), "a"),
    (checks.checked_text, ("a" * 255, "user_id"), "a" * 255),
    (checks.checked_reason, ("lost\nphone",), "lostphone"),
    (checks.checked_reason, ("\n",), "reason"),
    (checks.checked_name, ("my\nown phone",), "myown phone"),
    (checks.checked_name, ("a" * 64,), "a" * 64),
    (checks.checked_actor, (None,), None),
    (checks.checked_actor, ("ops\x00"[:3],), "ops"),
    (checks.checked_actor, ("\x1b",), "actor"),
    (checks.checked_instant, (None, NOW), NOW),
    (checks.checked_instant, (0, NOW), 0.0),
    (checks.checked_instant, (datetime.fromtimestamp(NOW - 5, UTC), NOW), NOW - 5),
    (checks.checked_instant, (NOW + LEEWAY, NOW), NOW),
    (checks.checked_count, (1, "limit"), None),
    (checks.checked_count, (50, "limit", 50), None),
    (checks.checked_amr, (("pwd",) * 16,), ("pwd",) * 16),
    (checks.checked_session, ("s1",), "s1"),
    (checks.checked_session, (SESSION,), "s1"),
    (checks.checked_device, ("device-1",), "device-1"),
    (checks.checked_device, (SESSION.device,), "device-1"),
    (checks.checked_user, ("ada",), None),
    (checks.checked_client, (None,), None),
    (checks.checked_client, (Client(ip="10.0.0.1"),), Client(ip="10.0.0.1")),
    (checks.checked_claims, (None,), "{}"),
    (checks.checked_claims, ({"a": 1, "b": [2, 3]},), '{"a":1,"b":[2,3]}'),
    (checks.checked_claims, ({},), "{}"),
    (checks.checked_claims, ({"a": "x" * (1024 - len(CLAIM))},), f'{{"a":"{"x" * 1016}"}}'),
    (checks.checked_claims, ({"a": nested(31)},), f'{{"a":{json.dumps(nested(31))}}}'),
    (checks.checked_claims, ({"a": ({"b": 1},)},), '{"a":[{"b":1}]}'),
    (checks.own_claims, ('{"a":1}',), {}),
    (checks.own_claims, ('{"a":"devsess.b"}',), {}),
    (checks.own_claims, ('{"devsess.a":1,"b":2}',), {"devsess.a": 1}),
    (checks.checked_lifetime, (None,), None),
    (checks.checked_lifetime, (0.5,), 0.5),
    (checks.checked_lifetime, (timedelta(minutes=1),), 60.0),
    (checks.checked_provider, ("a" * 64,), "a" * 64),
    (checks.checked_provider, ("my company",), "my company"),
    (checks.checked_proof, (PASSWORD, None), ("pwd",)),
    (checks.checked_proof, (PASSWORD, "google"), ("devsess.provider:google",)),
    (checks.checked_proof, (("otp",), None), ("otp",)),
    (checks.checked_proof, (("otp",), "google"), ("otp", "devsess.provider:google")),
]


@pytest.mark.parametrize(("check", "given", "expected"), KEPT)
def test_kept_values(check: Callable[..., object], given: Any, expected: object) -> None:
    """Up to its bound a value is kept, cleaned where it goes into logs."""
    assert expected == check(*given)


REFUSED: list[tuple[Callable[..., object], tuple[Any, ...], type[Exception], str]] = [
    (checks.checked_text, ("", "user_id"), ValueError, "user_id must have 1 to 255 characters"),
    (checks.checked_text, ("a" * 256, "acr"), ValueError, "acr must have 1 to 255 characters"),
    (checks.checked_text, (5, "acr"), TypeError, "acr must be a str, not int"),
    (checks.checked_text, ("a\0", "acr"), ValueError, "acr must be valid Unicode"),
    (checks.checked_text, ("\ud800", "acr"), ValueError, "acr must be valid Unicode"),
    (checks.checked_name, (5,), TypeError, "^name must be a str"),
    (checks.checked_name, ("a" * 65,), ValueError, "at most 64 characters, not 65"),
    (checks.checked_name, ("\n",), ValueError, "must show something"),
    (checks.checked_name, ("\u200b \u200b",), ValueError, "must show something"),
    (checks.checked_name, ("\ue000",), ValueError, "must show something"),
    (checks.checked_actor, (5,), TypeError, "^actor must be a str"),
    (checks.checked_instant, (True, NOW), TypeError, "auth_time must be a datetime or seconds"),
    (checks.checked_instant, ("5", NOW), TypeError, "auth_time must be a datetime or seconds"),
    (
        checks.checked_instant,
        (NAIVE, NOW),
        ValueError,
        "^auth_time must be an aware",
    ),
    (checks.checked_instant, (-0.1, NOW), ValueError, "auth_time must be an instant"),
    (checks.checked_instant, (math.inf, math.inf), ValueError, "auth_time must be an instant"),
    (checks.checked_instant, (math.nan, NOW), ValueError, "auth_time must be an instant"),
    (checks.checked_instant, (NOW + LEEWAY + 1, NOW), ValueError, "in the future"),
    (checks.checked_datetime, (5, "until"), TypeError, "until must be a datetime, not int"),
    (checks.checked_count, (0, "limit"), ValueError, "limit must be 1 or more, not 0"),
    (checks.checked_count, (0, "limit", 1000), ValueError, "limit must be 1 to 1,000, not 0"),
    (checks.checked_count, (1001, "limit", 1000), ValueError, "limit must be 1 to 1,000"),
    (checks.checked_count, (True, "limit"), TypeError, "limit must be an int, not bool"),
    (checks.checked_count, (1.0, "limit"), TypeError, "limit must be an int, not float"),
    (checks.checked_amr, ("pwd",), TypeError, "amr must be a sequence of names"),
    (checks.checked_amr, (b"pwd",), TypeError, "amr must be a sequence of names"),
    (checks.checked_amr, (("pwd",) * 17,), ValueError, "amr must have at most 16 names"),
    (checks.checked_amr, (("",),), ValueError, "^amr must have 1 to 255"),
    (
        checks.checked_amr,
        (("pwd", "devsess.provider:a"),),
        ValueError,
        "give a provider as provider=",
    ),
    (
        checks.checked_proof,
        (("pwd", "devsess.provider:a"), None),
        ValueError,
        "give a provider as prov",
    ),
    (checks.checked_proof, (("pwd",), ""), ValueError, "^provider must have 1 to 255"),
    (checks.checked_provider, ("",), ValueError, "^provider must have 1 to 255 characters"),
    (checks.checked_provider, ("a" * 65,), ValueError, "at most 64 characters, not 65"),
    (checks.checked_provider, (" a",), ValueError, "no blanks around it"),
    (checks.checked_provider, ("a\nb",), ValueError, "provider must be printable"),
    (checks.checked_lifetime, (0,), ValueError, "lifetime must be more than nothing"),
    (checks.checked_claims, ({"a": nested(32)},), ValueError, "claims may be nested 32 deep"),
    (checks.checked_claims, ({"a": [1, {"b": nested(30)}]},), ValueError, "nested 32 deep"),
    (checks.checked_claims, ({"a": nested(100_000)},), ValueError, "claims may be nested 32 deep"),
    (checks.checked_claims, ([("a", 1)],), TypeError, "claims must be a mapping, not list"),
    (checks.checked_claims, ({"a": "x" * 1017},), ValueError, "claims take 1025 bytes"),
    (checks.checked_claims, ({"a": "é" * 509},), ValueError, "claims take 1026 bytes"),
    (checks.checked_claims, ({"a": "\ud800"},), ValueError, "claims must be valid Unicode"),
    (checks.checked_claims, ({"a": math.nan},), ValueError, "JSON"),
    (checks.checked_session, (None,), TypeError, "session_id must be a str or a Session"),
    (checks.checked_session, (SESSION.device, "keep"), TypeError, "keep must be a str or a Sess"),
    (checks.checked_device, (SESSION,), TypeError, "device_id must be a str or a Device"),
    (checks.checked_user, (5,), TypeError, "user_id must be a str"),
    (checks.checked_client, ({},), TypeError, "client must be a Client or None, not dict"),
]


@pytest.mark.parametrize(("check", "given", "error", "said"), REFUSED)
def test_refused_values(
    check: Callable[..., object], given: Any, error: type[Exception], said: str
) -> None:
    """Beyond its bound a value is refused, and the message names the argument."""
    with pytest.raises(error, match=said):
        check(*given)
