"""Peers that ask no server and no database, and devsess itself."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import _workload as workload
from benchmarks._peer_place import Place
from devsess.tuning.clients import each_request
from devsess.tuning.timing import Batch, each, each_fresh, fresh_copy

if TYPE_CHECKING:
    from starlette.middleware.sessions import SessionMiddleware


@contextmanager
def pyjwt(place: Place) -> Iterator[Batch]:
    """The unit of all: a signature and four claims."""
    yield workload.decoding(place.grants)


@contextmanager
def joserfc(place: Place) -> Iterator[Batch]:
    """The same work by another library: it decodes first, and looks at the claims then."""
    from joserfc import jwt
    from joserfc.jwk import OctKey

    key = OctKey.import_key(workload.SECRET)
    expected = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": "devsess"}, aud={"essential": True, "value": "devsess"}
    )
    tokens = [grant.access_token for grant in place.grants]

    def check(token: str) -> None:
        expected.validate(jwt.decode(token, key, algorithms=["HS256"]).claims)

    yield lambda: each_fresh(check, tokens, fresh_copy)


# A session in a signed cookie.


@contextmanager
def starlette(place: Place) -> Iterator[Batch]:
    """The middleware's call of an app that reads the user's id and answers nothing."""
    from starlette.middleware.sessions import SessionMiddleware

    middleware = SessionMiddleware(_app, workload.SECRET)
    cookies = [cookie_of(middleware, user) for user in place.users]
    yield lambda: each(partial(_call, middleware), [_scope(fresh_copy(text)) for text in cookies])


async def _app(scope: Any, _: object, __: object) -> None:
    scope["session"]["user_id"]


def cookie_of(middleware: SessionMiddleware, user: str) -> str:
    """As the middleware writes it into a response."""
    data = b64encode(json.dumps({"user_id": user}).encode())
    return f"session={middleware.signer.sign(data).decode()}"


def _scope(cookie: str) -> dict[str, Any]:
    return {"type": "http", "headers": [(b"cookie", cookie.encode())]}


def _call(middleware: Callable[..., Coroutine[Any, Any, None]], scope: dict[str, Any]) -> None:
    call = middleware(scope, None, None)
    try:
        call.send(None)
    except StopIteration:
        return
    raise AssertionError("a session in a cookie must not wait")


# devsess.


@contextmanager
def devsess_repeated(place: Place) -> Iterator[Batch]:
    """Validations of sessions that have been seen before, by browsers that show their device."""
    with workload.opened(place.path) as sessions:

        def batch() -> float:
            sessions.validate(place.grants[0].access_token)  # catches up with the others' commits
            return each_request(sessions, workload.requests(place.grants))

        yield batch


@contextmanager
def devsess_first(place: Place) -> Iterator[Batch]:
    """Validations by a manager that has just been opened and has seen nothing."""

    def batch() -> float:
        with workload.opened(place.path) as newcomer:
            return each_request(newcomer, workload.requests(place.grants))

    yield batch
