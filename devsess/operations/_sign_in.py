"""A sign-in before it is written: the application's part of it, and the account's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from devsess.devices.recognise import Sighting
    from devsess.models import Location
    from devsess.operations.habits import Habits
    from devsess.risk.facts import Facts
    from devsess.stores.calls import Known
    from devsess.stores.rows import DeviceRow


@frozen
class SignIn:
    """
    The application's part of a login, checked.

    Attributes:
        amr: The methods, and behind them the provider, as a row keeps both.
        lifetime: Seconds after which the session ends at the latest; None: as the policy has it.
        Others as in `SessionManager.login`.
    """

    user_id: str
    amr: tuple[str, ...]
    acr: str | None
    auth_instant: float
    is_dated: bool
    persistent: bool
    claims: str
    lifetime: float | None


@frozen
class Seen:
    """
    A client as its account knows it; nothing is written yet.

    Attributes:
        ring: The device ids of its device token.
        sighting: What it shows of itself.
        digests: Of the account's id, current key first.
        account: The account's ending number, devices and items.
        device: The one that it is, as the account knows it, or a new one.
        is_known: Whether the account knows it.
        is_owned: Whether its own token proves that.
        location: Of its address, or None.
        facts: What an assessment is made of.
        habits: What it is compared with.
    """

    ring: tuple[str, ...]
    sighting: Sighting
    digests: tuple[bytes, ...]
    account: Known
    device: DeviceRow
    is_known: bool
    is_owned: bool
    location: Location | None
    facts: Facts
    habits: Habits
