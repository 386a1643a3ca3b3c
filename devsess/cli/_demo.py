"""`devsess demo`: sign-ins, a list, a revocation and a replay on a database that is thrown away."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import jwt
from attrs import define, field

from devsess.cli import _output as output
from devsess.errors import InvalidSessionError, RefreshTokenReusedError, SessionRevokedError
from devsess.manager import SessionManager
from devsess.models import Client, Grant
from devsess.policy import Policy
from devsess.tokens.keys import generate_secret

USER = "ada"
DEVICES = {
    "laptop": Client(
        "102.89.77.21",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
        " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    "phone": Client(
        "105.112.4.9",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    "office": Client(
        "2001:db8:17::21",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ),
}
ROUNDS = 15
CALLS = 400


@define
class Script:
    """The demo's text, and whether each step held."""

    quiet: bool
    steps: list[dict[str, Any]] = field(factory=list)

    def say(self, text: str) -> None:
        """Print *text*, unless quiet."""
        if not self.quiet:
            click.echo(text)

    def step(self, what: str, *, held: bool) -> None:
        """Record a step, and say it."""
        self.steps.append({"step": what, "held": held})
        self.say(f"  {'ok ' if held else 'FAILED'}  {what}")


def run(*, as_json: bool) -> bool:
    """Play it; returns whether every step held."""
    script = Script(quiet=as_json)
    secret = generate_secret()
    with tempfile.TemporaryDirectory() as folder:
        # No grace period: the demo replays a token at once, a thief comes later.
        policy = Policy(refresh_grace_period=0)
        with SessionManager(Path(folder) / "demo.db", keys=secret, policy=policy) as sessions:
            _play(script, sessions)
            cost = _cost(sessions, secret)
    if not as_json:
        output.prose(
            f"\nA validation takes {cost['validate']:.1f} µs, a bare jwt.decode of the same token"
            f" {cost['decode']:.1f} µs: {cost['validate'] / cost['decode']:.2f} of it."
        )
    held = all(step["held"] for step in script.steps)
    if as_json:
        output.as_json({"steps": script.steps, "microseconds": cost, "held": held})
    return held


def _play(script: Script, sessions: SessionManager) -> None:
    script.say(f"{USER} signs in from three devices:\n")
    grants = {name: sessions.login(USER, client) for name, client in DEVICES.items()}
    listed = sessions.list(USER)
    if not script.quiet:
        output.sessions(listed)
    script.say("\nThe phone is lost; its session is revoked:\n")
    script.step("three sessions are listed", held=len(listed) == len(DEVICES))
    script.step("all three tokens pass", held=all(_passes(sessions, it) for it in grants.values()))
    phone = grants.pop("phone")
    sessions.revoke(phone.session.id, reason="lost phone")
    script.step("the phone's token is refused", held=_refuses(sessions, phone))
    script.step("the others still pass", held=all(_passes(sessions, it) for it in grants.values()))
    script.say("\nA refresh token is stolen and used after its owner has used it:\n")
    laptop = grants["laptop"]
    renewed = sessions.refresh(laptop.refresh_token, DEVICES["laptop"])
    script.step("the owner's refresh gives new tokens", held=_passes(sessions, renewed))
    script.step("the replay is caught", held=_is_caught(sessions, laptop))
    script.step("and ends the session", held=_refuses(sessions, renewed))
    script.step("the third device goes on", held=_passes(sessions, grants["office"]))
    script.say("\nWhat is left:\n")
    if not script.quiet:
        output.sessions(sessions.list(USER, include_ended=True))


def _passes(sessions: SessionManager, grant: Grant) -> bool:
    try:
        return sessions.validate(grant.access_token).id == grant.session.id
    except InvalidSessionError:
        return False


def _refuses(sessions: SessionManager, grant: Grant) -> bool:
    try:
        sessions.validate(grant.access_token)
    except SessionRevokedError:
        return True
    return False


def _is_caught(sessions: SessionManager, grant: Grant) -> bool:
    try:
        sessions.refresh(grant.refresh_token, DEVICES["laptop"])
    except RefreshTokenReusedError:
        return True
    return False


def _cost(sessions: SessionManager, secret: str) -> dict[str, float]:
    """Microseconds of a repeated validation and of a bare decode, measured in turn."""
    token = sessions.login(USER, DEVICES["laptop"]).access_token

    def decode() -> object:
        return jwt.decode(token, secret, algorithms=["HS256"], issuer="devsess", audience="devsess")

    pairs = [
        (_microseconds(decode), _microseconds(lambda: sessions.validate(token)))
        for _ in range(ROUNDS)
    ]
    return {
        "decode": statistics.median(pair[0] for pair in pairs),
        "validate": statistics.median(pair[1] for pair in pairs),
    }


def _microseconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begun) / CALLS * 1e6
