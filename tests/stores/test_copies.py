"""devsess copy between all pairs of stores, with processes that write, and kills in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _urls import in_postgres, in_valkey
from servers.valkey import with_prefix

from devsess import SessionManager, SessionRevokedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.mongo import Server
    from servers.valkey import ValkeyCluster

HERE = Path(__file__).parent
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def in_a_file(_: pytest.FixtureRequest, path: Path) -> str:
    SessionManager(path, keys=SECRET).close()
    return f"sqlite:///{path}"


def in_a_cluster(request: pytest.FixtureRequest, _: Path) -> str:
    cluster: ValkeyCluster = request.getfixturevalue("valkey_cluster")
    return with_prefix(cluster.url)


def in_mongodb(request: pytest.FixtureRequest, _: Path) -> str:
    server: Server = request.getfixturevalue("isolated_mongo")
    return server.place()


# Each gives the URL of a new store; a server is started for those that are asked for.
KINDS: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "sqlite": in_a_file,
    "postgres": in_postgres,
    "redis": in_valkey,
    "cluster": in_a_cluster,
    "mongodb": in_mongodb,
}
# The others with --thorough.
USUAL = ("sqlite", "postgres")
PAIRS = [
    pytest.param(*pair, marks=() if pair == USUAL else pytest.mark.thorough)
    for pair in product(KINDS, KINDS)
]
# The source's log is heard: from one of these by default.
HEARD = (
    ("sqlite", "postgres"),
    ("redis", "sqlite"),
    ("cluster", "redis"),
    ("postgres", "cluster"),
    ("mongodb", "redis"),
    ("sqlite", "mongodb"),
)


def heard(*usual: str) -> pytest.MarkDecorator:
    """Run a test over each pair of HEARD, and by default over *usual* alone."""
    dear = pytest.mark.thorough
    pairs = [pytest.param(*pair, marks=() if pair == usual else dear) for pair in HEARD]
    return pytest.mark.parametrize(("one", "other"), pairs)


# Seconds in which a slow machine gets anything done.
PATIENCE = 120.0


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """The URL of a new store of a kind."""
    numbers = count()
    return lambda kind: KINDS[kind](request, tmp_path / f"{next(numbers)}.db")


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def copying(source: str, target: str, *options: str) -> subprocess.Popen[str]:
    locations = ("--from", source, "--to", target)
    return started("-m", "devsess", "copy", *locations, "--json", *options)


def answer(process: subprocess.Popen[str]) -> Any:
    """What a copy prints in the end."""
    out, err = process.communicate(timeout=PATIENCE)
    assert (0, "") == (process.returncode, err)
    return json.loads(out)


class Writer:
    """A process that writes on the store at *location*, and what it has done."""

    def __init__(self, location: str) -> None:
        self._process = started(str(HERE / "_copy_writer.py"), location)
        self.done: list[tuple[str, str]] = []

    def do(self, more: int) -> None:
        """Wait until it has done so many things more."""
        assert self._process.stdout is not None
        for _ in range(more):
            self._note(self._process.stdout.readline())

    def stop(self) -> None:
        """Let it finish what it is doing; all that it has done is known then."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.close()
        # communicate() would not give the lines that readline() has buffered.
        for line in process.stdout:
            self._note(line)
        assert (0, "") == (process.wait(PATIENCE), process.stderr.read())

    def _note(self, line: str) -> None:
        assert line, "the writer has ended"
        number, kind, about = line.split()
        assert len(self.done) == int(number), "a line was lost"
        self.done.append((kind, about))

    def kill(self) -> None:
        with self._process:
            self._process.kill()


@pytest.fixture
def writer_on() -> Iterator[Callable[[str], Writer]]:
    made: list[Writer] = []

    def start(location: str) -> Writer:
        made.append(Writer(location))
        return made[-1]

    yield start
    for writer in made:
        writer.kill()


def check_tokens(target: str, done: list[tuple[str, str]]) -> tuple[int, int]:
    """Hold the target to what was done on the source; how many lived, and how many had ended."""
    lived = ended = 0
    ended_at = {about: n for n, (kind, about) in enumerate(done) if kind == "all"}
    with SessionManager(target, keys=SECRET) as sessions:
        for number, (kind, about) in enumerate(done):
            user = kind.partition("/")[2]
            if kind == "revoked":
                with pytest.raises(SessionRevokedError):
                    sessions.validate(about)
                ended += 1
            elif user and number > ended_at.get(user, -1):
                grant = sessions.refresh(about)
                assert user == sessions.validate(grant.access_token).user_id
                lived += 1
            elif user:
                with pytest.raises(SessionRevokedError):
                    sessions.refresh(about)
                ended += 1
    return lived, ended


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_copy_while_the_application_runs(
    one: str,
    other: str,
    place: Callable[[str], str],
    writer_on: Callable[[str], Writer],
) -> None:
    """Killed in the middle and started again, it follows a writer; tokens go on, ends hold."""
    source, target = place(one), place(other)
    writer = writer_on(source)
    writer.do(60)
    killed = copying(source, target)
    writer.do(20)
    killed.kill()
    killed.communicate()
    following = copying(source, target, "--follow", "--interval", "0.1")
    writer.do(60)
    writer.stop()
    with (
        SessionManager(source, keys=SECRET) as old,
        SessionManager(target, keys=SECRET) as new,
    ):
        for user in {kind.partition("/")[2] for kind, _ in writer.done[-9:]} - {""}:
            eventually(lambda user=user: ids_of(old, user) == ids_of(new, user))  # type: ignore[misc]
    following.send_signal(signal.SIGINT)
    found = answer(following)
    assert (0, 0) == (found["behind"], found["alone"])
    assert found["source"] == found["target"]
    lived, ended = check_tokens(target, writer.done)
    assert min(lived, ended) > 5


@heard("sqlite", "postgres")
def test_a_revocation_is_heard_while_it_follows(
    one: str, other: str, place: Callable[[str], str]
) -> None:
    """A session that the source revokes ends at the target without another copy."""
    source, target = place(one), place(other)
    with (
        SessionManager(source, keys=SECRET) as old,
        SessionManager(target, keys=SECRET) as new,
    ):
        grant, erased = old.login("ada"), old.login("eve")
        following = copying(source, target, "--follow", "--interval", "3600")
        try:
            eventually(lambda: new.get(grant.session.id) and new.get(erased.session.id))
            new.validate(grant.access_token)
            old.revoke(grant.session.id)
            old.erase_user("eve")
            eventually(lambda: not new.get(erased.session.id))
            eventually(lambda: is_refused(new, grant.access_token))
        finally:
            following.send_signal(signal.SIGTERM)
            found = answer(following)
        assert (1, 0, 0) == (found["same"], found["behind"], found["alone"])


@heard("redis", "sqlite")
def test_an_ending_of_everyone_is_heard(one: str, other: str, place: Callable[[str], str]) -> None:
    """revoke_everyone at the source ends all sessions of the target, those signed in there too."""
    source, target = place(one), place(other)
    with (
        SessionManager(source, keys=SECRET) as old,
        SessionManager(target, keys=SECRET) as new,
    ):
        grant, own = old.login("ada"), new.login("eve")
        following = copying(source, target, "--follow", "--interval", "3600")
        try:
            eventually(lambda: new.get(grant.session.id))
            old.revoke_everyone(reason="alarm")
            late = old.login("bob")
            eventually(lambda: is_refused(new, own.access_token))
            assert is_refused(new, grant.access_token)
            eventually(lambda: new.get(late.session.id))
            assert not is_refused(new, late.access_token)
        finally:
            following.send_signal(signal.SIGTERM)
            found = answer(following)
        assert (0, 1) == (found["behind"], found["alone"])


def ids_of(sessions: SessionManager, user: str) -> set[str]:
    return {session.id for session in sessions.list(user)}


def is_refused(sessions: SessionManager, token: str) -> bool:
    try:
        sessions.validate(token)
    except SessionRevokedError:
        return True
    return False


def eventually(condition: Callable[[], object]) -> None:
    """Return once *condition* holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
