"""
A Django project, made by following the pages alone, works.

Django can be set up once in a process, so that these blocks, marked `py`, are run in projects of
their own; the blocks marked `python` run where they stand.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
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
    """What `django-admin startproject mysite` makes."""
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


def test_the_quick_start_makes_a_project_that_passes_its_own_test(project: Path) -> None:
    """The page's files, in a new project, and the page's own command."""
    text, files = _documents.text("docs/quickstart-django.md"), files_of("quickstart-django.md")
    assert {"settings", "views", "urls", "tests"} == {Path(it).stem for it in files}
    write(project, files)
    for command in re.findall(r"^python (manage\.py (?:check|migrate).*)$", text, re.MULTILINE):
        run(project, *command.split())

    assert "Ran 1 test" in run(project, "manage.py", "test", "mysite")


# The old library is still there, and this view signs in by it.
MIGRATION = """
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.urls import path
import tokens

def old_sign_in(request):
    user, old = get_user_model().objects.get(username="ada"), SessionStore()
    old[SESSION_KEY], old[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    old[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    old.create()
    answer = HttpResponse()
    answer.set_cookie("sessionid", old.session_key)
    return answer

def home(request):
    return HttpResponse(request.user.username, status=200 if request.user.is_authenticated else 401)

urlpatterns = [
    path("old-sign-in", old_sign_in), path("", home),
    path("exchange", tokens.exchange_refresh_token),
]
"""
SETTINGS = f"""
INSTALLED_APPS += ["rest_framework_simplejwt.token_blacklist"]
DEVSESS["csrf_exempt"] = ["/exchange"]
SIMPLE_JWT = dict(SIGNING_KEY="{SECRET}")
"""
CHECK = """
from django.contrib.auth.models import User
from django.test import Client, TestCase
from rest_framework_simplejwt.tokens import RefreshToken
from devsess.testing import as_browser

class Exchange(TestCase):
    def setUp(self):
        self.user = User.objects.create_user("ada", password="lovelace")

    def test_a_session_is_exchanged_once(self):
        browser = as_browser(Client())
        browser.get("/old-sign-in")
        copied = browser.cookies["sessionid"].value
        self.assertEqual("ada", browser.get("/").content.decode())
        self.assertEqual("ada", browser.get("/").content.decode())
        thief = as_browser(Client())
        thief.cookies["sessionid"] = copied
        self.assertEqual(401, thief.get("/").status_code)

    def test_a_token_is_exchanged_once(self):
        body = {"refresh": str(RefreshToken.for_user(self.user))}
        first = Client().post("/exchange", body, "application/json")
        self.assertEqual(200, first.status_code)
        headers = {"Authorization": "Bearer " + first.json()["access_token"]}
        self.assertEqual("ada", Client().get("/", headers=headers).content.decode())
        self.assertEqual(401, Client().post("/exchange", body, "application/json").status_code)

    def test_nobody_disabled_is_let_in(self):
        body = {"refresh": str(RefreshToken.for_user(self.user))}
        User.objects.update(is_active=False)
        self.assertEqual(401, Client().post("/exchange", body, "application/json").status_code)
"""


def test_old_sessions_and_tokens_are_exchanged_once(project: Path) -> None:
    """The blocks of the page on migration, in a project with both old libraries."""
    middleware, settings, tokens = _documents.blocks("migration.md", "py")
    quick_start = files_of("quickstart-django.md")
    write(project, {"mysite/settings.py": quick_start["mysite/settings.py"]})
    (project / "exchange.py").write_text(middleware, "utf-8")
    (project / "tokens.py").write_text(tokens, "utf-8")
    (project / "mysite" / "urls.py").write_text(MIGRATION, "utf-8")
    (project / "mysite" / "tests.py").write_text(CHECK, "utf-8")
    with (project / "mysite" / "settings.py").open("a", encoding="utf-8") as file:
        file.write(settings + SETTINGS)

    assert "Ran 3 tests" in run(project, "manage.py", "test", "mysite")
