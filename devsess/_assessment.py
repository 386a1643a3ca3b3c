"""How unusual a request is, and the question to the account's owner about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from devsess._frozen import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Decision(StrEnum):
    """The answers to an assessment, mildest first."""

    #: Nothing to ask for.
    ALLOW = "allow"
    #: Let in, and worth a notice to the account's owner.
    NOTIFY = "notify"
    #: A step-up is needed first.
    STEP_UP = "step_up"
    #: Refused.
    DENY = "deny"


@frozen
class Signal:
    """
    One thing that is unusual.

    Attributes:
        kind: Its name, such as "foreign_device".
        weight: Its points; 0 for one that is shown and does not count.
        message: A few words for people, with the numbers in them.
        data: The numbers, as JSON types.
    """

    kind: str
    weight: int
    message: str
    data: Mapping[str, Any] = field(default=NOTHING, hash=False)


@frozen
class Assessment:
    """
    How unusual a request is.

    Attributes:
        score: The sum of the points, from `Points.base` on; 0 where nothing was evaluated.
        decision: The policy's answer to it.
        signals: The unusual things, one by one.
        not_evaluated: Names of the rules that lacked the data they need.
    """

    score: int = 0
    decision: Decision = Decision.ALLOW
    signals: Sequence[Signal] = ()
    not_evaluated: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """This assessment as JSON types."""
        return {
            "score": self.score,
            "decision": self.decision.value,
            "signals": [
                {
                    "kind": signal.kind,
                    "weight": signal.weight,
                    "message": signal.message,
                    "data": dict(signal.data),
                }
                for signal in self.signals
            ],
            "notEvaluated": list(self.not_evaluated),
        }


@frozen
class Notice:
    """
    The question "was this you?" about a sign-in, for a mail to the account's owner.

    Let the links in it lead to a page that asks, and answer by `confirm` when its form is
    posted: mail scanners open links by themselves.

    Attributes:
        yes_token: Answers yes, once.
        no_token: Answers no, once; also after a yes.
        expires_at: Until when.
    """

    yes_token: str = field(repr=False)
    no_token: str = field(repr=False)
    expires_at: datetime
