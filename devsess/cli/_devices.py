"""`devsess devices`: the devices of an account: list, name, trust, block and forget them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from devsess.cli import _output as output
from devsess.cli._store import NOT_FOUND, fail
from devsess.cli._table import text
from devsess.cli._with import actor_option, json_option, with_sessions
from devsess.manager import SessionManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.models import Device

MAX_DAYS = 36_500
_USER, _DEVICE = click.argument("user"), click.argument("device")


class ListedByDefault(click.Group):
    """`devices USER` is short for `devices list USER`; so a user named `list` needs both."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        ours = {*self.commands, *self.get_help_option_names(ctx)}
        if args and args[0] not in ours:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListedByDefault)
def devices() -> None:
    """
    List the devices of USER, or change one.

    `devices USER` is short for `devices list USER`.
    """


def _of_one(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the arguments and options of every change of a device."""
    for option in (with_sessions, json_option, actor_option, _DEVICE, _USER):
        command = option(command)
    return command


@devices.command("list")
@_USER
@json_option
@with_sessions
def list_(sessions: SessionManager, user: str, *, as_json: bool) -> None:
    """List the devices of USER, latest sign-in first."""
    found = sessions.devices(user)
    if as_json:
        output.as_json({"devices": [it.to_dict() for it in found]})
    else:
        output.devices(found)
    sys.exit(0 if found else NOT_FOUND)


@devices.command()
@_of_one
def block(sessions: SessionManager, user: str, device: str, actor: str, *, as_json: bool) -> None:
    """End the sessions of a DEVICE and refuse it at sign-in."""
    changed = sessions.block_device(user, device, actor=actor)
    _show(changed, "blocked {}; its sessions have ended", as_json=as_json)


@devices.command()
@_of_one
def unblock(sessions: SessionManager, user: str, device: str, actor: str, *, as_json: bool) -> None:
    """Let a DEVICE sign in again."""
    changed = sessions.unblock_device(user, device, actor=actor)
    _show(changed, "unblocked {}; it may sign in again", as_json=as_json)


@devices.command()
@_of_one
def forget(sessions: SessionManager, user: str, device: str, actor: str, *, as_json: bool) -> None:
    """
    End the sessions of a DEVICE and remove it.

    When it signs in again, it is a new one.
    """
    changed = sessions.forget_device(user, device, actor=actor)
    _show(changed, "forgot {}; its sessions have ended", as_json=as_json)


@devices.command()
@_of_one
@click.argument("name", required=False)
def rename(
    sessions: SessionManager,
    user: str,
    device: str,
    name: str | None,
    actor: str,
    *,
    as_json: bool,
) -> None:
    """
    Give a DEVICE a NAME, or its label back.

    Without a NAME it is called by its label again.
    """
    changed = sessions.rename_device(user, device, name, actor=actor)
    _show(changed, "it is called {} now", as_json=as_json)


@devices.command()
@_of_one
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help="From now on, so many.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="In UTC.")
@click.option("--end", is_flag=True, help="Trust it no longer.")
def trust(
    sessions: SessionManager,
    user: str,
    device: str,
    days: int | None,
    until: datetime | None,
    actor: str,
    *,
    end: bool,
    as_json: bool,
) -> None:
    """Trust a DEVICE for a time, or no longer."""
    if (days is not None) + (until is not None) + end != 1:
        raise click.UsageError("say one of --days, --until and --end")
    instant = None if end else _instant(days, until)
    changed = sessions.trust_device(user, device, instant, actor=actor)
    if changed is not None and changed.trusted_until != instant:
        fail("the user's sessions were all ended meanwhile: the device is not trusted", NOT_FOUND)
    said = f"{{}} is trusted until {text(instant)} UTC" if instant else "{} is no longer trusted"
    _show(changed, said, as_json=as_json)


def _instant(days: int | None, until: datetime | None) -> datetime:
    now = datetime.now(UTC)
    if until is None:
        return now + timedelta(days=days or 0)
    instant = until.replace(tzinfo=UTC)
    if instant <= now:
        raise click.UsageError("--until must lie ahead; to trust it no longer, say --end")
    return instant


def _show(changed: Device | None, said: str, *, as_json: bool) -> None:
    """Print the device as it is now; exit with 1 if there is none."""
    if changed is None:
        fail("there is no such device of this user", NOT_FOUND)
    if as_json:
        output.as_json({"device": changed.to_dict()})
    else:
        click.echo(said.format(text(changed)))
