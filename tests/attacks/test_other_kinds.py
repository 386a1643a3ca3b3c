"""Refresh and device tokens: forged, or taken for another kind."""

from __future__ import annotations

import pytest

from devsess import BadTokenError, Keys, Policy
from devsess.tokens.issuer import Tokens
from devsess.tokens.keys import generate_secret

NOW = 1_750_000_000
SID = "s" * 22
KEYS = Keys("t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
TOKENS = Tokens(KEYS, "devsess", "devsess", Policy())


def test_kinds_do_not_mix() -> None:
    """No verifier takes another kind's token."""
    kinds = {
        "access": TOKENS.access.mint(
            session_id=SID,
            user_id="ada",
            now=NOW,
            expires_at=NOW + 900,
            auth_time=NOW,
            amr=("pwd",),
            acr=None,
            generation=0,
            jti="j" * 22,
        ),
        "refresh": TOKENS.refresh.mint(SID, 0, b"salt"),
        "device": TOKENS.device.mint([SID]),
    }
    for kind, text in kinds.items():
        if kind != "access":
            with pytest.raises(BadTokenError):
                TOKENS.access.verify(text, NOW)
        if kind != "refresh":
            with pytest.raises(BadTokenError):
                TOKENS.refresh.parse(text)
        assert ((SID,) if kind == "device" else ()) == TOKENS.device.read(text)


@pytest.mark.parametrize(
    "text",
    [
        "ds1r.{sid}.00.{mac}",
        "ds1r.{sid}.1.{mac}",
        "ds1r.{sid}.-1.{mac}",
        "ds1r.{sid}.9999999999.{mac}",
        "ds1r.{sid}.0.{mac}=",
        "ds1r.{sid}.0.{other}",
        "ds1R.{sid}.0.{mac}",
        "ds1r.{sid}.0",
        "ds1r..0.{mac}",
        " ds1r.{sid}.0.{mac}",
        "ds1r.{sid}.\u0660.{mac}",
    ],
)
def test_a_forged_refresh_token(text: str) -> None:
    """One changed character, and it is no refresh token of ours."""
    mac = TOKENS.refresh.mint(SID, 0, b"salt").rpartition(".")[2]
    other = ("A" if mac[0] != "A" else "B") + mac[1:]
    forged = text.format(sid=SID, mac=mac, other=other)
    with pytest.raises(BadTokenError):
        TOKENS.refresh.verify(TOKENS.refresh.parse(forged), b"salt")


def test_a_refresh_token_is_its_rows_only() -> None:
    """Another salt, issuer or audience, and the token does not fit."""
    text = TOKENS.refresh.mint(SID, 0, b"salt")
    TOKENS.refresh.verify(TOKENS.refresh.parse(text), b"salt")
    for tokens, salt in (
        (TOKENS, b"other"),
        (Tokens(KEYS, "other", "devsess", Policy()), b"salt"),
        (Tokens(KEYS, "devsess", "other", Policy()), b"salt"),
        (Tokens(KEYS, "devsessd", "evsess", Policy()), b"salt"),
        (Tokens(Keys(generate_secret()), "devsess", "devsess", Policy()), b"salt"),
    ):
        with pytest.raises(BadTokenError):
            tokens.refresh.verify(tokens.refresh.parse(text), salt)
