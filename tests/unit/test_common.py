"""Helpers of every operation: ids from given bytes, digests, tokens of a row, events."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from _play import CLAIMS, KEYS, POLICY, REVOKED, ROW, SOON, Call, at, play
from attrs import evolve

from devsess import Assessment, EventType, TokenExpiredError
from devsess.lifecycle import standing
from devsess.models import Page
from devsess.operations.common import (
    PAGE,
    all_live,
    event_of,
    grant,
    has_live_impersonator,
    require_latest,
)
from devsess.stores.rows import SessionRow
from devsess.testing._rows import T0
from devsess.tokens.sources import Purpose

# A file name as Python reads it where it is no UTF-8: a half of a pair.
ODD = "ada\udce4"


def digests(purpose: Purpose, text: str) -> tuple[bytes, ...]:
    raw = text.encode("utf-8", "surrogatepass")
    return tuple(hmac.digest(secret, raw, hashlib.sha256) for secret in KEYS.derive(purpose))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (bytes(16), "A" * 22),
        (b"\xff" * 16, "w" + "_" * 21),
        (bytes(range(16)), "wAAECAwQFBgcICQoLDA0OD"),
    ],
)
def test_an_id_is_of_16_bytes(raw: bytes, expected: str) -> None:
    """Its last character, which is never a dash, comes first."""
    sizes: list[int] = []

    def entropy(size: int) -> bytes:
        sizes.append(size)
        return raw

    assert expected == evolve(at(SOON), entropy=entropy).new_id()
    assert [16] == sizes


def test_a_fingerprint_is_of_one_account() -> None:
    """Keyed, with the account in it, for any text; without a fingerprint there is no digest."""
    assert digests("fingerprint", f"{ODD}\0{ODD}") == at(SOON).fingerprints(ODD, ODD)
    assert digests("fingerprint", "ada\0f") == at(SOON).fingerprints("ada", "f")
    assert [(), ()] == [at(SOON).fingerprints("ada", none) for none in (None, "")]


def test_an_erased_account_is_remembered_by_a_digest() -> None:
    """Keyed, for an account's id of any text."""
    assert digests("account", ODD) == at(SOON).account_digests(ODD)


@pytest.mark.parametrize(
    ("ends_at", "expires_in"),
    [(T0 + 86_400, POLICY.access_lifetime), (T0 + 7.9, 6), (T0 + 1.5, 0), (T0 - 5, 0)],
)
def test_for_how_long_a_token_is_good(ends_at: float, expires_in: int) -> None:
    """In whole seconds, never longer than its session, never less than not at all."""
    row = evolve(ROW, absolute_expires_at=ends_at)
    assert expires_in == grant(at(SOON), standing(row, SOON, POLICY)).expires_in


def test_a_grant_without_a_judgement_has_an_assessment() -> None:
    """A grant always has an assessment."""
    assert Assessment() == grant(at(SOON), standing(ROW, SOON, POLICY)).assessment


@pytest.mark.parametrize(("reduced", "ip"), [(False, ROW.ip), (True, ROW.network)])
def test_the_address_of_an_event(reduced: bool, ip: str) -> None:
    """Whole while the session lives, its network once it ended."""
    event = event_of(ROW, EventType.SESSION_RENEWED, SOON, reduced=reduced)
    assert (ip, ROW.network) == (event.ip, event.network)


def test_a_token_of_before_a_step_up_is_to_be_refreshed() -> None:
    """The message says so, and the error names the session, which lives."""
    with pytest.raises(
        TokenExpiredError, match=r"^a newer sign-in took this token's place"
    ) as gone:
        require_latest(evolve(ROW, auth_time=CLAIMS.auth_time + 1), CLAIMS)
    assert ROW.id == gone.value.session_id


@pytest.mark.parametrize(
    ("begun_by", "is_live"),
    [
        (evolve(ROW, user_id="staff"), True),
        (evolve(REVOKED, user_id="staff"), False),
        (evolve(ROW, user_id="eve"), False),
        (None, False),
    ],
    ids=["live", "ended", "another's", "deleted"],
)
def test_an_impersonation_lives_as_long_as_what_began_it(
    begun_by: SessionRow | None, is_live: bool
) -> None:
    """The session of the very person who acts, whichever row its id finds."""
    acting = evolve(ROW, impersonator=("s-staff", "staff"))
    assert is_live is play(has_live_impersonator(at(SOON), acting), ("get", begun_by))


def test_all_live_sessions_are_read_page_by_page() -> None:
    """In their order, a thousand at a time, each page from where the last one ended."""
    first, second = evolve(ROW, id="s-1"), evolve(ROW, id="s-2")
    calls: list[Call] = []
    pages = [("live", Page((first,), "after s-1")), ("live", Page((second,)))]

    assert [first, second] == play(all_live(at(SOON), "user-1"), *pages, calls=calls)
    assert [1_000, 1_000] == [PAGE, calls[0].kwargs["limit"]]
    assert [None, "after s-1"] == [it.kwargs.get("cursor") for it in calls]
