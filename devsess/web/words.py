"""The words of a page: its language, and sentences with named places that may hold hostile text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from gettext import NullTranslations
from typing import TYPE_CHECKING, Final

from attrs import field, frozen
from markupsafe import Markup, escape

from devsess._text import clean_text
from devsess.web.catalogue import LANGUAGES, RIGHT_TO_LEFT, SOURCE, translations

if TYPE_CHECKING:
    from devsess._location import Location
    from devsess.adapters._http import Request
    from devsess.web.look import Language

# Ranges of an Accept-Language header that are looked at.
MOST_RANGES = 20
_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)

# Labels as `devices/` writes them.
_UNKNOWN = "Unknown device"
_LABEL = re.compile(r"([^\"]{1,48}) on ([^\"]{1,48})")
# A history has the name that a user gave a device so, lest it passes for a label.
_NAMED = re.compile(r'"(.+)"', re.DOTALL)

# The separator of thousands, where it is no comma, and the least number that has one (CLDR).
_THOUSANDS: Final[Mapping[str, str]] = {"de": ".", "es": ".", "fr": "\u202f"}
_PARTED_FROM: Final[Mapping[str, int]] = {"es": 10_000}

# Longest text of others that a page shows: more would push everything else out of sight.
CLIPPED: Final = 64


def msg(message: str) -> str:
    """Mark *message*, of a table, for translation; the page that shows it translates it."""
    return message


@frozen
class Words:
    """
    The words of one language.

    Attributes:
        language: Its name (BCP 47).
        catalogue: Its translations.
    """

    language: str = SOURCE
    catalogue: NullTranslations = field(factory=NullTranslations, repr=False)

    @property
    def direction(self) -> str:
        """The direction of its script, as HTML has it."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    def listed(self, items: Iterable[Markup]) -> Markup:
        """Things one after another, with the comma of the language between them."""
        return escape("، " if self.language == "ar" else ", ").join(items)

    def say(self, message: str, **values: object) -> Markup:
        """A sentence; *values* stand in its named places, escaped, numbers as `number` has them."""
        text = _translated(self.catalogue, message)
        return self._filled(text, values) if values else text

    def plural(self, one: str, many: str, n: int, **values: object) -> Markup:
        """A sentence about *n* things, which is one of the places too."""
        return self._filled(escape(self.catalogue.ngettext(one, many, n)), {"n": n, **values})

    def number(self, n: int) -> str:
        """*n* with its thousands parted as the language does it, and with a true minus sign."""
        if 0 <= n < 1_000:
            return str(n)
        parted = f"{n:,}" if abs(n) >= _PARTED_FROM.get(self.language, 0) else str(n)
        text = parted.replace(",", _THOUSANDS.get(self.language, ","))
        if n >= 0:
            return text
        text = text.replace("-", "\N{MINUS SIGN}")
        # Between right-to-left letters the sign would stand behind its number.
        return f"\u2066{text}\u2069" if self.direction == "rtl" else text

    def decimal(self, n: float) -> str:
        """*n*, which is not negative, to one decimal place."""
        return f"{n:.1f}".replace(".", "," if self.language in _THOUSANDS else ".")

    def label(self, text: str) -> Markup:
        """A device's label or its user's name; "Firefox on Windows" is a label, translated."""
        if text == _UNKNOWN:
            return _isolate(self.say(msg("Unknown device")))
        name = _NAMED.fullmatch(text)
        if name is not None:
            return _isolate(self.say(msg("“{name}”"), name=isolated(name[1])))
        found = _LABEL.fullmatch(text)
        if found is None:
            return isolated(text)
        browser, system = map(clipped, found.groups())
        return _isolate(self.say(msg("{browser} on {system}"), browser=browser, system=system))

    def place(self, location: Location | None) -> Markup | None:
        """City and country, each in its own direction; None where no place is known."""
        parts = [it for it in (location.city, location.country) if it] if location else []
        if len(parts) == 2:
            city, country = map(isolated, parts)
            return self.say(msg("{city}, {country}"), city=city, country=country)
        return isolated(parts[0]) if parts else None

    def of(self, context: str, message: str) -> Markup:
        """A word that means another thing elsewhere; *context* says which is meant."""
        return escape(self.catalogue.pgettext(context, message))

    def _filled(self, text: Markup, values: Mapping[str, object]) -> Markup:
        # Not Markup.format, which parses in Python: that was half of the time of a page.
        shown = {name: self._shown(value) for name, value in values.items()}
        return Markup(str.format(text, **shown))  # noqa: S704 - each part is escaped

    def _shown(self, value: object) -> Markup:
        if isinstance(value, Markup):
            return value
        return escape(self.number(value) if isinstance(value, int) else value)


# More than there are messages; the words of others never pass here.
@lru_cache(maxsize=2048)
def _translated(catalogue: NullTranslations, message: str) -> Markup:
    return escape(catalogue.gettext(message))


def words_for(request: Request, wanted: Language) -> Words:
    """The words for a request: those that the application chose, or the browser's."""
    chosen = wanted(request) if callable(wanted) else wanted
    known = _known(chosen) if isinstance(chosen, str) else None
    language = known or _accepted(request.headers.get("accept-language", "")) or SOURCE
    return Words(language, translations(language))


def _known(tag: str) -> str | None:
    """The language among ours that a tag (BCP 47), such as "de-AT", names."""
    name = tag.replace("_", "-").partition("-")[0].lower()
    return name if name in LANGUAGES else None


def _accepted(header: str) -> str | None:
    """The first of ours by the header's preference (RFC 9110 §12.5.4), or None."""
    ranges: list[tuple[float, str]] = []
    for part in header[:1024].split(",")[:MOST_RANGES]:
        found = _RANGE.fullmatch(part)
        name = _known(found[1]) if found else None
        if found and name and float(found[2] or 1) > 0:
            ranges.append((-float(found[2] or 1), name))
    return min(ranges, key=lambda it: it[0])[1] if ranges else None


def isolated(text: object, limit: int = CLIPPED) -> Markup:
    """
    Text that others wrote, harmless on a page: clipped, without controls, its direction its own.

    Its tag keeps right-to-left letters from turning around what stands beside it.
    """
    return _isolate(clipped(text, limit))


def _isolate(text: str) -> Markup:
    return Markup(f"<bdi>{escape(text)}</bdi>")  # noqa: S704


def clipped(text: object, limit: int = CLIPPED) -> str:
    """The first *limit* characters of text that others wrote, without controls."""
    cut = clean_text(str(text)[: 4 * limit], 4 * limit) or ""
    return cut if len(cut) <= limit else f"{cut[: limit - 1].rstrip()}…"
