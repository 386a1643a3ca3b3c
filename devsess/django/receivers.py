"""Signals of Django: somebody signed in, or a password, an account or a setting changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_backends, get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import connections, transaction
from django.db.models.signals import class_prepared, post_delete, post_save, pre_migrate

from devsess.django.current import SERVED
from devsess.django.project import LABEL, project
from devsess.django.signins import key_of

if TYPE_CHECKING:
    from django.http import HttpRequest

# Reasons, as people read them in the history.
PASSWORD_CHANGED = "password changed"  # noqa: S105
CLOSED, DELETED = "account closed", "account deleted"
_OURS = ("DEVSESS", "DATABASES", "SECRET_KEY", "SECRET_KEY_FALLBACKS")


def connect() -> None:
    """Once, when the app is ready."""
    user_logged_in.connect(sign_in, dispatch_uid="devsess.sign_in")
    user_logged_out.connect(sign_out, dispatch_uid="devsess.sign_out")
    # Of all models: a proxy or a child of the user's, as admins register them, is a sender of
    # its own.
    post_save.connect(user_saved, dispatch_uid="devsess.user_saved")
    class_prepared.connect(watch, dispatch_uid="devsess.watch")
    for model in apps.get_models():
        watch(model)
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


def sign_out(request: HttpRequest | None = None, **_: Any) -> None:
    """Tell a sign-out from the `flush` that Django's `login` makes for another user."""
    leave = getattr(getattr(request, "session", None), "leave", None)
    if leave is not None:
        leave()


def user_saved(instance: Any, created: bool, using: str, **_: Any) -> None:
    """Follow a user whose row was changed."""
    if not created and isinstance(instance, _user_models()):
        _end_others(instance, using)
        _end_closed(instance, using)


def watch(sender: Any, **_: Any) -> None:
    """
    Follow deletions through *sender*, if it is the user's model or a proxy of that.

    One by one: a receiver for all models would make Django read each row of the project
    that it deletes. A child of the user's model sends a second signal, as the user, unless
    `keep_parents` leaves the user there.
    """
    concrete = {it._meta.concrete_model for it in _user_models()}
    if sender._meta.concrete_model in concrete:
        post_delete.connect(user_deleted, sender=sender, dispatch_uid="devsess.user_deleted")


def user_deleted(instance: Any, using: str, **_: Any) -> None:
    """Forget what was exchanged for a user who is gone, and end their sessions at the commit."""
    from devsess.django.models import Exchange  # late: an app may not import its models

    Exchange.objects.filter(user_id=key_of(instance)).delete()
    _end_all(instance, using, DELETED)


def _user_models() -> tuple[Any, ...]:
    """The user's model; none in a project that has no users."""
    try:
        return (get_user_model(),)
    except ImproperlyConfigured:
        return ()


def _end_others(user: Any, using: str) -> None:
    """
    End the sessions of a user whose password has changed, once that is committed.

    The session in which it was changed stays, as Django's own does. `_password` is what
    Django's `save` itself goes by: set by `set_password`, but not by an upgrade of the hash.
    """
    if getattr(user, "_password", None) is None:
        return
    user_id = key_of(user)
    current = SERVED.get()

    def end() -> None:
        # The session as it is by then: a reset may have signed in, in the same transaction.
        session = None if current is None else current.session
        keep = session.id if session is not None and session.user_id == user_id else None
        project().sessions.revoke_all(user_id, keep=keep, reason=PASSWORD_CHANGED)

    _with(using, end)


def _end_closed(user: Any, using: str) -> None:
    """
    End the sessions of a user whom no backend lets in any more, once that is committed.

    Django's `request.user` is nobody from then on; views that ask devsess alone have to agree.
    """
    if getattr(user, "is_active", True):
        return
    checks = [getattr(it, "user_can_authenticate", None) for it in get_backends()]
    if not any(check(user) for check in checks if check is not None):
        _end_all(user, using, CLOSED)


def _end_all(user: Any, using: str, reason: str) -> None:
    user_id = key_of(user)
    _with(using, lambda: project().sessions.revoke_all(user_id, reason=reason))


def _with(using: str, end: Callable[[], object]) -> None:
    """Call *end* once the transaction is committed; where the store joins it, as a part of it."""
    own = project().options.own
    if own == using:
        end()
    elif own is None:
        transaction.on_commit(end, using=using)
    else:
        transaction.on_commit(lambda: _beside(own, end), using=using)


def _beside(own: str, end: Callable[[], object]) -> None:
    """Call *end*, in no transaction of the store's: what it follows has been committed already."""
    from devsess.django.transactions import watch_of  # late: it needs SQLAlchemy

    watch = watch_of(connections[own])
    if watch.is_open:
        watch.put_off(end)
    else:
        end()


def read_anew(setting: str, **_: Any) -> None:
    """Let tests that override settings have their effect."""
    if setting in _OURS:
        project().forget()


def migrate(app_config: Any, using: str, **_: Any) -> None:
    """Make the store's tables, before Django makes its own in that database."""
    here = project()
    if app_config.label == LABEL and using == here.options.tables:
        here.sessions.migrate()
        if here.options.own is None:
            _close_first(connections[using].creation)


def _close_first(creation: Any) -> None:
    """
    Let the test runner destroy the database of a test: PostgreSQL drops none that is in use.

    Django sends no signal then; this is the one call that it makes, and none but tests do.
    """
    destroy = creation.destroy_test_db
    if getattr(destroy, "closes_devsess", False):
        return  # at an earlier migration

    def closed(*args: Any, **options: Any) -> None:
        project().close()
        destroy(*args, **options)

    closed.closes_devsess = True  # type: ignore[attr-defined]
    creation.destroy_test_db = closed
