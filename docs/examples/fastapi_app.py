"""
A FastAPI app whose users see on which devices they are signed in.

    pip install devsess[starlette] fastapi uvicorn
    DEVSESS_SECRET=$(devsess keys new) uvicorn fastapi_app:app

Then open http://localhost:8000 and sign in as ada, password "lovelace".
"""

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from devsess import AsyncSessionManager, Session
from devsess.adapters.starlette import SessionMiddleware, current_session, require

USERS = {"ada": "lovelace", "bob": "builder"}  # yours are hashed, in a database
SECOND_FACTOR = "123456"  # yours comes from an authenticator

PAGE = """<!doctype html><meta charset="utf-8"><title>My devices</title>
<h1>Signed in as {user}</h1>
<table>{rows}</table>
<form method="post" action="/sign-out-others"><button>Sign out other devices</button></form>
<form method="post" action="/sign-out"><button>Sign out</button></form>
<p><a href="/email">Change the e-mail address</a>"""
FORM = """<!doctype html><meta charset="utf-8"><title>Sign in</title>
<form method="post">{fields}<button>Sign in</button></form>"""
SIGN_IN = """<label>Name <input name="name" autofocus></label>
<label>Password <input name="password" type="password"></label>"""
CODE = '<label>Code <input name="code" inputmode="numeric" autofocus></label>'

sessions = AsyncSessionManager(
    os.environ.get("DEVSESS_STORE", "sessions.db"), keys=os.environ["DEVSESS_SECRET"]
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with sessions:
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(SessionMiddleware, manager=sessions, endpoints="/auth", login_url="/sign-in")
SignedIn = Annotated[Session, Depends(require())]
Proven = Annotated[Session, Depends(require(max_auth_age=300, acr="aal2"))]


@app.get("/", response_class=HTMLResponse)
async def home(session: SignedIn) -> str:
    listed = await sessions.list(session.user_id, current=session.id)
    rows = "".join(f"<tr><td>{escape(str(it.device))}<td>{button(it)}" for it in listed)
    return PAGE.format(user=escape(session.user_id), rows=rows)


def button(session: Session) -> str:
    if session.is_current:
        return "this device"
    action = f"/devices/{session.id}/sign-out"
    return f'<form method="post" action="{action}"><button>Sign out</button></form>'


@app.get("/sign-in", response_class=HTMLResponse)
async def ask(request: Request) -> str:
    current = await current_session(request)
    return FORM.format(fields=CODE if current.session else SIGN_IN)


@app.post("/sign-in")
async def sign_in(request: Request, return_to: str = "/") -> Response:
    current = await current_session(request)
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    if current.session:
        if not hmac.compare_digest(form.get("code", "").encode(), SECOND_FACTOR.encode()):
            return PlainTextResponse("that is not the code", 403)
        await current.step_up(amr=("otp",), acr="aal2")
    else:
        name, password = form.get("name", ""), form.get("password", "")
        if not hmac.compare_digest(password.encode(), USERS.get(name, "\0").encode()):
            return PlainTextResponse("wrong name or password", 403)
        await current.login(name, acr="aal1")
    return RedirectResponse(current.return_to(return_to), 303)


@app.post("/sign-out")
async def sign_out(request: Request) -> Response:
    await (await current_session(request)).logout()
    return RedirectResponse("/sign-in", 303)


@app.post("/sign-out-others")
async def sign_out_others(session: SignedIn) -> Response:
    await sessions.revoke_all(session.user_id, keep=session.id, reason="signed out by its user")
    return RedirectResponse("/", 303)


@app.post("/devices/{session_id}/sign-out")
async def sign_out_device(session_id: str, session: SignedIn) -> Response:
    reason = "signed out by its user"
    if not await sessions.revoke(session_id, user_id=session.user_id, reason=reason):
        return PlainTextResponse("there is no such device", 404)
    return RedirectResponse("/", 303)


@app.get("/email", response_class=PlainTextResponse)
async def email(_: Proven) -> str:
    return "here you could change it: you proved yourself less than five minutes ago, twice"


@app.websocket("/live")
async def live(socket: WebSocket, session: SignedIn) -> None:
    """Greets, echoes, and is closed when the session ends."""
    current = await current_session(socket)
    await socket.accept()
    await socket.send_text(f"hello {session.user_id}")
    async with current.guard():
        async for text in socket.iter_text():
            await socket.send_text(text)
