"""Pages of a list that a request goes through by a cursor in its query."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from devsess.web.forms import FormError

if TYPE_CHECKING:
    from devsess.models import Page

T = TypeVar("T")


async def page_of(read: Awaitable[Page[T]], cursor: str | None) -> Page[T]:
    """
    The page behind *cursor*, which came with the request.

    Raises:
        FormError: If it is mangled.
    """
    try:
        return await read
    except ValueError:
        if cursor is None:
            raise
        raise FormError(400) from None
