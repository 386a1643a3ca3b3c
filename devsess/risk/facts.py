"""The facts of one request, as far as they are known."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

from devsess._client import UNKNOWN

if TYPE_CHECKING:
    from devsess.models import Kind, Location


class Proof(Enum):
    """How a request proved which device it comes from."""

    NONE = "none"
    KNOWN = "known"  # its device token, or the application's fingerprint
    TRUSTED = "trusted"  # the same, and its user trusts the device
    BLOCKED = "blocked"


@frozen
class Facts:
    """
    One sign-in or refresh; None, or "unknown", for what is not known.

    A refresh has a `session_os`, and a sign-in has none.

    Attributes:
        at: Seconds since the epoch.
        proof: Which device it is, and how that was proven.
        network: The address's /24 (IPv4) or /48 (IPv6).
        location: Of the address, with the network that announces it.
        os, browser: Families, without versions.
        kind: Of device or program.
        failures: Failed sign-ins of the account shortly before this one.
        failed_accounts: Accounts on which `network` failed shortly before, its own among them.
        new_devices: Unlike devices that were new to the account in the 24 hours before, this
            one among them; 0 where it is known.
        session_os: At a refresh, the system that the session's sign-in showed, or "unknown".
    """

    at: float
    proof: Proof = Proof.NONE
    network: str | None = None
    location: Location | None = None
    os: str = UNKNOWN
    browser: str = UNKNOWN
    kind: Kind = UNKNOWN
    failures: int = 0
    failed_accounts: int | None = None
    session_os: str | None = None
    new_devices: int = 0

    @property
    def is_proven(self) -> bool:
        """Whether a known device was proven."""
        return self.proof in (Proof.KNOWN, Proof.TRUSTED)

    @property
    def is_refresh(self) -> bool:
        """Whether it is a refresh of a session, and no sign-in."""
        return self.session_os is not None

    @property
    def agent(self) -> str | None:
        """Browser and system in one, or None where both are silent."""
        return None if UNKNOWN == self.browser == self.os else f"{self.browser} on {self.os}"

    @property
    def provider(self) -> str | None:
        """The number of the autonomous system that announces the address, as text."""
        where = self.location
        return str(where.asn) if where is not None and where.asn is not None else None
