"""A signal's handler at lines of a call over the project's own connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SITE = Path(__file__).parent / "site"
_PROGRAM = """
import sys
from contextlib import contextmanager
import django; django.setup()
import psycopg.connection, psycopg.cursor
from django.core.management import call_command
from django.db import connections, transaction
from devsess import StoreUnavailableError
from devsess.django import manager
from servers.striking import at_each_line

FILES = [f"django/{it}.py" for it in ("lending", "own_store", "transactions")]
FILES += "stores/sqlalchemy/lent.py", psycopg.connection.__file__, psycopg.cursor.__file__
call_command("migrate", verbosity=0)
sessions = manager()

@contextmanager
def unseen():
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)

def alone(session):
    return sessions.revoke(session.id)

def within(session):
    block = transaction.atomic()
    with unseen():  # the project's own use of its connection
        block.__enter__()
    ended = sessions.revoke(session.id)
    with unseen():
        block.__exit__(None, None, None)
    return ended

def reading():
    return sessions.list("bob") is not None

def writing():
    return sessions.login("bob").session.is_active

def at(work, handler):
    def play():
        session = sessions.login("ada").session

        def done():
            ended = work(session)
            with unseen():
                connections.close_all()
            return ended

        def check(struck):
            assert struck.outcome is True
            assert sessions.get(session.id).revoked
            is_refused = isinstance(struck.answer, StoreUnavailableError)
            assert struck.place is None or struck.answer is True or is_refused

        return done, handler, check

    at_each_line(play, FILES, int(sys.argv[1]))

for work in (alone, within):
    for handler in (reading, writing):
        at(work, handler)
print("done")
"""


def strike(place: Path, settings: str, step: int) -> None:
    """Before each *step*-th line; fails if the call does, or if the handler waits or fails."""
    (place / "settings_there.py").write_text(settings, "utf-8")
    there = [str(place), str(SITE), str(SITE.parents[1])]
    environment = {**os.environ, "SHOP_PLACE": str(place), "PYTHONPATH": os.pathsep.join(there)}
    environment["DJANGO_SETTINGS_MODULE"] = "settings_there"
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(step)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "done" == said.stdout.strip(), said.stderr
