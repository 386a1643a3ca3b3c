"""The person behind the operators' pages, as the application's authorisation hook names them."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from devsess._text import clean_text
from devsess.errors import ConfigurationError

# As an event keeps it.
MAX_ACTOR = 255


def _check_actor(_: object, __: object, value: str) -> None:
    """An event cleans its actor: one that it changes could pass for another's in the log."""
    if not isinstance(value, str) or value != clean_text(value, MAX_ACTOR):
        raise ConfigurationError(
            f"Operator(actor=...) must be a text of 1 to {MAX_ACTOR} characters, none of them a"
            " control character, and without space at its ends"
        )


@frozen
class Operator:
    """
    Somebody who may look at all sessions and end them.

    Attributes:
        actor: Their name; it stands in the history beside all that they do.
        tenant: Says of a user id whether it is one of theirs. Others are neither shown nor
            counted nor ended, and their pages answer 404. It is called for each row of a list,
            over an AsyncSessionManager on the event loop: let it look nothing up. None: all are.

    Raises:
        ConfigurationError: If *actor* is empty, too long, or would stand in the log otherwise than
            as it is: with control characters, or space at its ends.
    """

    actor: str = field(validator=_check_actor)
    tenant: Callable[[str], bool] | None = None

    def sees(self, user_id: str) -> bool:
        """Whether *user_id* is one of theirs."""
        return self.tenant is None or bool(self.tenant(user_id))
