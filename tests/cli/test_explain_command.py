"""`devsess explain`: the checks of a token, in a pipe and in a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from _terminal import answered
from click.testing import CliRunner, Result

from devsess import Client, Keys, SessionManager
from devsess.cli import main
from devsess.operations.explaining import CHECKS
from devsess.tokens.keys import generate_pem

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text(SECRET)
    return tmp_path / "sessions.db"


def call(path: Path, *arguments: str, given: str | None = None) -> Result:
    key = ["--key-file", str(path.with_name("secret.txt"))]
    command = ["explain", *arguments, *key, "--store", str(path)]
    return CliRunner().invoke(main, command, input=given)


def sign_in(path: Path, keys: Any = SECRET) -> Any:
    with SessionManager(path, keys=keys) as sessions:
        return sessions.login("ada", Client("192.0.2.1", "curl/8"))


@pytest.mark.parametrize("argument", [("-",), ()])
def test_a_token_from_standard_input(path: Path, argument: tuple[str, ...]) -> None:
    """A line for each check; the token is in none of them."""
    token = sign_in(path).access_token
    done = call(path, *argument, given=f"{token}\n")
    assert (0, "") == (done.exit_code, done.stderr)
    lines = done.stdout.splitlines()
    assert ["ok"] * len(CHECKS) == [line.split()[0] for line in lines[: len(CHECKS)]]
    assert "valid: every check passed" == lines[-1]
    assert [] == [it for it in (SECRET, *token.split(".")) if it in done.stdout]


def test_a_token_that_is_refused(path: Path) -> None:
    """The check that fails says why, and the exit code is 1; the rest is not reached."""
    grant = sign_in(path)
    with SessionManager(path, keys=SECRET) as sessions:
        sessions.revoke(grant.session.id, reason="lost phone")
    done = call(path, given=grant.access_token)
    assert 1 == done.exit_code
    (line,) = (it for it in done.stdout.splitlines() if it.startswith("FAILED"))
    assert "liveness" in line
    assert "(lost phone)" in line
    assert done.stdout.endswith("\nnot valid: SessionRevokedError at liveness\n")
    assert 6 == done.stdout.count("not reached")


def test_json_has_the_numbers(path: Path) -> None:
    """As `Explanation.to_dict` gives them."""
    grant = sign_in(path)
    found = json.loads(call(path, "--json", given=grant.access_token).stdout)
    assert found["valid"]
    assert [*CHECKS] == [it["name"] for it in found["checks"]]
    by_name = {it["name"]: it["data"] for it in found["checks"]}
    assert grant.session.id == by_name["session"]["sessionId"]


def test_a_device_token_is_compared(path: Path) -> None:
    """Its own passes, and another device's is refused."""
    grant, other = sign_in(path), sign_in(path)
    file = path.with_name("device.txt")
    for token, code in ((grant.device_token, 0), (other.device_token, 1)):
        file.write_text(token)
        arguments = ("--device-token-file", str(file))
        done = call(path, *arguments, given=grant.access_token)
        assert code == done.exit_code
        assert token not in done.stdout
    assert "DeviceMismatchError at device" in done.stdout


@pytest.mark.parametrize("half", ["private", "public"])
def test_a_key_as_pem(path: Path, half: str) -> None:
    """Either half verifies; a device token needs the secret too."""
    from cryptography.hazmat.primitives import serialization

    pem = generate_pem("EdDSA")
    grant = sign_in(path, Keys(pem, secret=SECRET))
    if half == "public":
        private = serialization.load_pem_private_key(pem.encode(), None)
        pem = (
            private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )
    key, secret, device = (path.with_name(it) for it in ("key.pem", "secret.txt", "device.txt"))
    key.write_text(pem)
    device.write_text(grant.device_token)
    done = CliRunner().invoke(
        main,
        [
            *("explain", "--key-file", str(key), "--secret-file", str(secret), "--json"),
            *("--device-token-file", str(device), "--store", str(path)),
        ],
        input=grant.access_token,
    )
    checks = json.loads(done.stdout)["checks"]
    assert [True] == [it["data"]["presented"] for it in checks if it["name"] == "device"]


def test_without_a_key(path: Path) -> None:
    """It is wrong usage: nothing could be verified."""
    sign_in(path)
    done = CliRunner().invoke(main, ["explain", "--store", str(path)], input="t")
    assert (2, "") == (done.exit_code, done.stdout)
    assert "give the application's key" in done.stderr


def test_another_issuer(path: Path) -> None:
    """The application's own names are options."""
    with SessionManager(path, keys=SECRET, issuer="https://id.example") as sessions:
        token = sessions.login("ada").access_token
    assert "BadTokenError at issuer" in call(path, given=token).stdout
    assert 0 == call(path, "--issuer", "https://id.example", given=token).exit_code


def test_a_lifetime_of_the_application_binds(path: Path) -> None:
    """The command knows no policy: a token is valid as long as it says itself."""
    from datetime import UTC, datetime, timedelta

    from devsess import Policy
    from devsess.testing import FakeClock

    past = FakeClock(datetime.now(UTC) - timedelta(hours=2))
    policy = Policy(access_lifetime=timedelta(hours=3))
    with SessionManager(path, keys=SECRET, policy=policy, clock=past) as sessions:
        token = sessions.login("ada").access_token
    assert 0 == call(path, given=token).exit_code


@pytest.mark.parametrize("width", [50, 100])
def test_in_a_terminal_it_fits_and_the_token_is_not_echoed(path: Path, width: int) -> None:
    """A sentence that is too long goes on below, indented; typed, the token is not shown."""
    token = "typed-by-hand"
    sign_in(path)
    key = path.with_name("secret.txt")
    arguments = ("explain", "--key-file", str(key), "--store", str(path))
    typed = f"{token}\n".encode()
    code, shown = answered(*arguments, prompt="token", typed=typed, width=width)
    assert 1 == code
    assert "FAILED" in shown
    assert [] == [it for it in (SECRET, token) if it in shown]
    lines = shown.replace("\x1b[31m", "").replace("\x1b[0m", "").splitlines()
    assert [] == [it for it in lines if len(it) > width]


def test_in_a_terminal_no_id_is_broken(path: Path) -> None:
    """An id with hyphens stays in one line, to be copied."""
    user = "ada-of-lagos-and-of-quebec-and-of-london"
    with SessionManager(path, keys=SECRET) as sessions:
        token = sessions.login(user).access_token
    arguments = ("explain", "--key-file", str(path.with_name("secret.txt")), "--store", str(path))
    _, shown = answered(*arguments, prompt="token", typed=f"{token}\n".encode(), width=66)

    # As the token and the row have it.
    assert 2 == shown.count(user)
