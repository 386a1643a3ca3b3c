"""
Ending many sessions: a preview, a count to type, and an ending that goes on from form to form.

Nothing is stored between them: the form carries filter, instant, actor and count under a MAC.
Sessions that began after the preview live on, and so do all when it is a quarter of an hour old.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import evolve

from devsess._text import clean_text
from devsess.errors import BadTokenError, TokenExpiredError
from devsess.tokens.ending import LIFETIME, EndingClaims
from devsess.web.admin import finding, wanted
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.web.admin.visit import AdminVisit
    from devsess.web.admin.wanted import Wanted

# Sessions that a preview shows.
SHOWN: Final = 10
# Sessions of a batch, and batches and seconds of a form: longer, and a proxy may give up.
BATCH: Final = 100
BATCHES: Final = 30
SECONDS: Final = 1.0
MAX_REASON: Final = 100
REASON: Final = "ended by staff"

# Spaces, commas, points and apostrophes, of which languages put one between thousands.
_BETWEEN = re.compile(r"[\s,.'’٬]")

_STALE = msg("This preview is too old: look at a new one.")
_FORGED = msg("This form cannot be read. Begin again with a search.")
_MISCOUNTED = msg("That is not the number: nothing was ended.")


async def preview(visit: AdminVisit) -> Answer:
    """The sessions that would end, and the number to type."""
    try:
        asked = evolve(wanted.read(visit.query), state=None)
    except wanted.WantedError:
        return visit.see("/search", visit.query)
    if not asked.is_narrow:
        return visit.see("/search")
    if asked.user_id is not None and not visit.operator.sees(asked.user_id):
        return visit.missing()
    counted = await finding.count(visit, finding.fields(asked, visit, "live"))
    number = counted.number + counted.is_more
    return await _shown(visit, asked, _claims(visit, asked, number))


def _claims(visit: AdminVisit, asked: Wanted, count: int) -> EndingClaims:
    since, until = (
        None if at is None else at.timestamp() for at in asked.instants(visit.look.time_zone)
    )
    return EndingClaims(
        actor=visit.operator.actor,
        user_id=asked.user_id,
        ip=asked.ip,
        device_id=asked.device_id,
        since=since,
        until=until,
        before=visit.now,
        count=count,
        expires_at=math.floor(visit.now + LIFETIME),
    )


async def _shown(
    visit: AdminVisit, asked: Wanted, claims: EndingClaims, *, problem: str | None = None
) -> Answer:
    page = await finding.sessions(visit, finding.fields(asked, visit, "live"), limit=SHOWN)
    return visit.page(
        "admin/ending.html",
        400 if problem else 200,
        wanted=asked,
        sessions=page.items,
        count=min(claims.count, finding.COUNTED),
        is_more=claims.count > finding.COUNTED,
        token=visit.manager.core.tokens.ending.mint(claims),
        problem=problem and visit.words.say(problem),
        reason=visit.form.get("reason", "") if problem else visit.words.say(REASON),
        query=asked.query(),
    )


async def run(visit: AdminVisit) -> Answer:
    """Some batches, then the page that goes on, or says that all is done."""
    form = visit.form
    tokens, actor = visit.manager.core.tokens.ending, visit.operator.actor
    try:
        claims = tokens.verify(form.get("token", ""), visit.now, actor)
    except TokenExpiredError:
        return _refused(visit, 409, _STALE)
    except BadTokenError:
        return _refused(visit, 400, _FORGED)
    if not claims.begun and _number(form.get("count", "")) != min(claims.count, finding.COUNTED):
        return await _shown(visit, _asked(visit, claims), claims, problem=_MISCOUNTED)
    reason = reason_of(visit)
    claims, is_over = await _batches(visit, claims, reason)
    return visit.page(
        "admin/progress.html",
        ended=claims.ended,
        count=min(claims.count, finding.COUNTED),
        is_more=claims.count > finding.COUNTED,
        is_over=is_over,
        reason=reason,
        token=tokens.mint(claims),
        query=_asked(visit, claims).query(),
    )


def reason_of(visit: AdminVisit) -> str:
    """The reason that was typed; that of the page, in whichever language, is one and the same."""
    typed = clean_text(visit.form.get("reason"), MAX_REASON)
    return REASON if typed in (None, visit.words.say(REASON).unescape()) else typed


def _refused(visit: AdminVisit, status: int, why: str) -> Answer:
    say = visit.words.say
    title = say("Nothing was ended")
    return visit.page("problem.html", status, title=title, sentence=say(why))


def _number(typed: str) -> int | None:
    """The number that was typed, with or without what parts its thousands, in any digits."""
    digits = _BETWEEN.sub("", typed[:40])
    return int(digits) if digits.isdecimal() else None


def _asked(visit: AdminVisit, claims: EndingClaims) -> Wanted:
    since, until = (
        None if at is None else visit.here(at).date()
        for at in (claims.since, None if claims.until is None else claims.until - 1)
    )
    return wanted.Wanted(claims.user_id, claims.ip, claims.device_id, since, until)


async def _batches(
    visit: AdminVisit, claims: EndingClaims, reason: str
) -> tuple[EndingClaims, bool]:
    """The claims of the form that goes on, and whether nothing is left."""
    claims = evolve(claims, begun=True, expires_at=math.floor(visit.now + LIFETIME))
    of_all = visit.operator.tenant is None
    for _ in range(BATCHES):
        step = _of_all if of_all else _of_theirs
        claims, is_over = await step(visit, claims, reason)
        if is_over:
            return claims, True
        if visit.manager.core.now() - visit.now > SECONDS:
            break
    return claims, False


async def _of_all(
    visit: AdminVisit, claims: EndingClaims, reason: str
) -> tuple[EndingClaims, bool]:
    page = await visit.manager.revoke_found(
        **wanted.filter_of(claims),
        before=datetime.fromtimestamp(claims.before, UTC),
        reason=reason,
        actor=claims.actor,
        limit=BATCH,
        cursor=claims.cursor,
    )
    ended = claims.ended + len(page)
    return evolve(claims, ended=ended, cursor=page.next), page.next is None


async def _of_theirs(
    visit: AdminVisit, claims: EndingClaims, reason: str
) -> tuple[EndingClaims, bool]:
    """One by one: a network may have sessions of other tenants."""
    asked, before = wanted.filter_of(claims), datetime.fromtimestamp(claims.before, UTC)
    asked["until"] = min(before, asked["until"] or before)
    page = await visit.manager.search(**asked, state="live", limit=BATCH, cursor=claims.cursor)
    theirs = [it for it in page.items if visit.operator.sees(it.user_id)]
    for each in theirs:
        await visit.manager.revoke(each, reason=reason, actor=claims.actor)
    # Those that ended between two pages are on neither: the walk goes by what it has seen.
    return evolve(claims, ended=claims.ended + len(theirs), cursor=page.next), page.next is None
