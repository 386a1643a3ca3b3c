"""
From a Client to its device: label it for people, recognise it.

Nothing here is proof. A client can claim anything; only a signed key ring, or the
application's own fingerprint, names a device. All else is evidence.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen

from devsess._app import app_of, without_app
from devsess._client import MAX_USER_AGENT, UNKNOWN
from devsess._runtime.fork import importing
from devsess._text import clean_text
from devsess.devices.addresses import address, network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.models import Client, Kind
    from devsess.policy import Privacy
    from devsess.stores.rows import DeviceRow

# Most devices on one browser's key ring.
MAX_RING = 5


@frozen
class Traits:
    """
    A client's description of itself.

    Attributes:
        label: A name that a person recognises: "Chrome on macOS", "Pixel 9 Pro · Chrome".
        kind: desktop, phone, tablet, tv, bot, app or unknown.
        os: Family of the operating system, no version; or "unknown".
        browser: Family of the browser, or the program; or "unknown".
    """

    label: str
    kind: Kind
    os: str
    browser: str


@frozen
class Sighting:
    """
    All that a sign-in keeps of its client.

    Attributes:
        ip: The address, as far as the policy keeps it.
        network: Its network (/24, /48), or None.
        user_agent: As sent, but cut and without control characters.
        traits: The client's description of itself.
    """

    ip: str | None
    network: str | None
    user_agent: str | None
    traits: Traits


@frozen
class Match:
    """
    A known device, and how it was recognised.

    Attributes:
        device: The device; it may be blocked.
        by: "token": it is on the key ring; "fingerprint": the application named it.
    """

    device: DeviceRow
    by: Literal["token", "fingerprint"]


def sight(client: Client, privacy: Privacy) -> Sighting:
    """
    The part of *client* that is kept: its address as far as *privacy* allows, its traits.

    Raises:
        TypeError: If a field of *client* has the wrong type; its name is in the message.
    """
    claimed = traits(client)
    ip = None if privacy.ip == "none" else address(client.ip)
    part = network(ip)
    return Sighting(
        ip=ip if privacy.ip == "full" else part,
        network=part,
        user_agent=clean_text(client.user_agent, MAX_USER_AGENT),
        traits=claimed,
    )


def traits(client: Client) -> Traits:
    """
    The description that *client* gives of itself; its hints win over its user agent.

    The name that a native app gives itself is in the label alone. No text that a client sends
    makes it fail: an unreadable part is "unknown". An unseen user agent costs about a
    millisecond, a known one microseconds.

    Raises:
        TypeError: If a field of *client* has the wrong type; its name is in the message.
    """
    # Here, because only a sign-in or refresh needs them: a tenth of `import devsess`'s time.
    with importing:
        from devsess.devices.agents import read_agent
        from devsess.devices.hints import merged, read_hints

    _check(client)
    text = clean_text(client.user_agent, MAX_USER_AGENT)
    app = app_of(text)
    claim = merged(read_agent(without_app(text) or ""), read_hints(client.headers))
    if app is not None:
        claim = evolve(claim, app=app.name)
    return Traits(claim.label, claim.kind, claim.os, claim.browser)


def same_family(traits: Traits, os: str, browser: str) -> bool:
    """
    Whether *traits* name this OS family and this browser family.

    An unknown family equals nothing, for silence is no evidence; with two
    exceptions, without which no such client could refresh. Clients that say
    nothing at all are equal. And a program (kind app or bot) need not name its
    OS: its own name is enough, if neither names one.
    """
    if (traits.os, traits.browser) != (os, browser):
        return False
    if browser == UNKNOWN:
        return os == UNKNOWN
    return os != UNKNOWN or traits.kind in ("app", "bot")


def recognise(
    devices: Sequence[DeviceRow], ring: Sequence[str], fingerprint: bytes | None
) -> Match | None:
    """
    The device of this user that presented *ring* or *fingerprint*, or None.

    The ring goes first, in its order; then the digest of the application's own
    fingerprint. Forgotten devices are never recognised; blocked ones are, so
    that they can be refused.
    """
    known = {device.id: device for device in devices if not device.forgotten}
    for device_id in ring:
        if device_id in known:
            return Match(known[device_id], "token")
    for device in known.values():
        if _same_digest(device.fingerprint, fingerprint):
            return Match(device, "fingerprint")
    return None


def resembling(devices: Sequence[DeviceRow], sighting: Sighting) -> DeviceRow | None:
    """
    The known device that left the traces of *sighting*, or None; evidence only.

    OS family, browser family and kind must all be known and equal. Versions never
    count. Of several, one in the same network goes first, then the one seen last.
    Forgotten devices never match; blocked ones do.
    """
    seen = sighting.traits
    traces = (seen.os, seen.browser, seen.kind)
    if UNKNOWN in traces:
        return None

    def rank(device: DeviceRow) -> tuple[bool, float, str]:
        is_near = device.network is not None and device.network == sighting.network
        return is_near, device.last_seen_at, device.id

    alike = (
        device
        for device in devices
        if not device.forgotten and (device.os, device.browser, device.kind) == traces
    )
    return max(alike, key=rank, default=None)


def ring_with(device_id: str, ring: Sequence[str]) -> tuple[str, ...]:
    """The key ring after a sign-in: *device_id*, then the others once each, five in all."""
    return merged_ring([(device_id, *ring)])


def merged_ring(rings: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The first id of each of the key rings, then the second ones, and so on; five in all."""
    ids = (it for rank in zip_longest(*rings) for it in rank if it is not None)
    return tuple(dict.fromkeys(ids))[:MAX_RING]


def _same_digest(kept: bytes | None, presented: bytes | None) -> bool:
    return bool(kept and presented and hmac.compare_digest(kept, presented))


def _check(client: Client) -> None:
    for name in ("ip", "user_agent", "device_token", "fingerprint"):
        value = getattr(client, name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"Client.{name} must be a str or None, not {type(value).__name__}")
    headers = client.headers
    if headers is not None and not isinstance(headers, Mapping):
        raise TypeError(f"Client.headers must be a mapping or None, not {type(headers).__name__}")
