"""The person behind the operators' pages, as the application's authorisation hook names them."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from devsess.errors import ConfigurationError

# As an event keeps it.
MAX_ACTOR = 255


def _check_actor(_: object, __: object, value: str) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ACTOR:
        raise ConfigurationError(f"Operator(actor=...) must be a text of 1 to {MAX_ACTOR}")


@frozen
class Operator:
    """
    Somebody who may look at all sessions and end them.

    Attributes:
        actor: Their name; it stands in the history beside all that they do.
        tenant: Says of a user id whether it is one of theirs. Others are neither shown nor
            counted nor ended, and its addresses answer 404. None: all are.

    Raises:
        ConfigurationError: If *actor* is empty, too long, or no text.
    """

    actor: str = field(validator=_check_actor)
    tenant: Callable[[str], bool] | None = None

    def sees(self, user_id: str) -> bool:
        """Whether *user_id* is one of theirs."""
        return self.tenant is None or bool(self.tenant(user_id))
