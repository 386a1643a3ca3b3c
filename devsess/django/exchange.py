"""
Old credentials, exchanged for sessions of devsess: each once, until a date.

A client that presents one which was exchanged already has lost the answer, is another tab of the
same browser, or a thief. While nobody has come with the new tokens, the answer was lost: after
the grace period the session gives way to another one. Within it a tab is served, without
tokens of its own, and a program is asked to wait. Once the new tokens were presented the
old credential is worth nothing, within the grace period too.

A hash of it is kept. The session's sign-in is dated no later than the old one was.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import nullcontext
from os.path import realpath
from typing import TYPE_CHECKING

from attrs import field, frozen
from django.db import IntegrityError, connections, router, transaction
from django.utils import timezone

from devsess import lifecycle
from devsess.adapters._current import exchange_of
from devsess.django import signins
from devsess.django.models import Exchange
from devsess.django.project import project
from devsess.errors import LoginDeniedError, StepUpRequiredError
from devsess.stores.rows import REPLACED

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from devsess.adapters._current import Current
    from devsess.models import Grant, Session

log = logging.getLogger("devsess")

# Seconds in which another tab, or the one whose answer was lost, may still come with it.
GRACE = 60.0


@frozen
class Old:
    """
    An old credential that is good.

    Attributes:
        kind: "session", "simplejwt", "knox" or "authtoken".
        digest: Stands for it.
        user_id: The account.
        auth_time: Seconds since 1970; the sign-in is not known to be later.
        claims: For the new session.
    """

    kind: str
    digest: str
    user_id: str
    auth_time: float
    claims: Mapping[str, object] | None = field(default=None, repr=False)


class WaitError(Exception):
    """It was exchanged a moment ago, and nobody has come with the new tokens yet."""


def digest_of(kind: str, credential: str) -> str:
    """The text that stands for an old credential."""
    return hashlib.sha256(f"{kind}\0{credential}".encode()).hexdigest()


def is_open() -> bool:
    """Whether credentials are exchanged today."""
    until = project().options.exchange_until
    return until is not None and not lifecycle.is_over(until.timestamp(), _now())


def counts() -> dict[str, int]:
    """How many credentials of each kind were exchanged so far, by all processes."""
    from django.db.models import Count

    found = Exchange.objects.values_list("kind").annotate(Count("pk")).order_by("kind")
    return dict(found)


def clear_expired() -> None:
    """Delete all records once nothing is exchanged any more: none has to be refused then."""
    if not is_open():
        Exchange.objects.all().delete()


def again(digest: str) -> tuple[Session | None, Exchange | None]:
    """
    The session that a credential was exchanged for, and the record of that.

    (None, record): it is over, or the record is of a session that is gone. (None, None): it was
    not exchanged.
    """
    record = Exchange.objects.filter(pk=digest).first()
    if record is None:
        return None, None
    session = project().sessions.get(record.session_id)
    if session is not None and session.is_active:
        return session, record
    # It may be giving way to another one at this moment: to write the record waits for that.
    same = Exchange.objects.filter(pk=digest, session_id=record.session_id)
    return (None, record) if same.update(session_id=record.session_id) else again(digest)


def is_presented(session: Session) -> bool:
    """Whether anybody came with its tokens."""
    return not signins.is_new(session)


def is_recent(record: Exchange) -> bool:
    """Whether it may be another tab that asks."""
    return not lifecycle.is_over(record.at.timestamp() + GRACE, _now())


def _now() -> float:
    return float(timezone.now().timestamp())


def sign_in(current: Current, old: Old, *, cookies: bool) -> Grant | None:
    """
    A session for an old credential that was never exchanged; None if another request was first.

    None also where the sign-in is refused: the person signs in once more, as anybody whose
    account's sessions were ended since.
    """
    grant = _signed_in(current, old, cookies=cookies)
    if grant is not None:
        log.info("a credential of the kind %s was exchanged for a session", old.kind)
    return grant


def _signed_in(current: Current, old: Old, *, cookies: bool) -> Grant | None:
    if _may_share_file():
        return _signed_in_first(current, old, cookies=cookies)
    with _alone():
        record = _claimed(old)
        if record is None:
            return None
        grant = _login(current, old, cookies=cookies)
        if grant is None:
            record.delete()
            return None
        record.session_id = grant.session.id
        record.save(update_fields=["session_id"])
    return grant


def _signed_in_first(current: Current, old: Old, *, cookies: bool) -> Grant | None:
    """As `_signed_in`, where nobody can wait: of several sessions all but one end."""
    grant = _login(current, old, cookies=cookies)
    if grant is not None and _claimed(old, grant.session.id) is None:
        _end(grant.session)
        return None
    return grant


def replace(current: Current, record: Exchange, session: Session, *, cookies: bool) -> Grant | None:
    """A session in the place of one whose tokens never arrived; None if another was first."""
    began = session.auth_time.timestamp()
    old = Old(record.kind, record.digest, session.user_id, began, session.claims)
    with _alone():
        ours = Exchange.objects.filter(pk=record.pk, session_id=session.id)
        if not ours.update(session_id=session.id):  # written, it is locked
            return None
        if exchange_of(current).core.policy.on_limit == "reject":
            _end(session)  # or there may be no room
        grant = _login(current, old, cookies=cookies)
        if grant is None:
            return None
        if not ours.update(session_id=grant.session.id, at=timezone.now()):
            _end(grant.session)  # nobody waited
            return None
    _end(session)
    return grant


def _alone() -> AbstractContextManager[object]:
    """
    A transaction in which the record is written before the sign-in, so that all others wait.

    A session too many, which ends at once, could have ended others at a limit, and they may be in
    use. It is no transaction where the sign-in itself would wait for it.
    """
    alias = router.db_for_write(Exchange)
    return nullcontext() if _may_share_file() else transaction.atomic(using=alias)


def _may_share_file() -> bool:
    """Whether the store may write the records' SQLite file, over a connection of its own."""
    ours, options = connections[router.db_for_write(Exchange)], project().options
    if ours.vendor != "sqlite" or options.own is not None:
        return False
    if options.manager is not None:
        return True  # nothing says where its store is
    theirs: object = options.store
    if options.database is not None:
        theirs = connections[options.database].settings_dict["NAME"]
    return realpath(str(theirs)) == realpath(str(ours.settings_dict["NAME"]))


def _claimed(old: Old, session_id: str = "") -> Exchange | None:
    """A new record of a credential; None if there is one already."""
    try:
        with transaction.atomic(using=router.db_for_write(Exchange)):
            record: Exchange = Exchange.objects.create(
                digest=old.digest,
                kind=old.kind,
                user_id=old.user_id,
                session_id=session_id,
                at=timezone.now(),
            )
    except IntegrityError:
        return None
    return record


def _login(current: Current, old: Old, *, cookies: bool) -> Grant | None:
    try:
        grant = current.login(
            old.user_id,
            amr=(),
            auth_time=old.auth_time,
            persistent=True,
            claims=signins.as_new(old.claims),
            cookies=cookies,
        )
    except (LoginDeniedError, StepUpRequiredError) as error:
        log.warning("a credential of the kind %s was not exchanged: %s", old.kind, error)
        return None
    # Nobody has signed in: the forms of pages from before stay good.
    exchange_of(current).has_switched = False
    return grant


def _end(session: Session) -> None:
    project().sessions.revoke(session.id, user_id=session.user_id, reason=REPLACED)
