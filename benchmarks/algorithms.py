"""The cost of a validation with each signature algorithm, beside a bare decode with the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import jwt

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import best
from benchmarks._setting import Setting
from devsess import Grant, Keys, SessionManager
from devsess.tokens.keys import generate_pem
from devsess.tuning.timing import Batch, each_fresh, fresh_copy

DESCRIPTION = (
    "Beside a bare decode with the same algorithm; a repeated validation verifies no signature."
)

SESSIONS = 250
ASYMMETRIC: tuple[Literal["EdDSA", "ES256"], ...] = ("EdDSA", "ES256")


def lines(setting: Setting) -> list[Line]:
    """Repeated, and seen for the first time."""
    found = _lines(setting, "HS256", Keys(workload.SECRET))
    for algorithm in ASYMMETRIC:
        keys = Keys(generate_pem(algorithm), secret=workload.SECRET)
        found += _lines(setting, algorithm, keys)
    return found


def _lines(setting: Setting, algorithm: str, keys: Keys) -> list[Line]:
    path = setting.folder / f"{algorithm}.db"
    with SessionManager(path, keys=keys) as sessions:
        grants = workload.signed_in(sessions, SESSIONS)
        batches: dict[str, Batch] = {
            "decode": partial(_decoded, _public(keys, algorithm), algorithm, grants),
            "repeated": partial(workload.repeated, sessions.validate, _tokens(grants)),
            "first sight": partial(_first_seen, path, keys, grants),
        }
        seconds = best(batches, setting.rounds(10))
    return [
        Line(f"{name}, {algorithm}", took / seconds["decode"], microseconds=took * 1e6)
        for name, took in seconds.items()
    ]


def _tokens(grants: Sequence[Grant]) -> list[str]:
    return [grant.access_token for grant in grants]


def _public(keys: Keys, algorithm: str) -> object:
    """The key that another service would verify with."""
    if algorithm == "HS256":
        return workload.SECRET
    return jwt.PyJWK.from_dict(keys.jwks()["keys"][0]).key


def _decoded(key: object, algorithm: str, grants: Sequence[Grant]) -> float:
    def decode(token: str) -> object:
        return jwt.decode(
            token,
            key,  # type: ignore[arg-type]
            algorithms=[algorithm],
            issuer="devsess",
            audience="devsess",
        )

    return each_fresh(decode, _tokens(grants), fresh_copy)


def _first_seen(path: Path, keys: Keys, grants: Sequence[Grant]) -> float:
    with SessionManager(path, keys=keys) as newcomer:
        return each_fresh(newcomer.validate, _tokens(grants), fresh_copy)
