"""Sessions of `django.contrib.sessions` from before the app, exchanged where they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from devsess.adapters import _csrf as csrf
from devsess.adapters._carrier import Credentials
from devsess.django import exchange as exchanging
from devsess.django.known import user_of
from devsess.django.project import project
from devsess.django.sessions import data_engine, is_anonymous
from devsess.django.signins import KEYS, Facts

if TYPE_CHECKING:
    from django.http import HttpRequest

    from devsess.adapters._exchange import Exchange

KIND = "session"
# A request that it signs in is checked as one with cookies of devsess.
_AS_COOKIE = Credentials("cookie", access="old")


class OldSession:
    """
    The old cookie of a request.

    Attributes:
        is_done: Whether the answer should clear it.
    """

    is_done = False

    def __init__(self, request: HttpRequest, exchange: Exchange) -> None:
        self._request = request
        self._exchange = exchange

    def exchange(self) -> None:
        """Sign in the person whose cookie it is, if it is good, and was never exchanged."""
        exchange = self._exchange
        name = project().options.exchange_cookie
        if not exchange.settings.reads_cookies:
            return
        if exchange.credentials.can_sign_in or f"{name}=" not in exchange.request.headers.get(
            "cookie", ""
        ):
            return
        key = self._request.COOKIES.get(name, "")
        if not is_anonymous(key) or not exchanging.is_open():
            return
        if csrf.refusal(exchange.request, _AS_COOKIE, exchange.settings) is None:
            self._exchange_key(key)

    def _exchange_key(self, key: str) -> None:
        digest = exchanging.digest_of(KIND, key)
        session, record = exchanging.again(digest)
        if record is None:
            self._first(key, digest)
        elif session is None or exchanging.is_presented(session):
            self.is_done = True
        elif exchanging.is_recent(record):
            self._exchange.session = session  # another tab is about to have the tokens
        elif exchanging.replace(self._request.devsess, record, session, cookies=True) is None:
            self._follow(digest)
        else:
            self.is_done = True

    def _first(self, key: str, digest: str) -> None:
        store = data_engine()(key)
        user = user_of(store)
        if not user.is_authenticated:
            self._follow(digest)  # its row may have gone since: another tab was first
            return
        facts = Facts(store[BACKEND_SESSION_KEY], store.get(HASH_SESSION_KEY, ""))
        data = {name: value for name, value in store.items() if name not in KEYS}
        old = exchanging.Old(KIND, digest, str(store[SESSION_KEY]), 0.0, facts.within(None))
        if exchanging.sign_in(self._request.devsess, old, cookies=True) is None:
            self._follow(digest)
            return
        if data:
            self._request.session.update(data)
        store.delete()
        self.is_done = True

    def _follow(self, digest: str) -> None:
        """Serve the request in the session of the one that was first, if any was."""
        self._exchange.jar.take_back()
        self._exchange.session = exchanging.again(digest)[0]
