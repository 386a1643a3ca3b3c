"""The page of a device, and the changes that need no second page: its name, the end of trust."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from devsess.errors import ConfigurationError
from devsess.web.account.done import said
from devsess.web.account.lines import lines
from devsess.web.account.rows import gathered, icon_of, tag_of
from devsess.web.problems import problem_page

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.models import Device, Page, Session
    from devsess.web.account.visit import AccountVisit

# Events of the account that are looked through for those of a device, and lines that are shown.
EVENTS = 100
LINES = 8
# Sessions of the account that are read at a time.
_BATCH = 1000


async def found_device(visit: AccountVisit) -> Device | None:
    """The account's device that the path names, or None."""
    return await visit.manager.device(visit.user_id, visit.values["device"])


async def sessions_on(visit: AccountVisit, device_id: str) -> list[Session]:
    """The live sessions on a device, latest activity first."""
    manager, user_id = visit.manager, visit.user_id

    async def on_device(cursor: str | None) -> Page[Session]:
        return await manager.search(
            user_id=user_id, device_id=device_id, state="live", limit=_BATCH, cursor=cursor
        )

    async def of_account(cursor: str | None) -> Page[Session]:
        return await manager.live(user_id, limit=_BATCH, cursor=cursor)

    try:
        found = await _all(on_device)
    except ConfigurationError:  # this store cannot be searched
        found = [it for it in await _all(of_account) if it.device.id == device_id]
    return sorted(found, key=lambda it: it.last_seen_at, reverse=True)


async def _all(read: Callable[[str | None], Awaitable[Page[Session]]]) -> list[Session]:
    """The sessions of all pages."""
    page = await read(None)
    found = [*page.items]
    while page.next is not None:
        page = await read(page.next)
        found += page.items
    return found


async def show(visit: AccountVisit) -> Answer:
    """The page."""
    device = await found_device(visit)
    return problem_page(visit, 404) if device is None else await _page(visit, device)


async def _page(visit: AccountVisit, device: Device, *, bad_name: bool = False) -> Answer:
    sessions = await sessions_on(visit, device.id)
    history = await visit.manager.login_history(visit.user_id, limit=EVENTS, device_id=device)
    own = visit.session
    is_current = device.id == own.device.id
    return visit.page(
        "account/device.html",
        422 if bad_name else 200,
        device=device,
        icon_name=icon_of(device),
        row_tag=tag_of(device, visit, is_current),
        is_current=is_current,
        current_id=own.id,
        trusted_until=device.trusted_until if visit.is_trusted(device) else None,
        sessions=sessions,
        rows=gathered(list(sessions), own, visit),
        lines=lines(visit, history.items[:LINES]),
        bad_name=bad_name,
        done=said(visit),
    )


async def rename(visit: AccountVisit) -> Answer:
    """Give it a name; an empty one gives its label back."""
    device = await found_device(visit)
    if device is None:
        return problem_page(visit, 404)
    name = visit.form.get("name", "").strip() or None
    try:
        await visit.manager.rename_device(visit.user_id, device.id, name, actor=visit.user_id)
    except ValueError:
        return await _page(visit, device, bad_name=True)
    return _see(visit, device, "named")


async def distrust(visit: AccountVisit) -> Answer:
    """End the trust in it: that locks nobody out."""
    device = await found_device(visit)
    if device is None:
        return problem_page(visit, 404)
    await visit.manager.trust_device(visit.user_id, device.id, None, actor=visit.user_id)
    return _see(visit, device, "distrusted")


def _see(visit: AccountVisit, device: Device, done: str) -> Answer:
    return visit.see("/devices/{device}", {"done": done}, device=device.id)
