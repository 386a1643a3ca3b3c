"""
A FastAPI app whose users see on which devices they are signed in.

In the folder of this file:

    python -m pip install "../..[fastapi]" "uvicorn[standard]"
    export DEVSESS_SECRET=$(devsess keys new)
    uvicorn fastapi_app:app

Then open http://localhost:8000 and sign in as ada, password "lovelace".
"""

import asyncio
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from devsess import AsyncSessionManager, Session
from devsess.adapters.fastapi import Current, LiveSession, SessionMiddleware, SignedIn, require

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
CODE = "123456"  # yours comes from an authenticator, and allows few guesses
EMAILS: dict[str, str] = {}

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0 }}
th, td {{ text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd }}
label, input {{ display: block; margin-bottom: .6rem }} input {{ padding: .3rem; width: 16rem }}
form {{ margin: 0 }} button {{ padding: .3rem .8rem }} .error {{ color: #a00 }}</style>
<h1>{title}</h1><p class="error">{error}</p>"""
DEVICES = """<p>Signed in as <b>{user}</b>.
<table><tr><th>Device<th>Address<th>Last active (UTC)<th>{rows}</table>
<form method="post" action="/sign-out-others"><button>Sign out all other devices</button></form>
<p><a href="/email">Change my e-mail address</a>
<form method="post" action="/sign-out"><button>Sign out</button></form>"""
SIGN_IN = """<form method="post">
<label>Name <input name="name" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Sign in</button></form>"""
CONFIRM = """<p>You are signed in as <b>{user}</b>. This needs the code from your authenticator.
<form method="post">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" autofocus></label>
<button>Confirm</button></form><p><a href="/">Back to my devices</a>
<form method="post" action="/sign-out"><button>Not {user}? Sign out</button></form>"""
EMAIL = """<p>Now: {email}
<form method="post"><label>New address <input name="email" type="email" autofocus></label>
<button>Save</button></form><p><a href="/">Back to my devices</a>"""

sessions = AsyncSessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with sessions:
        await sessions.warm()
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(SessionMiddleware, manager=sessions, endpoints="/auth", login_url="/sign-in")
Proven = Annotated[Session, Depends(require(max_auth_age=300, acr="aal2"))]


def page(title: str, body: str, status: int = 200, *, error: str = "", **values: str) -> Response:
    safe = {name: escape(value) for name, value in values.items() if name != "rows"}
    text = (HEAD + body).format(title=title, error=error, rows=values.get("rows", ""), **safe)
    return HTMLResponse(text, status)


def is_right(given: str, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(given.encode(), expected.encode())


async def form_of(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body).items()}


Form = Annotated[dict[str, str], Depends(form_of)]


@app.get("/")
async def home(session: SignedIn) -> Response:
    listed = await sessions.list(session.user_id, current=session.id)
    return page("My devices", DEVICES, user=session.user_id, rows="".join(map(row, listed)))


def row(session: Session) -> str:
    action = f"/devices/{session.id}/sign-out"
    button = f'<form method="post" action="{action}"><button>Sign out</button></form>'
    seen = session.last_seen_at.strftime("%d %b %H:%M")
    cells = (escape(str(session.device)), escape(session.ip or ""), seen)
    last = "this device" if session.is_current else button
    return "<tr>" + "".join(f"<td>{cell}" for cell in (*cells, last))


@app.get("/sign-in")
async def ask(current: Current) -> Response:
    """The form to sign in; for a person signed in, the one for the second factor."""
    if current.session:
        return page("Confirm that it is you", CONFIRM, user=current.session.user_id)
    return page("Sign in", SIGN_IN)


@app.post("/sign-in")
async def sign_in(current: Current, form: Form, return_to: str = "/") -> Response:
    if current.session:
        if not is_right(form.get("code", ""), CODE):
            user = current.session.user_id
            return page("Confirm that it is you", CONFIRM, 403, error="Wrong code.", user=user)
        await current.step_up(amr=("otp",), acr="aal2")
    else:
        name = form.get("name", "")
        if not is_right(form.get("password", ""), USERS.get(name)):
            return page("Sign in", SIGN_IN, 403, error="Wrong name or password.")
        await current.login(name, acr="aal1")
    return RedirectResponse(current.return_to(return_to), 303)


@app.post("/sign-out")
async def sign_out(current: Current) -> Response:
    await current.logout()
    return RedirectResponse("/sign-in", 303)


@app.post("/sign-out-others")
async def sign_out_others(session: SignedIn) -> Response:
    await sessions.revoke_all(session.user_id, keep=session.id, reason="signed out by its user")
    return RedirectResponse("/", 303)


@app.post("/devices/{session_id}/sign-out")
async def sign_out_device(session_id: str, session: SignedIn) -> Response:
    reason = "signed out by its user"
    if not await sessions.revoke(session_id, user_id=session.user_id, reason=reason):
        return page("There is no such device", '<p><a href="/">Back to my devices</a>', 404)
    return RedirectResponse("/", 303)


@app.get("/email")
async def email(session: Proven) -> Response:
    return page("My e-mail address", EMAIL, email=EMAILS.get(session.user_id, "none"))


@app.post("/email")
async def change_email(session: Proven, form: Form) -> Response:
    EMAILS[session.user_id] = form.get("email", "")
    return RedirectResponse("/email", 303)


@app.websocket("/live")
async def live(socket: WebSocket, session: LiveSession) -> None:
    """Greets, echoes, and is closed when the session ends."""
    await socket.accept()
    await socket.send_text(f"hello {session.user_id}")
    async for text in socket.iter_text():
        await socket.send_text(text)


@app.get("/events")
async def events(current: Current, _: SignedIn) -> Response:
    """A stream of events that ends with the session."""

    async def stream() -> AsyncIterator[str]:
        async with current.guard():
            while True:
                yield "data: still signed in\n\n"
                await asyncio.sleep(1)

    return StreamingResponse(stream(), media_type="text/event-stream")
