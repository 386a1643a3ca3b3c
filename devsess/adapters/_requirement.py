"""The arguments of a guard, checked where the guard is declared."""

from __future__ import annotations

from attrs import field, frozen

from devsess.errors import ConfigurationError
from devsess.policy import Span, seconds


def _age(span: Span | None) -> float | None:
    try:
        return None if span is None else seconds(span)
    except ConfigurationError as error:
        raise TypeError(f"max_auth_age: {error}") from error


def _text(acr: str | None) -> str | None:
    if acr is not None and not isinstance(acr, str):
        raise TypeError(f"acr must be a text, not {acr!r}")
    return acr


@frozen
class Requirement:
    """
    The arguments of `require`; a wrong one fails here rather than at each request.

    Attributes:
        max_auth_age: Seconds since the sign-in, or None for any.
        acr: The authentication context, or None for any.

    Raises:
        TypeError: If an argument is of the wrong kind.
    """

    max_auth_age: float | None = field(converter=_age)
    acr: str | None = field(converter=_text)
