"""
`SESSION_ENGINE`: Django's session, whose sign-in is devsess's.

Django's auth reads and writes three keys of `request.session`. Here they are those of the
session of devsess: read from it, which costs no query, and written by a sign-in. Nothing
else in Django has to know. All other keys go to one of Django's own engines. While somebody
is signed in their place is tied to the session, and unreachable once that has ended: no
person finds the data of another in the same browser.

In a row of Django's there is nothing that signs anybody in.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from devsess.django import signins
from devsess.django.known import is_known
from devsess.django.links import OfToken
from devsess.django.project import project
from devsess.django.threads import in_thread

if TYPE_CHECKING:
    from devsess.django.links import Link
    from devsess.django.signins import SignIn
    from devsess.models import Session

_SALT = "devsess.django.data"
_SETTING = "DEVSESS: session_engine"
# Keys of Django's, of people who are not signed in. Those of others are longer, and no
# browser that sends one gets at its data.
_ANONYMOUS = re.compile(r"[a-z0-9]{32}")
_MISSING: Any = object()


def engine_named(name: str) -> Any:
    """
    The class of the engine *name*, for the rest of a session.

    Raises:
        ImproperlyConfigured: If there is none, or it cannot keep that.
    """
    if name == "django.contrib.sessions.backends.signed_cookies":
        raise ImproperlyConfigured(f"{_SETTING}: signed cookies cannot be ended with a sign-in")
    try:
        found = import_module(name).SessionStore
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"{_SETTING}: {error}") from error
    if issubclass(found, SessionStore):
        raise ImproperlyConfigured(f"{_SETTING}: {name} keeps no data itself")
    return found


def data_engine() -> Any:
    """The class of Django's that keeps the rest of a session."""
    return engine_named(project().options.session_engine)


def is_anonymous(value: str) -> bool:
    """Whether a cookie's value is the key of a session that nobody is signed in to."""
    return _ANONYMOUS.fullmatch(value) is not None


def data_key(session: Session) -> str:
    """The key of the data of a signed-in session: nobody can compute it from the id alone."""
    digest: str = salted_hmac(_SALT, session.id, algorithm="sha256").hexdigest()
    return digest[:40]


class SessionStore(SessionBase):
    """
    A session of Django's.

    Args:
        session_key: The value of the session's cookie: an access token, or the key of a
            session that nobody is signed in to.
        link: The sign-in, where a request has one.

    Attributes:
        accessed, modified: As Django has them, for all but the sign-in.
        was_sent: Whether a browser sent the key of a session that nobody is signed in to.
    """

    # SessionBase would import the serializer, for each request: only an engine needs it.
    def __init__(self, session_key: str | None = None, *, link: Link | None = None) -> None:
        self.accessed = False
        self.modified = False
        self._anonymous = session_key if session_key and is_anonymous(session_key) else None
        self.was_sent = self._anonymous is not None
        self._given_link = link
        self._given_token = None if self._anonymous else session_key
        self._pending: dict[str, str] = {}
        self._kept: Any = None
        self._kept_for: str | None = None

    @property
    def _link(self) -> Link:
        if self._given_link is None:
            self._given_link = OfToken(self._given_token, project().sessions)
        return self._given_link

    @property
    def _data(self) -> Any:
        """The engine's own session, which keeps the rest."""
        session = self._link.session
        owner = None if session is None else session.id
        if owner != self._kept_for:
            if self._kept_for is not None:  # that of nobody goes along with a sign-in
                self._anonymous = self._kept = None
            self._kept_for = owner
        if self._kept is None:
            key = self._anonymous if session is None else data_key(session)
            self._kept = data_engine()(key)
        return self._kept

    # Read by Django.

    def _get_session(self, no_load: bool = False) -> dict[str, Any]:
        self.accessed = True
        found: dict[str, Any] = self._data._get_session(no_load)
        return found

    async def _aget_session(self, no_load: bool = False) -> dict[str, Any]:
        self.accessed = True
        if hasattr(self._data, "_aget_session"):
            found: dict[str, Any] = await self._data._aget_session(no_load)
            return found
        read: dict[str, Any] = await in_thread(self._get_session)(no_load)
        return read

    _session = property(_get_session)

    @property
    def session_key(self) -> str | None:
        """The key of the data; in a test client the value of its cookie."""
        session, token = self._link.session, self._link.token
        if token is not None:
            return token
        key: str | None = self._data.session_key if session is None else data_key(session)
        return key

    def is_empty(self) -> bool:
        """Whether nobody is signed in, and there is no data."""
        if self._pending or self._link.session is not None:
            return False
        return self._data.is_empty() if self._kept is not None else self._anonymous is None

    def __getitem__(self, key: str) -> Any:
        if key not in signins.KEYS:
            return super().__getitem__(key)
        found = self._fact(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        if key not in signins.KEYS:
            return bool(super().__contains__(key))
        return self._fact(str(key)) is not None

    has_key = __contains__

    def get(self, key: str, default: Any = None) -> Any:
        """As Django's."""
        if key not in signins.KEYS:
            return super().get(key, default)
        found = self._fact(key)
        return default if found is None else found

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in signins.KEYS:
            super().__setitem__(key, value)
            return
        session = self._link.session
        if key == HASH_SESSION_KEY and session is not None and SESSION_KEY not in self._pending:
            # The password has changed, and this session goes on under the new one.
            self._link.go_on_under(value)
            return
        self._pending[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        if key not in signins.KEYS:
            super().__delitem__(key)
        elif key == SESSION_KEY:
            self._end()

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """As Django's."""
        if key not in signins.KEYS:
            return super().pop(key) if default is _MISSING else super().pop(key, default)
        found = self[key] if default is _MISSING else self.get(key, default)
        del self[key]
        return found

    def _fact(self, key: str) -> str | None:
        if key in self._pending:
            return self._pending[key]
        session = self._link.session
        return None if session is None else signins.fact_of(session, key)

    # The same where they are awaited. A row may have to be read, or written.

    async def aget(self, key: str, default: Any = None) -> Any:
        """As Django's."""
        if key not in signins.KEYS:
            return await super().aget(key, default)
        return await in_thread(self.get)(key, default)

    async def ahas_key(self, key: str) -> bool:
        """As Django's."""
        if key not in signins.KEYS:
            return bool(await super().ahas_key(key))
        return bool(await in_thread(self.__contains__)(key))

    async def aset(self, key: str, value: Any) -> None:
        """As Django's."""
        if key in signins.KEYS:
            await in_thread(self.__setitem__)(key, value)
        else:
            await super().aset(key, value)

    async def apop(self, key: str, default: Any = _MISSING) -> Any:
        """As Django's."""
        return await in_thread(self.pop)(key, default)

    async def aflush(self) -> None:
        """As Django's."""
        await in_thread(self.flush)()

    async def acycle_key(self) -> None:
        """As Django's."""
        await in_thread(self.cycle_key)()

    # Changes.

    def flush(self) -> None:
        """Forget the data, and sign out; of several accounts one that another follows stays."""
        data, session = self._data, self._link.session
        if self._link.set_aside():
            if self.modified and session is not None:
                _save_tied(data, session)  # the account may stay
            self._pending.clear()
            self.accessed = self.modified = True
            return
        self.settle()
        self._data.flush()
        self.accessed = self.modified = True
        self._end()

    def leave(self) -> None:
        """Let the next `flush` sign out, whoever signs in after it."""
        self._link.leave()

    def settle(self) -> None:
        """Sign out the account that `flush` has set aside: Django's `login` did not follow."""
        aside = self._link.aside
        if aside is not None:
            self._link.end()
            self._forget(aside)

    def _forget(self, ended: Session) -> None:
        data_engine()(data_key(ended)).delete()

    def _end(self) -> None:
        self._pending.clear()
        self._link.end()
        self._anonymous = self._kept = None

    def clear(self) -> None:
        """Forget the data; who is signed in stays so."""
        self._data.clear()
        self.accessed = self.modified = True

    def drop_read(self) -> None:
        """Leave behind what was read, as of nobody: who acts from now on has their own data."""
        self._kept = None

    def cycle_key(self) -> None:
        """Move the data of nobody to another key; that of a session moves with a sign-in."""
        if self._link.session is None and self._data.session_key is not None:
            self._data.cycle_key()
            self.modified = True

    def sign_in(self) -> None:
        """
        Sign in whom Django's auth has written into this session; the data goes along.

        Errors as for SessionManager.login.
        """
        keys, self._pending = self._pending, {}
        if self._link.aside is not None and not is_known(self._link.aside):
            self.settle()  # no `login` has flushed it, but Django's auth, which knows it no longer
        before, session, aside = self._data, self._link.session, self._link.aside
        sign_in = signins.sign_in_of(keys, persistent=not self.get_expire_at_browser_close())
        try:
            replaced = self._link.sign_in(sign_in)
        except BaseException:
            if aside is not None:  # is back
                self.drop_read()
            raise
        is_theirs = session is None or session.user_id == sign_in.user_id
        data = before._get_session() if is_theirs else {}
        before.delete()
        self._anonymous = self._kept = None
        if aside is not None and not _is_live(aside):
            self._forget(aside)
        elif replaced is not None and session is None:
            data = {**self._taken_from(replaced, sign_in), **data}
        if data:
            self._data._session_cache = data
            self.modified = True

    def _taken_from(self, replaced: Session, sign_in: SignIn) -> dict[str, Any]:
        """The data of a session in another slot, if it was the same user's, by the same hash."""
        kept = data_engine()(data_key(replaced))
        found: dict[str, Any] = kept._get_session()
        kept.delete()
        return found if signins.is_same(replaced, sign_in) else {}

    @property
    def has_sign_in(self) -> bool:
        """Whether Django's auth has written a sign-in that was not made yet."""
        return SESSION_KEY in self._pending

    # Those of an engine.

    def save(self, must_create: bool = False) -> None:
        """Make the sign-in, if there is one to make, and keep the data."""
        if self.has_sign_in:
            self.sign_in()
        session = self._link.session
        if session is None:
            self._data.save(must_create)
        elif self._data._get_session():
            _save_tied(self._data, session)
        elif self._data.session_key is not None:
            self._data.delete()

    async def asave(self, must_create: bool = False) -> None:
        """See save."""
        await in_thread(self.save)(must_create)

    def create(self) -> None:
        """A place for the data of nobody."""
        self._data.create()
        self.modified = True

    def load(self) -> dict[str, Any]:
        """The data."""
        found: dict[str, Any] = self._data.load()
        return found

    def delete(self, session_key: str | None = None) -> None:
        """Forget the data under a key."""
        self._data.delete(session_key)

    def exists(self, session_key: str) -> bool:
        """Whether there is data under a key."""
        return bool(self._data.exists(session_key))

    @classmethod
    def clear_expired(cls) -> None:
        """Delete data that is past its time, and records of exchanges once there are no more."""
        from devsess.django import exchange  # late: its models are there once the apps are

        data_engine().clear_expired()
        exchange.clear_expired()


def _save_tied(data: Any, session: Session) -> None:
    """Keep *data* under the key that *session* leads to."""
    data._session_key = data_key(session)
    try:
        data.save()
    except UpdateError:  # the first data of this session
        try:
            data.save(must_create=True)
        except CreateError:  # but for that of another request, just now
            data.save()


def _is_live(session: Session) -> bool:
    found = project().sessions.get(session.id)
    return found is not None and found.is_active
