"""The options that commands share, and the manager they are given."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from devsess.cli._store import check_ready, store_option
from devsess.manager import SessionManager
from devsess.policy import DAY, MAX_SPAN, Policy, Privacy
from devsess.tokens.keys import generate_secret

RETENTION_DAYS = 90
DEVICE_DAYS = 400
# The application's policy is not known here: the deadlines in the rows decide, and no others.
# A purge needs the longest lifetime there may be: a session with a longer one was written by a
# clock that was ahead.
UNBOUNDED_DAYS = MAX_SPAN // DAY
LIFETIME_DAYS = 400

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
# For commands whose output is JSON anyway, so that a script need not know which ones.
json_only = click.option(
    "--json", is_flag=True, expose_value=False, help="Always on: the output is JSON."
)
reason_option = click.option(
    "--reason", default="revoked", show_default=True, help="Kept in the record."
)
actor_option = click.option(
    "--actor", default="command line", show_default=True, help="Who does it."
)


def with_sessions(command: F) -> F:
    """
    Give *command* the option --store and a manager of it.

    Options named `retention`, `device_retention` and `absolute_lifetime`, in days, go into the
    manager's policy.
    """

    @store_option
    @wraps(command)
    def with_store(
        store: str,
        retention: int = RETENTION_DAYS,
        device_retention: int = DEVICE_DAYS,
        absolute_lifetime: float = UNBOUNDED_DAYS,
        **options: Any,
    ) -> None:
        check_ready(store)
        # Nothing is minted or verified here: any key will do.
        policy = _policy(retention, device_retention, absolute_lifetime)
        with SessionManager(store, keys=generate_secret(), policy=policy) as sessions:
            command(sessions=sessions, **options)

    return with_store  # type: ignore[return-value]


def _policy(retention: int, device_retention: int, absolute_lifetime: float) -> Policy:
    return Policy(
        idle_timeout=absolute_lifetime * DAY,
        absolute_lifetime=absolute_lifetime * DAY,
        privacy=Privacy(retention=retention * DAY, device_retention=device_retention * DAY),
    )
