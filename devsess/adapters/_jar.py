"""The cookies of a response: set, left alone, or cleared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.adapters import _cookies as cookies

if TYPE_CHECKING:
    from devsess.adapters._carrier import Credentials
    from devsess.adapters._http import Header, Request
    from devsess.adapters._settings import Settings
    from devsess.models import Grant, Session

# A client's token is sent back only if it may be one of ours.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,4000}")


class Jar:
    """
    The cookies of one exchange.

    Attributes:
        held: The credentials of the client once it has the answer.
        is_carried: Whether the response sets cookies at all; not where tokens are for a program.
        ended: Names of the cookies it sent whose session is known to have ended.
        checked_at: When that was checked, in seconds since the epoch, or None.
        dropped_at: When its session had ended, of which alone the response clears cookies, or None.
    """

    def __init__(self, settings: Settings, request: Request, credentials: Credentials) -> None:
        self._settings = settings
        self._request = request
        self._twice = credentials.twice
        self.is_carried = settings.reads_cookies and credentials.by != "bearer"
        self._lines: dict[str, str] = {}
        self.held = credentials
        self.ended: frozenset[str] = frozenset()
        self.checked_at: float | None = None
        self.dropped_at: float | None = None
        self._forgets = False

    def leave_alone(self) -> None:
        """Set no cookies with this response: its tokens are for a program."""
        self.is_carried = False

    def hand_out(self, grant: Grant, now: float) -> None:
        """
        Give the client the tokens of *grant*.

        Raises:
            ValueError: If no browser would keep one of them.
        """
        self.dropped_at, self._forgets = None, False
        self.held = evolve(
            self.held,
            access=grant.access_token,
            refresh=grant.refresh_token,
            device=grant.device_token or self.held.device,
        )
        self._write_tokens(grant.session, now)
        device, lifetime = self.held.device, self._settings.device_lifetime
        if grant.device_token or (device and _may_outlive(grant.session, lifetime)):
            self._write(self._settings.cookie_names.device, device or "", int(lifetime))

    def follow(self, session: Session, now: float) -> None:
        """Let the session's two cookies end when it does; other text is not sent back."""
        held = self.held
        self.held = evolve(held, access=_sendable(held.access), refresh=_sendable(held.refresh))
        self._write_tokens(session, now)

    def _write_tokens(self, session: Session, now: float) -> None:
        names = self._settings.cookie_names
        left = max(0, int(session.expires_at.timestamp() - now))
        for name, token in ((names.access, self.held.access), (names.refresh, self.held.refresh)):
            if token:
                self._write(name, token, left if session.persistent else None)

    def take_back(self) -> None:
        """Set nothing after all: newer cookies have replaced these, or a rollback has."""
        self._lines.clear()

    def drop(self, ended_at: float | None, *, forget_device: bool = False) -> None:
        """
        Sign the client out; its device stays known unless that is to be forgotten too.

        Args:
            ended_at: When its session had ended; None if that may live on.
            forget_device: Whether to forget it.
        """
        self._forgets |= forget_device
        self.dropped_at = None if self._forgets else ended_at
        names = self._settings.cookie_names
        self.held = evolve(self.held, access=None, refresh=None)
        dropped = [names.access, names.refresh]
        if forget_device:
            self.held = evolve(self.held, device=None)
            dropped.append(names.device)
        if self.is_carried:
            for name in dropped:
                self._lines[name] = cookies.clear(name, self._settings.cookie_attributes)

    def _write(self, name: str, value: str, max_age: int | None) -> None:
        if self.is_carried:
            attributes = self._settings.cookie_attributes
            self._lines[name] = cookies.write(name, value, attributes, max_age=max_age)

    @property
    def is_untouched(self) -> bool:
        """Whether no cookie is set or cleared, as with most responses."""
        return not (self._lines or self.ended or self._twice)

    @property
    def is_empty(self) -> bool:
        """Whether no cookie is set."""
        return not self._lines

    def headers(self, *, may_clear: bool) -> list[Header]:
        """
        The Set-Cookie headers.

        Args:
            may_clear: Whether this response may clear useless cookies: not where the
                client sends many requests at once, since a late answer would clear
                the cookies that another has set.
        """
        lines, attributes = dict(self._lines), self._settings.cookie_attributes
        twins: list[str] = []
        if may_clear:
            host, path = self._request.headers.get("host", ""), self._request.whole_path
            twins = cookies.clear_twins(self._twice, host, path, attributes)
            for name in sorted(self.ended | self._twice):
                lines.setdefault(name, cookies.clear(name, attributes))
        return [("Set-Cookie", line) for line in (*twins, *lines.values())]


def _sendable(token: str | None) -> str | None:
    return token if token and _TOKEN.fullmatch(token) else None


def _may_outlive(session: Session, lifetime: float) -> bool:
    """Whether *session* may last longer than the device cookie that its sign-in set."""
    return (session.absolute_expires_at - session.created_at).total_seconds() > lifetime
