"""A middleware of the project's within that of devsess."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from devsess import InvalidSessionError


@sync_and_async_middleware
def breaking(get_response: Any) -> Any:
    """After the view it fails of its own, or with what it requires, as the query says."""

    def broken(request: Any) -> Any:
        if "requires" in request.GET:
            request.devsess.require()
        with suppress(InvalidSessionError):
            request.devsess.require()
        raise ZeroDivisionError

    async def served(request: Any) -> Any:
        await get_response(request)
        return broken(request)

    def served_at_once(request: Any) -> Any:
        get_response(request)
        return broken(request)

    return served if iscoroutinefunction(get_response) else served_at_once
