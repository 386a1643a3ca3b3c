"""The apps of docs/frameworks.md, each saved as a file and run by a real server."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "frameworks.md").read_text("utf-8")
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
BLOCK = re.compile(r"^```py\n(.*?)^```", re.MULTILINE | re.DOTALL)
APPS = {it.partition("\n")[0]: block for it in SECTIONS for block in BLOCK.findall(it)}
STARTED = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@contextmanager
def served(app: str, folder: Path) -> Iterator[str]:
    """The address of a uvicorn that serves the app of that name; it ends in good order."""
    (folder / "shop.py").write_text(APPS[app], "utf-8")
    environment = {**os.environ, "DEVSESS_SECRET": secrets.token_urlsafe(32)}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "uvicorn", "shop:app", "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    with process:
        try:
            for line in process.stderr:
                lines.append(line)
                if found := STARTED.search(line):
                    break
            else:
                pytest.fail("".join(lines))
            yield found[1]
            process.terminate()
            rest = process.stderr.read()
            assert "Application shutdown complete" in rest, rest
        finally:
            process.kill()


def test_there_are_five() -> None:
    """As many as the page says."""
    assert ["FastAPI", "Litestar", "Quart", "Falcon", "Sanic"] == list(APPS)


# The others with --thorough.
USUAL = {"FastAPI"}
EACH = [pytest.param(it, marks=() if it in USUAL else pytest.mark.thorough) for it in APPS]


@pytest.mark.parametrize("app", EACH)
def test_an_app_of_the_page(app: str, tmp_path: Path) -> None:
    """A stranger is refused; who signs in is known, is listed, and is refused after a sign-out."""
    with served(app, tmp_path) as url, httpx.Client(base_url=url) as browser:
        refused = browser.get("/me")
        assert (401, 'Bearer realm="devsess"') == (
            refused.status_code,
            refused.headers["www-authenticate"],
        )
        signed_in = browser.post("/sign-in", headers={"Origin": url})
        assert 2 == signed_in.status_code // 100
        # Of __Host- cookies a browser makes an exception for localhost; this client sends none.
        cookies = {it.name: it.value or "" for it in browser.cookies.jar}
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        assert {"user": "ada"} == browser.get("/me", headers=sent).json()
        assert 1 == len(browser.get("/auth/sessions", headers=sent).json()["sessions"])
        ended = browser.post("/auth/logout", headers={**sent, "Origin": url})
        assert 204 == ended.status_code
        assert 401 == browser.get("/me", headers=sent).status_code


@pytest.mark.thorough
def test_a_guard_of_litestar(tmp_path: Path) -> None:
    """It asks for a step-up as `current.require` does."""
    with served("Litestar", tmp_path) as url, httpx.Client(base_url=url) as browser:
        grant = browser.post("/sign-in", headers={"Origin": url})
        sent = {"Cookie": "; ".join(f"{it.name}={it.value}" for it in grant.cookies.jar)}
        answer = browser.get("/payout", headers=sent)
        assert 401 == answer.status_code
        assert 'acr_values="aal2"' in answer.headers["www-authenticate"]


def test_a_live_session_of_fastapi(tmp_path: Path) -> None:
    """Its socket opens for who is signed in alone, and is closed with 1008 at the sign-out."""
    with served("FastAPI", tmp_path) as url, httpx.Client(base_url=url) as browser:
        place, origin = url.replace("http", "ws") + "/live", Origin(url)
        with pytest.raises(InvalidStatus) as refused, connect(place, origin=origin):
            pass
        assert 401 == refused.value.response.status_code
        grant = browser.post("/sign-in", headers={"Origin": url})
        sent = {"Cookie": "; ".join(f"{it.name}={it.value}" for it in grant.cookies.jar)}
        with connect(place, origin=origin, additional_headers=sent) as socket:
            assert "hello ada" == socket.recv(timeout=30)
            socket.send("one")
            assert "one" == socket.recv(timeout=30)
            browser.post("/auth/logout", headers={**sent, "Origin": url})
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert 1008 == closed.value.rcvd.code
