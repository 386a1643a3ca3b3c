"""Give out tickets, and take each once; `tokens/ticket` says what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess import skew
from devsess.errors import TokenExpiredError
from devsess.models import Session
from devsess.operations._checks import checked_text
from devsess.operations._kinds import TICKET
from devsess.operations.common import own_row, require_found, require_impersonator, require_live
from devsess.stores.items import Item
from devsess.tokens.ticket import LIFETIME, TicketClaims
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.operations.operation import Operation


async def ticket(op: Operation, session: Session, purpose: str) -> str:
    """
    A ticket for one request in the name of a live session; nothing is written.

    Raises:
        SessionNotFoundError, SessionRevokedError, SessionExpiredError: As it stands.
        TypeError, ValueError: If *session* is none, or *purpose* no text of 1 to 255 characters.
    """
    if not isinstance(session, Session):  # no operation gives out anything for an id alone
        raise TypeError(f"session must be a Session, as of validate, not {type(session).__name__}")
    name = checked_text(purpose, "purpose")
    row = await own_row(op, session, session.user_id)
    require_live(op, row)
    await require_impersonator(op, row)
    return op.tokens.ticket.mint(TicketClaims(op.new_id(), row.id, op.now + LIFETIME), name)


async def redeem(op: Operation, ticket: str, purpose: str) -> Session:
    """
    The session that a ticket for *purpose* was given out for, which must still live.

    Of two requests that bring one ticket at once, one is let in.

    Raises:
        BadTokenError: If it is no ticket of ours, or is for another purpose.
        TokenExpiredError: If its time is over, or it was used.
        SessionNotFoundError, SessionRevokedError, SessionExpiredError: As the session stands.
        TypeError, ValueError: If *purpose* is no text of 1 to 255 characters.
    """
    claims = op.tokens.ticket.verify(ticket, op.now, checked_text(purpose, "purpose"))
    row = require_found(await op.store.get(claims.session_id))
    standing = require_live(op, row)
    await require_impersonator(op, row)
    # Kept until it is over by every clock: a purge by one that is ahead must not bring it back.
    until = claims.expires_at + skew.CLOCKS_APART
    if not await op.store.put_item(Item(TICKET, claims.id, "", "{}", 1, op.now, until)):
        raise TokenExpiredError("the ticket was used before: ask for another")
    return session_view(standing)
