"""What Django's auth keeps of a sign-in, as claims of a session of devsess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
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
    from devsess.models import Session

KEYS = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)
# The backend, and the hash of the password that the session was made under. It lies in
# the session's row, as it does in Django's, and never travels.
CLAIM = "django"
# Of a session that an old credential was exchanged for, until anybody comes with its tokens.
NEW = "exchanged"


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
    claims: dict[str, object] = {CLAIM: [backend, keys.get(HASH_SESSION_KEY, "")]}
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
    """What Django's auth would find under *key* in a session of its own; None for nothing."""
    if key == SESSION_KEY:
        return session.user_id if is_key(session.user_id) else None
    backend, password_hash = _claimed(session)
    if key == BACKEND_SESSION_KEY:
        return backend or settings.AUTHENTICATION_BACKENDS[0]
    # A session that was signed in by other means than Django's: by the manager, or before
    # there was this app. No password stands behind it, so that none can have changed.
    return password_hash if password_hash is not None else hash_of(session.user_id)


def with_hash(session: Session, password_hash: str) -> dict[str, object]:
    """The claims of *session*, under another password."""
    backend, _ = _claimed(session)
    return {**session.claims, CLAIM: [backend, password_hash]}


def claims_for(user_id: str, claims: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """*claims* for a sign-in past Django's: with the hash of the user's password."""
    if claims is not None and CLAIM in claims:
        return claims
    found = hash_of(user_id)
    return claims if found is None else {**(claims or {}), CLAIM: ["", found]}


def hash_of(user_id: str) -> str | None:
    """The hash of a user's password; None if there is no such user, or none is kept."""
    if not is_key(user_id):
        return None
    user: Any = get_user_model()._default_manager.filter(pk=user_id).first()
    compute = getattr(user, "get_session_auth_hash", None)
    return None if compute is None else str(compute())


def _claimed(session: Session) -> tuple[str, str | None]:
    found = session.claims.get(CLAIM)
    if not found or len(found) != 2:
        return "", None
    return str(found[0]), str(found[1])


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
