"""FastAPI apps that answer the user's id, each with another way to know it."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.middleware.sessions import SessionMiddleware as SignedCookie

from benchmarks import _workload as workload
from benchmarks._peer_tokens import cookie_of
from benchmarks.middleware import cookies_of
from benchmarks.served import made
from benchmarks.served.made import Made
from devsess import AsyncSessionManager, Session
from devsess.adapters.starlette import SessionMiddleware, require


def bare(_: Path) -> Made:
    """Looks at nothing."""
    app = FastAPI()

    @app.get("/")
    async def who() -> str:
        return "nobody"

    return made.bare(app)


def devsess(folder: Path) -> Made:
    """Cookies, the CSRF check, and the client's address, as browsers meet them."""
    path = folder / "devsess.db"
    with workload.opened(path) as sessions:
        grants = workload.signed_in(sessions, made.COUNT)
    manager = AsyncSessionManager(path, keys=workload.SECRET)
    app = FastAPI()
    app.add_middleware(SessionMiddleware, manager=manager)

    @app.get("/")
    async def who(session: Annotated[Session, Depends(require())]) -> str:
        return session.user_id

    return made.cookies(app, [cookies_of(it) for it in grants])


def devsess_in_view(folder: Path) -> Made:
    """As `devsess`, where the view asks, and FastAPI solves no dependency."""
    path = folder / "devsess.db"
    with workload.opened(path) as sessions:
        grants = workload.signed_in(sessions, made.COUNT)
    app = FastAPI()
    app.add_middleware(SessionMiddleware, manager=AsyncSessionManager(path, keys=workload.SECRET))

    @app.get("/")
    async def who(request: Request) -> str:
        session: Session = await request.scope["devsess"].require()
        return session.user_id

    return made.cookies(app, [cookies_of(it) for it in grants])


def signed_cookie(_: Path) -> Made:
    """Starlette's own: the cookie is the session, and is signed."""
    app = FastAPI()
    app.add_middleware(SignedCookie, secret_key=workload.SECRET)

    @app.get("/")
    async def who(request: Request) -> str:
        user: str = request.session["user_id"]
        return user

    signer = SignedCookie(app, workload.SECRET)
    return made.cookies(app, [cookie_of(signer, user) for user in made.USERS])


def pyjwt(folder: Path) -> Made:
    """`jwt.decode` in a dependency, of a bearer token."""
    with workload.opened(folder / "tokens.db") as sessions:
        grants = workload.signed_in(sessions, made.COUNT)
    app = FastAPI()
    bearer = HTTPBearer()

    def subject(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
        try:
            claims: Any = workload.bare_decode(given.credentials)
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None
        return str(claims["sub"])

    @app.get("/")
    async def who(user: Annotated[str, Depends(subject)]) -> str:
        return user

    return made.bearers(app, [it.access_token for it in grants])


def fastapi_users(folder: Path) -> Made:
    """fastapi-users with its database strategy, over SQLAlchemy and aiosqlite."""
    from fastapi_users import FastAPIUsers
    from fastapi_users.authentication import AuthenticationBackend, BearerTransport
    from fastapi_users.authentication.strategy.db import DatabaseStrategy
    from fastapi_users_db_sqlalchemy import SQLAlchemyUserDatabase
    from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

    from benchmarks._peer_fastapi import AccessToken, User, UserManager

    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'users.db'}")
    make = async_sessionmaker(engine, expire_on_commit=False)
    users = [
        User(id=UUID(int=n), email=f"{n}@app.example", hashed_password="!")
        for n in range(made.COUNT)
    ]
    tokens = [AccessToken(token=secrets.token_urlsafe(), user_id=user.id) for user in users]

    async def database() -> AsyncIterator[AsyncSession]:
        async with make() as session:
            yield session

    def manager(session: Annotated[AsyncSession, Depends(database)]) -> UserManager:
        return UserManager(SQLAlchemyUserDatabase(session, User))

    def strategy(
        session: Annotated[AsyncSession, Depends(database)],
    ) -> DatabaseStrategy[User, UUID, AccessToken]:
        tokens = SQLAlchemyAccessTokenDatabase(session, AccessToken)
        return DatabaseStrategy(tokens, lifetime_seconds=3600)

    transport = BearerTransport(tokenUrl="login")
    backend = AuthenticationBackend(name="db", transport=transport, get_strategy=strategy)
    current = FastAPIUsers[User, UUID](manager, [backend]).current_user(active=True)
    app = FastAPI(lifespan=lambda _: _filled(engine, make, users, tokens))

    @app.get("/")
    async def who(user: Annotated[User, Depends(current)]) -> str:
        return str(user.id)

    return made.bearers(app, [it.token for it in tokens], [str(it.id) for it in users])


@asynccontextmanager
async def _filled(engine: Any, make: Any, *groups: list[Any]) -> AsyncIterator[None]:
    """The tables of fastapi-users, with these rows, group by group."""
    from benchmarks._peer_fastapi import Base

    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with make() as session:
        for rows in groups:
            session.add_all(rows)
            await session.flush()
        await session.commit()
    yield


APPS: dict[str, Callable[[Path], Made]] = {
    "FastAPI": bare,
    "FastAPI, devsess": devsess,
    "FastAPI, devsess, asked by the view": devsess_in_view,
    "FastAPI, Starlette's SessionMiddleware": signed_cookie,
    "FastAPI, PyJWT in a dependency": pyjwt,
    "FastAPI, fastapi-users with a database": fastapi_users,
}
