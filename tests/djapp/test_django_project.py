"""
A Django project with the app: its own tests, by Django's own runner, and its checks.

A process can be set up for one project only, so each runs in one of its own.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from devsess import SessionManager
from devsess.testing import FakeClock, StoreContract
from devsess.tokens.keys import generate_secret

SITE = Path(__file__).parent / "site"
_RESULT = re.compile(r"^(\w+) \((?:shop\.)?(\w+)\.(\w+)\.\w+\)", re.MULTILINE)
# Its tests are inherited.
CONTRACT = "test_own_contract.ContractTests"
# With a database for devsess, and with the project's own: by their settings, what is run.
SUITES = {
    "shop.settings": ("shop",),
    "own_settings": (
        *("test_own_transactions", "test_own_views", "test_own_accounts"),
        *("shop.test_django_auth", "shop.test_django_passwords", CONTRACT),
    ),
}


def laws(suite: str) -> Iterator[str]:
    """Each test of the project that is run with those settings."""
    for name in SUITES[suite]:
        if name == CONTRACT:
            yield from (f"{CONTRACT}.{it}" for it in dir(StoreContract) if it.startswith("test_"))
            continue
        pattern = name.replace(".", "/") + ("" if "test_" in name else "/test_*")
        for path in sorted(SITE.glob(f"{pattern}.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    for each in node.body:
                        if getattr(each, "name", "").startswith("test_"):
                            yield f"{path.stem}.{node.name}.{each.name}"  # type: ignore[attr-defined]


def manage(
    place: Path, *arguments: str, by: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the project's `manage.py`, within another program where *by* names its arguments."""
    return subprocess.run(
        [sys.executable, *by, str(SITE / "manage.py"), *arguments],
        cwd=place,
        env={**os.environ, "SHOP_PLACE": str(place), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


# Calls manage.py once for each list of arguments, and prints how each ended.
_EACH = """
import contextlib, io, json, os, runpy, sys
program, *commands = json.loads(sys.argv[1])
sys.path.insert(0, os.path.dirname(program))
ended = []
for command in commands:
    sys.argv = [program, *command]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(program, run_name="__main__")
        except SystemExit as left:
            code = left.code or 0
    ended.append([command, code, out.getvalue(), err.getvalue()])
print(json.dumps(ended))
"""


def manage_each(
    place: Path, *commands: Sequence[str], **environment: str
) -> list[subprocess.CompletedProcess[str]]:
    """As `manage` once for each of *commands*, in one process: to begin one takes a second."""
    ended = subprocess.run(
        [sys.executable, "-c", _EACH, json.dumps([str(SITE / "manage.py"), *commands])],
        cwd=place,
        env={**os.environ, "SHOP_PLACE": str(place), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return [subprocess.CompletedProcess(*each) for each in json.loads(ended.stdout)]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of devsess, as the project's `migrate` leaves it."""
    place = tmp_path_factory.mktemp("migrated")
    assert 0 == manage(place, "migrate", "--database", "devsess").returncode
    return place / "sessions.db"


def measuring(config: pytest.Config) -> Sequence[str]:
    """The program that counts lines in another process, where those of this one are counted."""
    if not config.getoption("cov_source", None):
        return ()
    place = config.rootpath
    options = (f"--rcfile={place / 'pyproject.toml'}", f"--data-file={place / '.coverage'}")
    return ("-m", "coverage", "run", "--parallel-mode", *options)


@pytest.fixture(scope="module")
def failures(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Callable[[str], dict[str, str]]:
    """The runner's text on each test that failed, with those settings."""
    return cache(lambda suite: failed(suite, tmp_path_factory.mktemp("site"), pytestconfig))


def failed(suite: str, place: Path, config: pytest.Config) -> dict[str, str]:
    """As `failures`."""
    test = ("test", *SUITES[suite], "--noinput", "--top-level-directory", str(SITE))
    there = {"DJANGO_SETTINGS_MODULE": suite, "PYTHONPATH": str(SITE)}
    ended = manage(place, *test, by=measuring(config), **there)
    assert f"Ran {len(list(laws(suite)))} tests" in ended.stderr, ended.stderr
    parts = re.split(r"^={70}\n(?:FAIL|ERROR): ", ended.stderr, flags=re.MULTILINE)[1:]
    found = {}
    for part in parts:
        matched = _RESULT.match(part)
        assert matched is not None, part
        found[f"{matched[2]}.{matched[3]}.{matched[1]}"] = part
    assert (ended.returncode != 0) is bool(found), ended.stderr
    return found


@pytest.mark.parametrize("law", list(laws("shop.settings")))
def test_the_project_is_green(failures: Callable[[str], dict[str, str]], law: str) -> None:
    """A test of the project holds under the app; its own text says which law it is."""
    found = failures("shop.settings")
    assert found.get(law) is None, found[law]


@pytest.mark.parametrize("law", list(laws("own_settings")))
def test_it_is_green_in_its_own_database(
    failures: Callable[[str], dict[str, str]], law: str
) -> None:
    """As it is with a database for devsess; and its transactions, and the contract, hold."""
    found = failures("own_settings")
    assert found.get(law) is None, found[law]


def test_its_own_database_is_migrated_like_any(tmp_path: Path) -> None:
    """By Django's command, or by devsess's; before it, each command says what to do."""
    own = {"DJANGO_SETTINGS_MODULE": "own_settings", "PYTHONPATH": str(SITE)}
    before, *done, listed, purged, made = manage_each(
        tmp_path,
        ("devsess", "list", "5"),
        ("devsess", "migrate"),
        ("migrate",),
        ("devsess", "list", "5", "--json"),
        ("devsess", "purge", "--quiet"),
        ("makemigrations", "devsess", "--check", "--dry-run"),
        **own,
    )
    assert (3, True) == (before.returncode, "migrate" in before.stderr), before
    assert [0, 0] == [it.returncode for it in done], done
    assert {"sessions": []} == json.loads(listed.stdout), listed
    assert 0 == purged.returncode, purged
    assert 0 == made.returncode, made.stdout


def test_settings_without_devsess_are_no_key_error(tmp_path: Path) -> None:
    """A project without the setting is told so, by the app and by the bare middleware."""
    (tmp_path / "wrong.py").write_text("from shop.settings import *\ndel DEVSESS\n")
    path = os.pathsep.join([str(tmp_path), str(SITE)])
    ended = manage(tmp_path, "check", DJANGO_SETTINGS_MODULE="wrong", PYTHONPATH=path)
    assert "DEVSESS must be a dict" in ended.stderr
    (tmp_path / "bare.py").write_text(
        "SECRET_KEY = 'x' * 50\nMIDDLEWARE = ['devsess.adapters.django.SessionMiddleware']\n"
    )
    served = "import django; django.setup(); from django.core.wsgi import *; get_wsgi_application()"
    bare = subprocess.run(
        [sys.executable, "-c", served],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "bare", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "ImproperlyConfigured" in bare.stderr


def test_the_models_have_their_migrations(tmp_path: Path) -> None:
    """Nothing is left for `makemigrations` to do, in a project that installs the app."""
    ended = manage(tmp_path, "makemigrations", "devsess", "--check", "--dry-run")
    assert 0 == ended.returncode, ended.stdout


def test_the_command_ends_with_the_codes_of_devsess(tmp_path: Path) -> None:
    """`manage.py devsess` is the command line, also with Django's own options behind it."""
    ended = manage_each(
        tmp_path,
        ("devsess", "list", "5"),  # there is none yet
        ("migrate", "--database", "devsess"),
        ("devsess", "list", "5", "--json", "--settings=shop.settings"),  # which has none
        ("devsess", "revoke", "no-such-id"),
        ("devsess", "nonsense"),
    )
    assert [3, 0, 1, 1, 2] == [it.returncode for it in ended], ended
    assert {"sessions": []} == json.loads(ended[2].stdout)


def settings_of(place: Path, text: str) -> dict[str, str]:
    """The environment of the project with *text* at the end of its settings."""
    (place / "changed.py").write_text(f"from shop.settings import *\n{text}\n", "utf-8")
    path = os.pathsep.join([str(place), str(SITE)])
    return {"DJANGO_SETTINGS_MODULE": "changed", "PYTHONPATH": path}


def test_each_command_is_on_the_store_of_the_project(tmp_path: Path, migrated: Path) -> None:
    """Those of a group too, from whichever folder, and whatever DEVSESS_STORE names."""
    there = tmp_path / "there"
    there.mkdir()
    environment = {"SHOP_PLACE": str(there), "DEVSESS_STORE": str(tmp_path / "other.db")}
    shutil.copy(migrated, there)
    with SessionManager(str(there / "sessions.db"), keys=generate_secret()) as sessions:
        device = sessions.login("5").session.device.id
    commands = (
        *(("devices", "5"), ("devices", "list", "5"), ("list", "5")),
        *(("devices", "block", "5", device), ("list", "5", "--store", "no.db")),
    )
    asked = [("devsess", *it, *(["--json"] if "block" not in it else [])) for it in commands]
    *found, blocked, other = manage_each(tmp_path, *asked, **environment)
    assert [True] * 3 == [device in it.stdout for it in found], found
    assert 0 == blocked.returncode, blocked
    assert (3, True) == (other.returncode, "no.db" in other.stderr)


def test_a_manager_of_the_project_does_not_tell_its_store(tmp_path: Path) -> None:
    """So that each command that needs one asks for it, and no file nearby is taken for it."""
    text = """
from devsess import SessionManager
from devsess.testing import FakeClock, StoreContract
DEVSESS = {"manager": SessionManager("memory://", keys="Qz7rT2mX9vLk4WnB8sYd3HgF6pJcAe5U")}
"""
    environment = settings_of(tmp_path, text)
    with SessionManager(str(tmp_path / "sessions.db"), keys=generate_secret()) as sessions:
        sessions.login("5")
    commands = ("list", "5"), ("devices", "list", "5"), ("purge",)
    named = "list", "5", "--store", "sessions.db"
    asked = [("devsess", *it) for it in (*commands, named)]
    *refused, listed = manage_each(tmp_path, *asked, **environment)
    for each in refused:
        assert (2, "") == (each.returncode, each.stdout), each.stderr
        assert "name that with --store" in each.stderr
    assert 0 == listed.returncode, listed


def test_a_purge_keeps_what_the_policy_of_the_project_keeps(tmp_path: Path, migrated: Path) -> None:
    """Neither less nor, by more than a day, longer."""
    environment = settings_of(
        tmp_path,
        """
from devsess import Policy
from devsess.policy import Privacy
DEVSESS["policy"] = Policy(privacy=Privacy(retention=4.5 * 86_400))
""",
    )
    shutil.copy(migrated, tmp_path)
    for days in (4.8, 5.2):
        begun = datetime.now(UTC) - timedelta(days=days)
        place, keys = str(tmp_path / "sessions.db"), generate_secret()
        with SessionManager(place, keys=keys, clock=FakeClock(begun)) as sessions:
            sessions.revoke(sessions.login(f"of {days}").session.id)
    assert 0 == manage(tmp_path, "devsess", "purge", "--quiet", **environment).returncode
    with SessionManager(str(tmp_path / "sessions.db"), keys=generate_secret()) as sessions:
        assert [2, 0] == [len(sessions.history(f"of {days}")) for days in (4.8, 5.2)]


TESTED = """
from django.contrib.auth.models import User
from django.test import TestCase
from devsess.django import manager

class OnItsOwn(TestCase):
    def test_sessions(self):
        self.client.force_login(User.objects.create_user("ada", pk=1))
        self.assertEqual(1, len(manager().list("1")))
        manager().revoke_all("1", reason="test")
"""


def test_a_run_without_a_database_for_devsess_leaves_the_project_s_own_alone(
    tmp_path: Path,
) -> None:
    """Users of tests have the keys of real ones, whose sessions they would list and end."""
    environment = settings_of(tmp_path, "")
    (tmp_path / "test_sessions.py").write_text(TESTED, "utf-8")
    assert 0 == manage(tmp_path, "migrate", "--database", "devsess", **environment).returncode
    with SessionManager(str(tmp_path / "sessions.db"), keys=generate_secret()) as sessions:
        sessions.login("1")
    ended = manage(tmp_path, "test", "test_sessions", "--noinput", **environment)
    assert 0 == ended.returncode, ended.stderr
    with SessionManager(str(tmp_path / "sessions.db"), keys=generate_secret()) as sessions:
        assert 1 == len(sessions.list("1"))


def test_a_mail_in_memory_makes_no_run_of_tests(tmp_path: Path) -> None:
    """A server that keeps its mails in memory has its sessions where the settings say."""
    text = """
import django; django.setup()
from django.core import mail
from devsess.django.project import project
mail.get_connection("django.core.mail.backends.locmem.EmailBackend")
print(hasattr(mail, "outbox"), project().location())
"""
    environment = {**os.environ, "SHOP_PLACE": str(tmp_path), "PYTHONPATH": str(SITE)}
    environment["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    said = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=True
    )
    assert f"True {tmp_path / 'sessions.db'}" == said.stdout.strip(), said


def test_a_signals_handler_has_the_same_manager(tmp_path: Path) -> None:
    """Also in the midst of its making; it waits for nothing that its own thread holds."""
    text = """
import django; django.setup()
from devsess.django.project import Project
from servers.striking import at_each_line

def play():
    made = Project()
    def check(struck):
        assert made.sessions is struck.outcome
        assert struck.place is None or made.sessions is struck.answer
        made.close()
    return (lambda: made.sessions), (lambda: made.sessions), check

at_each_line(play, ("django/project.py",))
print("done")
"""
    path = os.pathsep.join([str(SITE), str(Path(__file__).parents[1])])
    environment = {**os.environ, "SHOP_PLACE": str(tmp_path), "PYTHONPATH": path}
    environment["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    said = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=120
    )
    assert "done" == said.stdout.strip(), said.stderr


def test_a_project_without_users_is_told_so_and_runs(tmp_path: Path) -> None:
    """Its own rows are saved: none of them is a user."""
    environment = settings_of(
        tmp_path,
        """
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.sessions", "devsess.django"]
MIDDLEWARE, TEMPLATES, ROOT_URLCONF, urlpatterns = [MIDDLEWARE[1]], [], "changed", []
""",
    )
    saves = """
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
call_command("check")
call_command("migrate", verbosity=0)
kept = SessionStore(); kept.save(); kept.save(); kept.delete()
"""
    ended = manage(tmp_path, "shell", "-c", saves, **environment)
    assert (0, True) == (ended.returncode, "devsess.W001" in ended.stderr), ended.stderr


def test_what_the_store_cannot_have_of_a_database_is_refused(tmp_path: Path) -> None:
    """By name, when the project is checked: a role that is assumed is another user."""
    text = """
DATABASES["devsess"] = {
    "ENGINE": "django.db.backends.postgresql", "NAME": "site",
    "OPTIONS": {"service": "site", "pool": True, "assume_role": "owner", "schema": "x"},
}
"""
    ended = manage(tmp_path, "check", **settings_of(tmp_path, text))
    assert "devsess.E001" in ended.stderr
    assert "assume_role and schema" in ended.stderr
