"""The acts on one session or device: a page that asks, then a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.admin.ending import REASON, reason_of

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.models import Device
    from devsess.web.admin.visit import AdminVisit


async def ask_to_end(visit: AdminVisit) -> Answer:
    """Whether to end one session."""
    session = await visit.session(visit.query.get("id"))
    if session is None:
        return visit.missing()
    return visit.page("admin/end_session.html", session=session, reason=visit.words.say(REASON))


async def end(visit: AdminVisit) -> Answer:
    """End one session."""
    session = await visit.session(visit.form.get("id"))
    if session is None:
        return visit.missing()
    await visit.manager.revoke(session, reason=reason_of(visit), actor=visit.operator.actor)
    return visit.see("/session", {"id": session.id})


async def ask_to_block(visit: AdminVisit) -> Answer:
    """Whether to block a device."""
    found = await device_of(visit, visit.query.get("user"), visit.query.get("id"))
    if found is None:
        return visit.missing()
    user_id, device = found
    return visit.page("admin/block.html", user_id=user_id, device=device)


async def change_device(visit: AdminVisit) -> Answer:
    """Block a device, let it sign in again, or end the trust in it."""
    form, actor = visit.form, visit.operator.actor
    found = await device_of(visit, form.get("user"), form.get("id"))
    if found is None:
        return visit.missing()
    user_id, device = found
    if form.get("change") == "block":
        await visit.manager.block_device(user_id, device, actor=actor)
    elif form.get("change") == "unblock":
        await visit.manager.unblock_device(user_id, device, actor=actor)
    elif form.get("change") == "distrust":
        await visit.manager.trust_device(user_id, device, None, actor=actor)
    else:
        return visit.missing()
    return visit.see("/device", {"user": user_id, "id": device.id})


async def device_of(
    visit: AdminVisit, user_id: str | None, device_id: str | None
) -> tuple[str, Device] | None:
    """An account of theirs, and its device of that id; None if there is none."""
    account = visit.seen(user_id)
    if account is None or not device_id:
        return None
    device = await visit.manager.device(account, device_id)
    return None if device is None else (account, device)
