"""
The sign-in provider that a person was authenticated by, such as "google", as a row keeps it.

It stands last among the row's methods, behind a prefix of devsess's own: every store keeps,
merges, copies and erases it with them. Only this file knows that form, and no token has it.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "devsess.provider:"
# The methods of a sign-in of which nothing is said. Known by being this very object, for an
# application may say just the same; made here, as some interpreters keep equal literals once.
PASSWORD: Final[tuple[str, ...]] = tuple(iter(["pwd"]))


def with_provider(amr: tuple[str, ...], provider: str | None) -> tuple[str, ...]:
    """The methods *amr* and the *provider* as a row keeps them."""
    return amr if provider is None else (*amr, f"{PREFIX}{provider}")


def parted(kept: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """The methods and the provider, or None, that a row keeps as *kept*."""
    if not kept or not kept[-1].startswith(PREFIX):
        return kept, None
    return kept[:-1], kept[-1].removeprefix(PREFIX) or None
