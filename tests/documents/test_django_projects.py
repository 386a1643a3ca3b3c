"""
A Django project, made by following the pages alone, works.

Django can be set up once in a process, so that these blocks, marked `py`, are run in projects of
their own; the blocks marked `python` run where they stand.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import _documents
import pytest

SECRET = secrets.token_urlsafe(32)


def run(folder: Path, *command: str) -> str:
    """The output of Python within the project."""
    environment = {**os.environ, "DEVSESS_SECRET": SECRET, "PYTHONWARNINGS": "error"}
    environment["PYTHONPATH"] = str(_documents.ROOT)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """As `django-admin startproject mysite` makes it."""
    run(tmp_path, "-m", "django", "startproject", "mysite")
    return tmp_path / "mysite"


def files_of(page: str) -> dict[str, str]:
    """The blocks of a page, by the file that the sentence before each names."""
    text, found = _documents.text(f"docs/{page}"), {}
    for block in re.finditer(r"^```py\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        sentence = text[: block.start()].rstrip().rsplit("\n\n", 1)[-1]
        [name] = re.findall(r"`(mysite/\w+\.py)`", sentence)
        found[name] = block[1]
    return found


def write(project: Path, files: dict[str, str]) -> None:
    """Add to the settings, and put the other files in their places."""
    for name, block in files.items():
        is_added = name.endswith("settings.py")
        with (project / name).open("a" if is_added else "w", encoding="utf-8") as file:
            file.write(block)


@pytest.mark.thorough
def test_the_quick_start_makes_a_project_that_passes_its_own_test(project: Path) -> None:
    """The page's files, in a new project, and the page's own command."""
    text, files = _documents.text("docs/quickstart-django.md"), files_of("quickstart-django.md")
    assert {"settings", "views", "urls", "tests"} == {Path(it).stem for it in files}
    write(project, files)
    for command in re.findall(r"^python (manage\.py (?:check|migrate).*)$", text, re.MULTILINE):
        run(project, *command.split())

    assert "Ran 1 test" in run(project, "manage.py", "test", "mysite")
    with closing(sqlite3.connect(project / "sessions.db")) as own:
        assert (0,) == own.execute("SELECT count(*) FROM sessions").fetchone()


SETTINGS = f"""
INSTALLED_APPS += ["rest_framework_simplejwt.token_blacklist"]
SIMPLE_JWT = {{"SIGNING_KEY": "{SECRET}"}}
ROOT_URLCONF = "exchanging"
"""
CHECK = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, TestCase
from rest_framework_simplejwt.tokens import RefreshToken

class Exchange(TestCase):
    def setUp(self):
        self.user = User.objects.create_user("ada", password="lovelace")

    def test_a_session_is_exchanged(self):
        old, browser = SessionStore(), Client()
        old[SESSION_KEY] = str(self.user.pk)
        old[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        old[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        old.create()
        browser.cookies["sessionid"] = old.session_key
        self.assertContains(browser.get("/"), "hello ada")
        self.assertContains(browser.get("/"), "hello ada")
        self.assertFalse(old.exists(old.session_key))

    def test_a_token_is_exchanged(self):
        body = {"token": str(RefreshToken.for_user(self.user))}
        answer = Client().post("/exchange/", body, "application/json")
        self.assertEqual(200, answer.status_code, answer.content)
        headers = {"Authorization": "Bearer " + answer.json()["access_token"]}
        self.assertContains(Client().get("/", headers=headers), "hello ada")
"""


@pytest.mark.thorough  # tests/djapp has each of its laws
def test_old_sessions_and_tokens_are_exchanged(project: Path) -> None:
    """The blocks of the page on migration, in a project that followed the quick start."""
    setting, view = _documents.blocks("migration.md", "py")
    write(project, files_of("quickstart-django.md"))
    write(project, {"mysite/settings.py": SETTINGS + setting, "exchanging.py": view})
    (project / "mysite" / "tests.py").write_text(CHECK, "utf-8")

    assert "Ran 2 tests" in run(project, "manage.py", "test", "mysite")
