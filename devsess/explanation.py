"""The records of `explain`: the checks of a validation, in order."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from devsess._frozen import NOTHING, freeze


class Outcome(StrEnum):
    """The outcomes of a check."""

    #: The check passed.
    PASSED = "passed"
    #: The check failed, and so does the validation.
    FAILED = "failed"
    #: An earlier check failed.
    NOT_REACHED = "not_reached"


@frozen
class Check:
    """
    One check of a validation.

    Attributes:
        name: Such as "signature", "liveness" or "device".
        outcome: Whether it passed; "not_reached" behind one that failed.
        message: A sentence with the numbers; empty where it was not reached.
        data: The numbers, as JSON types; of a failed one `error`, the name of the error
            that `validate` raises.
    """

    name: str
    outcome: Outcome
    message: str = ""
    data: Mapping[str, Any] = field(default=NOTHING, converter=freeze, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """This check as JSON types."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "message": self.message,
            "data": dict(self.data),
        }


@frozen
class Explanation:
    """
    Every check of a validation, in its order: none holds a token, a secret or a key.

    Attributes:
        checks: The checks. The last ones, on staleness, demands and risk, fail none.
    """

    checks: tuple[Check, ...]

    @property
    def failed(self) -> Check | None:
        """The check that refuses the token, or None."""
        return next((it for it in self.checks if it.outcome is Outcome.FAILED), None)

    @property
    def is_valid(self) -> bool:
        """Whether every check passed, and so `validate` does."""
        return self.failed is None

    def to_dict(self) -> dict[str, Any]:
        """This explanation as JSON types."""
        return {"valid": self.is_valid, "checks": [it.to_dict() for it in self.checks]}
