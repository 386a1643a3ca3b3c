"""Helpers of every operation: ids from given bytes, digests, tokens of a row, events."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from _play import KEYS, POLICY, ROW, SOON, at
from attrs import evolve

from devsess import Assessment, EventType
from devsess.lifecycle import standing
from devsess.operations.common import event_of, grant
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
