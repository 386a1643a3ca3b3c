"""Ending tokens: a preview is acted on by the operator that saw it, for a quarter of an hour."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from devsess import BadTokenError, Keys, Policy, TokenExpiredError
from devsess.tokens.ending import LIFETIME, EndingClaims
from devsess.tokens.issuer import Tokens

NOW = 1_750_000_000.0
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
TOKENS = Tokens(Keys(SECRET), "devsess", "devsess", Policy())
CLAIMS = EndingClaims(
    actor="support-7",
    user_id=None,
    ip="102.89.77.0/24",
    device_id=None,
    since=NOW - 86_400.5,
    until=None,
    before=NOW,
    count=312,
    expires_at=int(NOW + LIFETIME),
)


def test_a_preview_comes_back_as_it_was() -> None:
    """Filter, instant, actor and count are what the preview wrote."""
    begun = evolve(CLAIMS, begun=True, ended=100, cursor="c")
    for claims in (CLAIMS, begun, evolve(CLAIMS, user_id="käthe\ud800")):
        assert claims == TOKENS.ending.verify(TOKENS.ending.mint(claims), NOW, "support-7")


def test_a_forged_form() -> None:
    """One other character anywhere, another key, issuer or kind of token: refused."""
    token = TOKENS.ending.mint(CLAIMS)
    others = [
        Tokens(Keys("Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1t7vKq2"), "devsess", "devsess", Policy()),
        Tokens(Keys(SECRET), "other", "devsess", Policy()),
    ]
    forged = [it.ending.mint(CLAIMS) for it in others]
    forged += [token[:-1] + ("A" if token[-1] != "A" else "B"), token.replace("ds1e.", "ds1n.")]
    forged += ["", token + "A", token.replace(".", ".AAAA", 1), "x" * 9_000]
    for text in forged:
        with pytest.raises(BadTokenError):
            TOKENS.ending.verify(text, NOW, "support-7")


@pytest.mark.parametrize("token", [None, 5, b"ds1e.e30.x"])
def test_a_form_without_a_text(token: Any) -> None:
    """Refused like any other that is not ours."""
    with pytest.raises(BadTokenError):
        TOKENS.ending.verify(token, NOW, "support-7")


def test_another_operators_form() -> None:
    """A form that was made for one operator cannot be sent by another."""
    with pytest.raises(BadTokenError):
        TOKENS.ending.verify(TOKENS.ending.mint(CLAIMS), NOW, "support-8")


def test_an_old_preview() -> None:
    """It may be acted on until its quarter of an hour is over, and not then."""
    token = TOKENS.ending.mint(CLAIMS)
    assert CLAIMS == TOKENS.ending.verify(token, NOW + LIFETIME - 0.5, "support-7")
    with pytest.raises(TokenExpiredError):
        TOKENS.ending.verify(token, NOW + LIFETIME, "support-7")


def test_keys_rotate_without_a_lost_form() -> None:
    """A form that was made under the key before is still taken."""
    rotated = Keys("Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1t7vKq2", SECRET)
    after = Tokens(rotated, "devsess", "devsess", Policy())
    assert CLAIMS == after.ending.verify(TOKENS.ending.mint(CLAIMS), NOW, "support-7")
