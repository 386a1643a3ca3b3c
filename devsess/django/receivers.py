"""What Django tells its apps: who signed in, whose password changed, which settings did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_backends, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.core.signals import setting_changed
from django.db import connections, transaction
from django.db.models.signals import post_delete, post_save, pre_migrate

from devsess.django.current import SERVED
from devsess.django.project import LABEL, project

if TYPE_CHECKING:
    from django.http import HttpRequest

PASSWORD_CHANGED = "password-change"  # noqa: S105 - a reason
CLOSED, DELETED = "account-closed", "account-deleted"
_OURS = ("DEVSESS", "DATABASES", "SECRET_KEY", "SECRET_KEY_FALLBACKS")


def connect() -> None:
    """Once, when the app is ready."""
    user_logged_in.connect(sign_in, dispatch_uid="devsess.sign_in")
    # Of all models: a proxy of the user's, as admins register them, is a sender of its own.
    post_save.connect(end_others, dispatch_uid="devsess.end_others")
    post_save.connect(
        end_closed, sender=settings.AUTH_USER_MODEL, dispatch_uid="devsess.end_closed"
    )
    post_delete.connect(
        end_deleted, sender=settings.AUTH_USER_MODEL, dispatch_uid="devsess.end_deleted"
    )
    setting_changed.connect(read_anew, dispatch_uid="devsess.read_anew")
    pre_migrate.connect(migrate, dispatch_uid="devsess.migrate")


def sign_in(request: HttpRequest | None = None, **_: Any) -> None:
    """
    Sign in at once, so that the view that called `login` hears of a refusal.

    Where no request is served, as in a test client, `save` does it.
    """
    store: Any = getattr(request, "session", None)
    if getattr(request, "devsess", None) is not None and getattr(store, "has_sign_in", False):
        store.sign_in()


def end_others(instance: Any, created: bool, using: str, **_: Any) -> None:
    """
    End the sessions of a user whose password has changed, once that is committed.

    The session in which it was changed stays, as Django's own does. `_password` is what
    Django's `save` itself goes by: set by `set_password`, but not by an upgrade of the hash.
    """
    if created or getattr(instance, "_password", None) is None:
        return
    if not isinstance(instance, get_user_model()):
        return
    user_id = instance._meta.pk.value_to_string(instance)
    current = SERVED.get()

    def end() -> None:
        # The session as it is by then: a reset may have signed in, in the same transaction.
        session = None if current is None else current.session
        keep = session.id if session is not None and session.user_id == user_id else None
        project().sessions.revoke_all(user_id, keep=keep, reason=PASSWORD_CHANGED)

    transaction.on_commit(end, using=using)


def end_closed(instance: Any, created: bool, using: str, **_: Any) -> None:
    """
    End the sessions of a user whom no backend lets in any more, once that is committed.

    Django's `request.user` is nobody from then on; views that ask devsess alone have to agree.
    """
    if created or getattr(instance, "is_active", True):
        return
    checks = [getattr(it, "user_can_authenticate", None) for it in get_backends()]
    if not any(check(instance) for check in checks if check is not None):
        _end_all(instance, using, CLOSED)


def end_deleted(instance: Any, using: str, **_: Any) -> None:
    """End the sessions of a user who is gone, once that is committed."""
    _end_all(instance, using, DELETED)


def _end_all(user: Any, using: str, reason: str) -> None:
    user_id = user._meta.pk.value_to_string(user)
    transaction.on_commit(
        lambda: project().sessions.revoke_all(user_id, reason=reason), using=using
    )


def read_anew(setting: str, **_: Any) -> None:
    """Let tests that override settings have their effect."""
    if setting in _OURS:
        project().forget()


def migrate(app_config: Any, using: str, **_: Any) -> None:
    """Make the store's tables, before Django makes its own in that database."""
    here = project()
    if app_config.label == LABEL and using == here.options.database:
        here.sessions.migrate()
        _close_first(connections[using].creation)


def _close_first(creation: Any) -> None:
    """
    Let the test runner destroy the database of a test: PostgreSQL drops none that is in use.

    Django sends no signal then; this is the one call that it makes, and none but tests do.
    """
    destroy = creation.destroy_test_db

    def closed(*args: Any, **options: Any) -> None:
        project().close()
        destroy(*args, **options)

    creation.destroy_test_db = closed
