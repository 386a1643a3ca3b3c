"""The words of a page after a change, by the key in its address: no text of that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.web.account.visit import AccountVisit

DONE: Final[Mapping[str, str]] = {
    "signed-out": msg("The device is signed out."),
    "others": msg("All other devices are signed out."),
    "named": msg("The name is saved."),
    "trusted": msg("The device is trusted."),
    "distrusted": msg("The device is no longer trusted."),
    "forgotten": msg("The device is removed."),
    "blocked": msg("The device is signed out and blocked."),
    "unblocked": msg("The device may sign in again."),
    "mine": msg("Thank you. The sign-in is confirmed."),
}


def said(visit: AccountVisit) -> str | None:
    """The words for what was done, or None; a link on another site cannot say that anything was."""
    return None if visit.is_led_by_another_site else DONE.get(visit.query.get("done", ""))
