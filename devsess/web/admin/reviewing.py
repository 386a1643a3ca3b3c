"""The queue of sign-ins in question, and the operators' answers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.web.admin import finding

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.web.admin.visit import AdminVisit


async def queue(visit: AdminVisit) -> Answer:
    """The sign-ins in question, those with the most points first."""
    page = await finding.queue(visit, cursor=visit.query.get("after"))
    return visit.page("admin/review.html", sessions=page.items, next=page.next)


async def ask_about_attack(visit: AdminVisit) -> Answer:
    """Whether a sign-in was an attack, and what happens then."""
    session = await visit.session(visit.query.get("id"))
    if session is None:
        return visit.missing()
    return visit.page("admin/attack.html", session=session)


async def judge(visit: AdminVisit) -> Answer:
    """The operator's answer to a sign-in in question."""
    session = await visit.session(visit.form.get("id"))
    answer = visit.form.get("answer")
    if session is None or answer not in ("them", "attack"):
        return visit.missing()
    await visit.manager.judge(session, answer == "them", actor=visit.operator.actor)
    return visit.see("/review")
