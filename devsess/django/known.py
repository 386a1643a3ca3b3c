"""The user whom Django's auth finds behind a session, where no request asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user

from devsess.django import signins

if TYPE_CHECKING:
    from devsess.models import Session


class _Asking:
    """A request as `get_user` knows it."""

    def __init__(self, session: Any) -> None:
        self.session = session


def user_of(session: Any) -> Any:
    """The user whom Django's auth finds in a session of its own, or an AnonymousUser."""
    return get_user(_Asking(session))


class _Keys(dict[str, "str | None"]):
    """Those of Django's auth, as `get_user` reads them and, where they are no good, clears them."""

    def flush(self) -> None:
        self.clear()

    def cycle_key(self) -> None:
        pass  # the session goes on, under another key of the project's


def is_known(session: Session) -> bool:
    """Whether Django's auth still finds the user behind *session*, by the same password."""
    keys = _Keys({key: signins.fact_of(session, key) for key in signins.KEYS})
    return bool(user_of(keys).is_authenticated)
