"""
Times in words: how long ago, and dates in the application's time zone.

The script turns the dates into the person's own zone; the words of "ago" hold in every zone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from markupsafe import Markup

from devsess.web.words import msg

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from devsess.web.words import Words

MINUTE, HOUR, DAY = 60, 3600, 86_400
WEEK, MONTH, YEAR = 7 * DAY, 30 * DAY, 365 * DAY
# Activity within these seconds is "now": of a session that is in use, `touch_interval` writes one
# in five minutes.
NOW = 5 * MINUTE

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_DATE = msg("{day} {month} {year}")
_INSTANT = msg("{day} {month} {year}, {time}")


@frozen
class Times:
    """
    Times on one page.

    Attributes:
        words: Its words.
        zone: The zone of its dates.
        now: The instant of the request, in seconds.
    """

    words: Words
    zone: ZoneInfo
    now: float

    def date(self, at: datetime) -> Markup:
        """Such as "14 November 2026"."""
        return self._element(at, "date", self._written(_DATE, at))

    def instant(self, at: datetime) -> Markup:
        """Such as "14 November 2026, 10:59"."""
        return self._element(at, "instant", self._written(_INSTANT, at))

    def _written(self, pattern: str, at: datetime) -> Markup:
        here = at.astimezone(self.zone)
        month = self.words.of("month", MONTHS[here.month - 1])
        return self.words.say(
            pattern, day=here.day, month=month, year=str(here.year), time=f"{here:%H:%M}"
        )

    def _element(self, at: datetime, style: str, text: Markup) -> Markup:
        utc = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return Markup(f'<time datetime="{utc}" data-style="{style}">{text}</time>')  # noqa: S704

    def active(self, at: datetime) -> Markup:
        """Such as "Active 2 hours ago"."""
        say, plural, ago = self.words.say, self.words.plural, self._ago(at)
        if ago < NOW:
            return say("Active now")
        if ago < HOUR:
            return plural("Active {n} minute ago", "Active {n} minutes ago", int(ago // MINUTE))
        if ago < DAY:
            return plural("Active {n} hour ago", "Active {n} hours ago", int(ago // HOUR))
        if ago < 2 * WEEK:
            return plural("Active {n} day ago", "Active {n} days ago", int(ago // DAY))
        if ago < 2 * MONTH:
            return plural("Active {n} week ago", "Active {n} weeks ago", int(ago // WEEK))
        if ago < YEAR:
            return plural("Active {n} month ago", "Active {n} months ago", int(ago // MONTH))
        return plural("Active {n} year ago", "Active {n} years ago", int(ago // YEAR))

    def used(self, at: datetime) -> Markup:
        """Such as "Last signed in 2 months ago"."""
        say, plural, ago = self.words.say, self.words.plural, self._ago(at)
        if ago < DAY:
            return say("Last signed in within the last day")
        if ago < 2 * MONTH:
            return plural(
                "Last signed in {n} day ago", "Last signed in {n} days ago", int(ago // DAY)
            )
        if ago < YEAR:
            return plural(
                "Last signed in {n} month ago", "Last signed in {n} months ago", int(ago // MONTH)
            )
        return plural(
            "Last signed in {n} year ago", "Last signed in {n} years ago", int(ago // YEAR)
        )

    def _ago(self, at: datetime) -> float:
        return max(0.0, self.now - at.timestamp())

    @property
    def zone_name(self) -> str:
        """The name of the zone, for the note that names it."""
        return self.zone.key.replace("_", " ")
