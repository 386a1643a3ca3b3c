"""The facts that Django's auth keeps of a sign-in, as a claim of a session of devsess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from devsess.manager import SessionManager
    from devsess.models import Session

KEYS = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)
# One name for all that the app keeps of a session, which `update` leaves alone. It lies in the
# session's row, as it does in Django's, and never travels.
CLAIM = "devsess.django"
_NEW = "new"


@frozen
class Facts:
    """
    The facts that the app keeps of a session.

    Attributes:
        backend: Of Django's auth; empty for a sign-in past it.
        password_hash: That of the password that the session was made under; empty for none.
        is_new: Whether an old credential was exchanged for the session, and nobody has come
            with its tokens yet.
    """

    backend: str = ""
    password_hash: str = field(default="", repr=False)
    is_new: bool = False

    def within(self, claims: Mapping[str, object] | None) -> dict[str, object]:
        """*claims*, with these facts among them."""
        kept = [self.backend, self.password_hash, *([_NEW] if self.is_new else [])]
        return {**(claims or {}), CLAIM: kept}


def facts_in(claims: Mapping[str, object] | None) -> Facts | None:
    """
    The facts among *claims*; None for a session that was signed in past the app.

    Facts that are there and cannot be read are of no password: nobody is signed in by them.
    """
    if claims is None or CLAIM not in claims:
        return None
    found = claims[CLAIM]
    if not isinstance(found, Sequence) or isinstance(found, str) or len(found) not in (2, 3):
        return Facts()
    return Facts(str(found[0]), str(found[1]), _NEW in found[2:])


@frozen
class SignIn:
    """
    A sign-in that Django's auth has made.

    Attributes:
        user_id: The primary key, as text.
        claims: The backend and the password's hash.
        persistent: Whether it outlives the browser.
        amr: How the person proved themselves, where the backend says so.
    """

    user_id: str
    claims: dict[str, object] = field(repr=False)
    persistent: bool
    amr: tuple[str, ...]


def sign_in_of(keys: Mapping[str, str], *, persistent: bool) -> SignIn:
    """The sign-in that Django's three keys describe."""
    backend = keys.get(BACKEND_SESSION_KEY, "")
    claims = Facts(backend, keys.get(HASH_SESSION_KEY, "")).within(None)
    return SignIn(str(keys[SESSION_KEY]), claims, persistent, amr_of(backend))


def amr_of(backend: str) -> tuple[str, ...]:
    """A password, where the backend is Django's own; of others nothing is known."""
    from django.contrib.auth.backends import BaseBackend, ModelBackend

    try:
        found = load_backend(backend)
    except (ImportError, ValueError):
        return ()
    is_own = isinstance(found, ModelBackend) and isinstance(found, BaseBackend)
    checks = type(found).authenticate is ModelBackend.authenticate
    return ("pwd",) if is_own and checks else ()


def fact_of(session: Session, key: str) -> str | None:
    """The value that Django's auth would find under *key* in a session of its own, or None."""
    if key == SESSION_KEY:
        return session.user_id if is_key(session.user_id) else None
    facts = facts_in(session.claims)
    if key == BACKEND_SESSION_KEY:
        return (facts.backend if facts else "") or settings.AUTHENTICATION_BACKENDS[0]
    # A session that was signed in by other means than Django's: by the manager, or before
    # there was this app. No password stands behind it, so that none can have changed.
    return hash_of(session.user_id) if facts is None else facts.password_hash


def is_same(session: Session, sign_in: SignIn) -> bool:
    """Whether a sign-in is of the user of *session*, by the password that stands behind it."""
    made_by = facts_in(sign_in.claims) or Facts()
    is_theirs = session.user_id == sign_in.user_id
    return is_theirs and fact_of(session, HASH_SESSION_KEY) == made_by.password_hash


def with_hash(claims: Mapping[str, object], password_hash: str) -> dict[str, object]:
    """*claims*, under another password."""
    return evolve(facts_in(claims) or Facts(), password_hash=password_hash).within(claims)


def as_new(claims: Mapping[str, object] | None) -> dict[str, object]:
    """*claims* for a session that an old credential is exchanged for."""
    return evolve(facts_in(claims) or Facts(), is_new=True).within(claims)


def as_presented(claims: Mapping[str, object]) -> dict[str, object]:
    """*claims* once somebody came with the session's tokens."""
    return evolve(facts_in(claims) or Facts(), is_new=False).within(claims)


def change(
    manager: SessionManager,
    session: Session,
    how: Callable[[Mapping[str, object]], dict[str, object]],
) -> Session:
    """
    *session* once *how* has changed its claims: those of now, which others write as well.

    Errors as for SessionManager.update.
    """
    now = manager.get(session.id) or session
    return manager.update(session.id, claims=how(now.claims))


def is_new(session: Session) -> bool:
    """See Facts."""
    facts = facts_in(session.claims)
    return facts is not None and facts.is_new


def claims_for(user_id: str, claims: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """*claims* for a sign-in past Django's: with the hash of the user's password."""
    facts = facts_in(claims)
    if facts is not None and facts.password_hash:
        return claims
    found = hash_of(user_id)
    return claims if found is None else with_hash(claims or {}, found)


def hash_of(user_id: str) -> str | None:
    """The hash of a user's password; None if there is no such user, or none is kept."""
    if not is_key(user_id):
        return None
    user: Any = get_user_model()._default_manager.filter(pk=user_id).first()
    compute = getattr(user, "get_session_auth_hash", None)
    return None if compute is None else str(compute())


def key_of(user: Any) -> str:
    """The `user_id` of a user: the primary key of the user's model, also of a model below it."""
    key = get_user_model()._meta.pk
    return str(key.value_to_string(user))


def is_key(user_id: str) -> bool:
    """Whether it may be a primary key: others may keep their sessions in the same store."""
    try:
        get_user_model()._meta.pk.to_python(user_id)
    except ValidationError:
        return False
    return True
