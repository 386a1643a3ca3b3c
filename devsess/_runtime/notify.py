"""Notify the application of events; log its errors, for they cannot undo what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from devsess.views import event_view

if TYPE_CHECKING:
    from devsess.models import Event
    from devsess.stores.rows import EventRow

OnEvent: TypeAlias = "Callable[[Event], object]"


def log_error(message: str) -> None:
    """Log the error that is being handled."""
    import logging  # late: it is not needed as long as nothing fails

    logging.getLogger("devsess").exception(message)


def log_warning(message: str) -> None:
    """Log a message that is no error, but asks an operator to act."""
    import logging  # late, as above

    logging.getLogger("devsess").warning(message)


def notify(events: Iterable[EventRow], on_event: OnEvent | None) -> None:
    """Hand *events* to the application."""
    if on_event is None:
        return
    for event in map(event_view, events):
        try:
            on_event(event)
        except Exception:  # noqa: BLE001 - it is logged
            log_error(f"on_event failed for {event.type.value}")


async def notify_async(events: Iterable[EventRow], on_event: OnEvent | None) -> None:
    """As `notify`; it awaits the function's answer if that can be awaited."""
    if on_event is None:
        return
    for event in map(event_view, events):
        try:
            answer = on_event(event)
            if hasattr(answer, "__await__"):
                await answer
        except Exception:  # noqa: BLE001 - it is logged
            log_error(f"on_event failed for {event.type.value}")
