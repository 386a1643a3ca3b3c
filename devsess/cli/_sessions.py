"""`devsess list`, `show`, `revoke`, `revoke-all`: list the sessions of an account, end them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from devsess.cli import _output as output
from devsess.cli._search import filter_options, revoke_found
from devsess.cli._store import NOT_FOUND, fail
from devsess.cli._table import text
from devsess.cli._with import actor_option, json_option, reason_option, with_sessions
from devsess.errors import SessionNotFoundError, StoreUnavailableError
from devsess.manager import SessionManager
from devsess.models import Session

UNKNOWN = "there is no such session"
# The account's latest events that are searched, and the session's own that are shown.
LOOKED_AT, SHOWN = 1000, 10


@click.command("list")
@click.argument("user")
@click.option("--all", "include_ended", is_flag=True, help="Ended ones too.")
@json_option
@with_sessions
def list_(sessions: SessionManager, user: str, *, include_ended: bool, as_json: bool) -> None:
    """List the sessions of USER, newest activity first."""
    found = sessions.list(user, include_ended=include_ended)
    if as_json:
        output.as_json({"sessions": [output.session_json(it) for it in found]})
    else:
        output.sessions(found)
    sys.exit(0 if found else NOT_FOUND)


@click.command()
@click.argument("session")
@click.option("--user", help="Only if it is this user's.")
@json_option
@with_sessions
def show(sessions: SessionManager, session: str, user: str | None, *, as_json: bool) -> None:
    """Show SESSION, and its latest events."""
    found = sessions.get(session, user_id=user)
    if found is None:
        fail(UNKNOWN, NOT_FOUND)
    page = sessions.history(found.user_id, limit=LOOKED_AT)
    events = [event for event in page if event.session_id == found.id][:SHOWN]
    if as_json:
        output.as_json(
            {
                "session": output.session_facts(found),
                "device": found.device.to_dict(),
                "events": [event.to_dict() for event in events],
            }
        )
    else:
        output.session(found)
        click.echo()
        output.events(events, says_utc=False)


@click.command()
@click.argument("session", required=False)
@filter_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@reason_option
@actor_option
@json_option
@with_sessions
def revoke(
    sessions: SessionManager,
    session: str | None,
    wanted: Mapping[str, Any],
    reason: str,
    actor: str,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """
    End SESSION, or those that are found.

    With --user, only if it is that user's. If it has ended already, the command says so. Without
    SESSION, all live ones end that the options find, after a question.
    """
    if session is None:
        if not wanted:
            raise click.UsageError("name a SESSION, or say which by --user, --ip, --device, ...")
        revoke_found(sessions, wanted, reason, actor, yes=yes, as_json=as_json)
    elif wanted.keys() - {"user_id"}:
        raise click.UsageError("with a SESSION there is no more to say than its --user")
    else:
        _revoke_one(sessions, session, wanted.get("user_id"), reason, actor, as_json=as_json)


def _revoke_one(
    sessions: SessionManager,
    session: str,
    user: str | None,
    reason: str,
    actor: str,
    *,
    as_json: bool,
) -> None:
    before = _before(sessions, session, user)
    ended = sessions.revoke(session, user_id=user, reason=reason, actor=actor)
    already = before is not None and not before.is_active
    if as_json:
        output.as_json({"session": session, "ended": ended, "already": already})
    elif not ended:
        fail(UNKNOWN, NOT_FOUND)
    else:
        click.echo(_had_ended(before) if before and already else "ended")
    sys.exit(0 if ended else NOT_FOUND)


def _before(sessions: SessionManager, session: str, user: str | None) -> Session | None:
    try:
        return sessions.get(session, user_id=user)
    except StoreUnavailableError:
        return None  # an unreadable session can still be ended, or revoke says why not


def _had_ended(session: Session) -> str:
    if session.revoked:
        return (
            f"it was ended already, {text(session.revoked_at)} UTC: {text(session.revoke_reason)}"
        )
    return f"it had expired already, {text(session.expires_at)} UTC"


@click.command("revoke-all")
@click.argument("user", required=False)
@click.option("--keep", help="The id of a session of theirs that goes on.")
@click.option("--everyone", is_flag=True, help="The sessions of all users.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@reason_option
@actor_option
@json_option
@with_sessions
def revoke_all(
    sessions: SessionManager,
    user: str | None,
    keep: str | None,
    reason: str,
    actor: str,
    *,
    everyone: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """
    End all sessions of USER, or of everyone.

    Sign-ins that are under way are refused.
    """
    if everyone == (user is not None) or (everyone and keep):
        raise click.UsageError("name a USER, or say --everyone without --keep")
    if user is not None:
        ended = _end_all(sessions, user, keep, reason, actor)
        shown: dict[str, Any] = {"ended": ended}
        count = len(ended)
    else:
        yes or click.confirm("End the sessions of all users?", abort=True, err=True)
        count = sessions.revoke_everyone(reason=reason, actor=actor)
        shown = {"count": count}
    output.as_json(shown) if as_json else click.echo(f"{count} ended")
    sys.exit(0 if count else NOT_FOUND)


def _end_all(
    sessions: SessionManager, user: str, keep: str | None, reason: str, actor: str
) -> list[str]:
    try:
        return list(sessions.revoke_all(user, keep=keep, reason=reason, actor=actor))
    except SessionNotFoundError:
        fail(f"{user} has no session {keep}: nothing was ended", NOT_FOUND)
