"""
The devsess command.

Exit codes: 0 done, 1 not found or nothing ended, 2 wrong usage, 3 store unavailable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar

import click

from devsess import __version__
from devsess import _cli_output as output
from devsess._cli_bench import bench
from devsess._cli_store import NOT_FOUND, USAGE, check_there, exit_codes, fail, store_option
from devsess._cli_tune import tune
from devsess.errors import ConfigurationError, SessionNotFoundError
from devsess.keys import Keys, generate_pem, generate_secret
from devsess.manager import SessionManager
from devsess.policy import DAY, MAX_SPAN, Policy, Privacy

BATCH = 500
RETENTION_DAYS = 90
DEVICE_DAYS = 400
# The application's policy is not known here: the deadlines it wrote are the measure, and no others.
UNBOUNDED = MAX_SPAN

F = TypeVar("F", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="devsess")
def main() -> None:
    """Sessions of devices: look at them, end them, clean up."""


def _store(command: F) -> F:
    """
    Give *command* the option --store and a manager of it, and errors their exit codes.

    Options named `retention` and `device_retention`, in days, go into the manager's policy.
    """

    @store_option
    @exit_codes
    @wraps(command)
    def with_store(
        store: str,
        retention: int = RETENTION_DAYS,
        device_retention: int = DEVICE_DAYS,
        **options: Any,
    ) -> None:
        check_there(store)
        # Nothing is minted or verified here: any key will do.
        policy = _policy(retention, device_retention)
        with SessionManager(store, keys=generate_secret(), policy=policy) as sessions:
            command(sessions=sessions, **options)

    return with_store  # type: ignore[return-value]


def _policy(retention: int, device_retention: int) -> Policy:
    return Policy(
        idle_timeout=UNBOUNDED,
        absolute_lifetime=UNBOUNDED,
        privacy=Privacy(retention=retention * DAY, device_retention=device_retention * DAY),
    )


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_reason = click.option("--reason", default="revoked", show_default=True, help="Kept in the record.")
_actor = click.option("--actor", default="command line", show_default=True, help="Who does it.")


@main.command()
@_as_json
def demo(*, as_json: bool) -> None:
    """Show what devsess does, on a database that is thrown away."""
    from devsess._cli_demo import run

    sys.exit(0 if run(as_json=as_json) else 1)


@main.command("list")
@click.argument("user")
@click.option("--all", "include_ended", is_flag=True, help="Ended ones too.")
@_as_json
@_store
def list_(sessions: SessionManager, user: str, *, include_ended: bool, as_json: bool) -> None:
    """List the sessions of USER, newest activity first."""
    found = sessions.list(user, include_ended=include_ended)
    if as_json:
        output.as_json({"sessions": [output.session_json(it) for it in found]})
    else:
        output.sessions(found)
    sys.exit(0 if found else NOT_FOUND)


@main.command()
@click.argument("session")
@click.option("--user", help="Only if it is this user's.")
@_reason
@_actor
@_as_json
@_store
def revoke(
    sessions: SessionManager,
    session: str,
    user: str | None,
    reason: str,
    actor: str,
    *,
    as_json: bool,
) -> None:
    """End SESSION."""
    ended = sessions.revoke(session, user_id=user, reason=reason, actor=actor)
    if as_json:
        output.as_json({"session": session, "ended": ended})
    else:
        click.echo("ended" if ended else "there is no such session", err=not ended)
    sys.exit(0 if ended else NOT_FOUND)


@main.command("revoke-all")
@click.argument("user", required=False)
@click.option("--keep", help="The id of a session of theirs that goes on.")
@click.option("--everyone", is_flag=True, help="The sessions of all users.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_reason
@_actor
@_as_json
@_store
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
    """End all sessions of USER; sign-ins that are under way are refused."""
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
        return sessions.revoke_all(user, keep=keep, reason=reason, actor=actor)
    except SessionNotFoundError:
        fail(f"{user} has no session {keep}: nothing was ended", NOT_FOUND)


@main.command()
@click.argument("user")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--cursor", help="Go on behind a page, as it said.")
@_as_json
@_store
def history(
    sessions: SessionManager, user: str, limit: int, cursor: str | None, *, as_json: bool
) -> None:
    """Show what happened to USER's account, newest first."""
    page = sessions.history(user, limit=limit, cursor=cursor)
    if as_json:
        output.as_json({"events": [it.to_dict() for it in page], "next": page.next})
    else:
        output.events(page)
        if page.next:
            click.echo(f"\nolder: --cursor {page.next}")
    sys.exit(0 if page.items else NOT_FOUND)


@main.command()
@click.argument("user")
@_as_json
@_store
def devices(sessions: SessionManager, user: str, *, as_json: bool) -> None:
    """List the devices of USER, latest sign-in first."""
    found = sessions.devices(user)
    if as_json:
        output.as_json({"devices": [it.to_dict() for it in found]})
    else:
        output.devices(found)
    sys.exit(0 if found else NOT_FOUND)


@main.command()
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows.")
@click.option(
    "--retention",
    type=click.IntRange(1, 36_500),
    default=RETENTION_DAYS,
    show_default=True,
    help="Days that ended sessions and events are kept.",
)
@click.option(
    "--device-retention",
    type=click.IntRange(1, 36_500),
    default=DEVICE_DAYS,
    show_default=True,
    help="Days after its latest sign-in that a device is still known.",
)
@_as_json
@_store
def purge(sessions: SessionManager, limit: int | None, *, as_json: bool) -> None:
    """Delete what is past its retention; safe from cron."""
    deleted = 0
    with click.progressbar(
        length=limit or 0,
        label="purging",
        file=sys.stderr,
        hidden=as_json or not sys.stderr.isatty(),
        show_pos=True,
        show_eta=False,
        show_percent=limit is not None,
    ) as progress:
        while limit is None or deleted < limit:
            batch = sessions.purge(limit=min(BATCH, (limit or BATCH + deleted) - deleted))
            if not batch:
                break
            deleted += batch
            progress.update(batch)
    output.as_json({"deleted": deleted}) if as_json else click.echo(f"{deleted} rows deleted")


@main.command()
@_as_json
@_store
def migrate(sessions: SessionManager, *, as_json: bool) -> None:
    """Bring the store's schema up to date."""
    steps = sessions.migrate()
    if as_json:
        output.as_json({"steps": steps})
    else:
        click.echo("\n".join(steps) if steps else "the schema is up to date")


main.add_command(bench)
main.add_command(tune)


@main.group()
def keys() -> None:
    """Make keys, and show the public ones."""


@keys.command("new")
@click.option(
    "--alg",
    type=click.Choice(["HS256", "EdDSA", "ES256"]),
    default="HS256",
    show_default=True,
    help="HS256 is a secret; the others are private keys in PEM.",
)
@_as_json
def new_key(alg: Literal["HS256", "EdDSA", "ES256"], *, as_json: bool) -> None:
    """Print a new key. Keep it where you keep your secrets."""
    key = generate_secret() if alg == "HS256" else generate_pem(alg)
    output.as_json({"alg": alg, "key": key}) if as_json else click.echo(key.rstrip())


@keys.command()
@click.argument("key_file", type=click.File("r"), default="-")
def jwks(key_file: Any) -> None:
    """Print the JWK set of the private or public key in KEY_FILE (standard input if left out)."""
    try:
        # The set says nothing of the secret, which the others need: any will do.
        shown = Keys(generate_secret(), key_file.read().strip(), secret=generate_secret()).jwks()
    except ConfigurationError as error:
        fail(str(error), USAGE)
    output.as_json(shown)
