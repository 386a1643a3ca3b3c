"""What a guard asks for, checked where the guard is declared."""

from __future__ import annotations

from attrs import frozen

from devsess.errors import ConfigurationError
from devsess.policy import Span, seconds


@frozen
class Wanted:
    """
    The arguments of `require`.

    Attributes:
        max_auth_age: Seconds since the sign-in, or None for any.
        acr: The authentication context, or None for any.
    """

    max_auth_age: float | None
    acr: str | None


def wanted(max_auth_age: Span | None, acr: str | None) -> Wanted:
    """
    The arguments of a guard; a wrong one fails here rather than at each request.

    Raises:
        TypeError: If an argument cannot be what it should.
    """
    if acr is not None and not isinstance(acr, str):
        raise TypeError(f"acr must be a text, not {acr!r}")
    try:
        return Wanted(None if max_auth_age is None else seconds(max_auth_age), acr)
    except ConfigurationError as error:
        raise TypeError(f"max_auth_age: {error}") from error
