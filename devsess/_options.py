"""What the records of options have in common: each refusal names its option."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute


def named(_: type, fields: list[Attribute[Any]]) -> list[Attribute[Any]]:
    """For a record of attrs: let what each converter refuses begin with the field's name."""
    return [
        each if each.converter is None else each.evolve(converter=_naming(each)) for each in fields
    ]


def _naming(option: Attribute[Any]) -> Callable[[object], object]:
    check: Callable[[object], object] = option.converter  # type: ignore[assignment]

    def named(value: object) -> object:
        try:
            return check(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{option.name}: {error}") from error

    return named


def one_of(*allowed: str) -> Callable[[object, Attribute[str], str], None]:
    """A validator for one of a few words."""

    def check(_: object, option: Attribute[str], value: str) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{option.name}: must be one of {allowed}, not {value!r}")

    return check


def texts(values: Iterable[str]) -> tuple[str, ...]:
    """
    A converter for several texts.

    Raises:
        ConfigurationError: If they are none; one text alone would be taken for its letters.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ConfigurationError(f"must be a list of texts, not {values!r}")
    found = tuple(values)
    if not all(isinstance(value, str) for value in found):
        raise ConfigurationError("must hold texts only")
    return found
