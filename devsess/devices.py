"""
From a Client to what is known of its device: label it for people, recognise it.

Nothing here is proof. A client says what it likes of itself; only a signed key
ring, or the application's own fingerprint, names a device. All else is evidence.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from attrs import frozen

from devsess._hints import (
    BROWSERS,
    DESKTOPS,
    MAX_NAME,
    SILENCE,
    SYSTEMS,
    UNKNOWN,
    Claim,
    family,
    merged,
    read_hints,
    television,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.models import Client, Kind
    from devsess.policy import Privacy
    from devsess.rows import DeviceRow

# Longest user agent that is looked at or kept; honest ones stay below 300.
MAX_USER_AGENT = 512
# Most devices on one browser's key ring.
MAX_RING = 5
# Longest text that can be an address, zone and brackets included.
MAX_ADDRESS = 64

# Evidence that a sign-in comes from a known device. The threshold is the sum of the
# first three, and the network weighs less than each: it never stands in for one.
OS_WEIGHT = 0.30
BROWSER_WEIGHT = 0.30
KIND_WEIGHT = 0.25
NETWORK_WEIGHT = 0.15
RESEMBLES_AT = 0.85

# C0, DEL and C1; bidirectional controls; line and paragraph separators. They
# forge lines in logs and turn text around in terminals.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")

# "10" is not among them: browsers say it on Windows 11 too.
_WINDOWS = frozenset({"XP", "Vista", "7", "8", "8.1"})
_APPLE = frozenset({"iPhone", "iPad", "iPod"})
_CONSOLES = ("PlayStation", "Nintendo", "Xbox")
# What the parser takes for crawlers, but people write clients with.
_LIBRARIES = frozenset({"Java", "Python-urllib", "python-urllib3"})
# "curl/8.5.0", "MyApp/42 CFNetwork/…": a program, where a browser says "Mozilla/5.0".
_PRODUCT = re.compile(r"(?!Mozilla/|Opera/)([^\W\d_][^/;,()<>\"]{0,63})/v?[0-9]")
_ELECTRON = re.compile(r"\) ([^\s/()]{1,63})/[^\s()]+ Chrome/[^\s()]+ Electron/")
_NO_MODEL = re.compile(r"(?:|K|Other|Generic.*|iOS-Device|Android)")


@frozen
class Traits:
    """
    What a client says of itself.

    Attributes:
        label: What a person recognises: "Chrome on macOS", "Pixel 9 Pro · Chrome".
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
        traits: What it says of itself.
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


@frozen
class Likeness:
    """
    A known device that left the same traces: evidence, never proof.

    Attributes:
        device_id: Which one.
        score: How much they share, 0 to 1.
        reasons: What they share, for people.
    """

    device_id: str
    score: float
    reasons: tuple[str, ...]


def clean_text(value: str | None, limit: int) -> str | None:
    """
    The first *limit* characters of *value*, safe to log and to print; None if nothing is left.

    Control characters, bidirectional controls and line separators are removed,
    lone surrogates replaced. Cut first: a huge header costs no more than a short one.

    Raises:
        TypeError: If *value* is neither text nor None.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"text must be a str or None, not {type(value).__name__}")
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", value[:limit])).strip() or None


def sight(client: Client, privacy: Privacy) -> Sighting:
    """
    What is kept of *client*: its address as far as *privacy* allows, and its traits.

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
    What *client* says of itself; its client hints win over its user agent.

    Never fails for what a client sends: what cannot be read is not known. An
    unseen user agent costs about a millisecond, a known one microseconds.

    Raises:
        TypeError: If a field of *client* has the wrong type; its name is in the message.
    """
    _check(client)
    agent = _agent(clean_text(client.user_agent, MAX_USER_AGENT) or "")
    claim = merged(agent, read_hints(client.headers))
    return Traits(claim.label, claim.kind, claim.os, claim.browser)


def same_family(traits: Traits, os: str, browser: str) -> bool:
    """
    Whether *traits* name this OS family and this browser family.

    An unknown family equals nothing, for silence is no evidence; with two
    exceptions, without which no such client could refresh. Clients that say
    nothing at all are equal. And a program (kind app or bot) need not tell
    its OS: its name is enough, if neither told.
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


def resembling(devices: Sequence[DeviceRow], sighting: Sighting) -> Likeness | None:
    """
    The known device that left the traces of *sighting*, or None; evidence only.

    OS family, browser family and kind must all be known and equal; a shared
    network raises the score. Versions never count. Among equals the one seen
    last; forgotten devices never, blocked ones too.
    """
    known = [device for device in devices if not device.forgotten]
    latest = sorted(known, key=lambda device: (device.last_seen_at, device.id), reverse=True)
    likely = [_likeness(device, sighting) for device in latest]
    best = max(likely, key=lambda likeness: likeness.score, default=None)
    return best if best and best.score >= RESEMBLES_AT else None


def ring_with(device_id: str, ring: Sequence[str]) -> tuple[str, ...]:
    """The key ring after a sign-in: *device_id*, then the others once each, five in all."""
    return tuple(dict.fromkeys((device_id, *ring)))[:MAX_RING]


def address(ip: str | None) -> str | None:
    """
    *ip* in its one normal spelling, or None if it is no address.

    Space around it, brackets and a zone (RFC 4007) are dropped; an IPv4
    address mapped into IPv6 (RFC 4291 §2.5.5.2) is that IPv4 address.

    Raises:
        TypeError: If *ip* is neither text nor None.
    """
    return _located(ip)[0]


def network(address: str | None) -> str | None:
    """
    The network of *address*: its first 24 bits (IPv4) or 48 bits (IPv6), the rest zero.

    None for None and for what is no address.

    Raises:
        TypeError: If *address* is neither text nor None.
    """
    return _located(address)[1]


def _same_digest(kept: bytes | None, presented: bytes | None) -> bool:
    return bool(kept and presented and hmac.compare_digest(kept, presented))


def _likeness(device: DeviceRow, sighting: Sighting) -> Likeness:
    seen = sighting.traits
    shared = [
        (weight, f"same {what}: {ours}")
        for weight, what, ours, theirs in (
            (OS_WEIGHT, "system", device.os, seen.os),
            (BROWSER_WEIGHT, "browser", device.browser, seen.browser),
            (KIND_WEIGHT, "kind", device.kind, seen.kind),
            (NETWORK_WEIGHT, "network", device.network, sighting.network),
        )
        if ours == theirs and ours not in (None, UNKNOWN)
    ]
    score = round(sum(weight for weight, _ in shared), 2)
    return Likeness(device.id, score, tuple(reason for _, reason in shared))


def _located(text: str | None) -> tuple[str | None, str | None]:
    if text is None:
        return None, None
    if not isinstance(text, str):
        raise TypeError(f"an address must be a str or None, not {type(text).__name__}")
    return _parsed_address(text) if len(text) <= MAX_ADDRESS else (None, None)


@lru_cache(maxsize=4096)
def _parsed_address(text: str) -> tuple[str | None, str | None]:
    try:
        ip = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None, None
    if isinstance(ip, ipaddress.IPv6Address):
        # Through the number, which knows no zone.
        ip = ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
    host_bits = 8 if ip.version == 4 else 80
    return str(ip), str(type(ip)(int(ip) >> host_bits << host_bits))


def _check(client: Client) -> None:
    for name in ("ip", "user_agent", "device_token", "fingerprint"):
        value = getattr(client, name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"Client.{name} must be a str or None, not {type(value).__name__}")
    headers = client.headers
    if headers is not None and not isinstance(headers, Mapping):
        raise TypeError(f"Client.headers must be a mapping or None, not {type(headers).__name__}")


@lru_cache(maxsize=4096)
def _agent(text: str) -> Claim:
    if not text:
        return SILENCE
    # Here, because it loads a thousand patterns that `import devsess` does not need.
    from user_agents import parse

    try:
        said = parse(text)
    except ValueError:
        # The parser takes "²" for a digit, and int() does not.
        return SILENCE
    program = _program(text)
    browser = program or family(_anywhere(said.browser.family), BROWSERS)
    os = family(_console(said) or said.os.family, SYSTEMS)
    kind = _agent_kind(said, text, os, program)
    model = television(text) if kind == "tv" else _agent_model(said)
    return Claim(browser, os, _agent_place(said, os), kind, model)


def _program(text: str) -> str | None:
    match = _PRODUCT.match(text) or _ELECTRON.search(text)
    name = clean_text(unquote(match[1]), MAX_NAME) if match else None
    return family(name, BROWSERS) if name else None


def _anywhere(browser: str) -> str:
    # "Chrome Mobile iOS", "Firefox iOS", "Edge Mobile": one family wherever they run.
    return browser.removesuffix(" iOS").removesuffix(" Mobile")


def _console(said: Any) -> str | None:
    return next((name for name in _CONSOLES if said.device.family.startswith(name)), None)


def _agent_kind(said: Any, text: str, os: str, program: str | None) -> Kind:
    headless = said.browser.family == "HeadlessChrome"
    if headless or (said.is_bot and program not in _LIBRARIES):
        return "bot"
    if television(text):
        return "tv"
    if program:
        return "app"
    if said.is_tablet or said.device.family == "Generic Tablet":
        return "tablet"
    if said.is_mobile:
        return "phone"
    return "desktop" if os in DESKTOPS else "unknown"


def _agent_place(said: Any, os: str) -> str:
    if os == "iOS" and said.device.family in _APPLE:
        return str(said.device.family)
    if os == "Windows" and said.os.version_string in _WINDOWS:
        return f"Windows {said.os.version_string}"
    return os


def _agent_model(said: Any) -> str | None:
    # The longer one says more: "Samsung SM-S928B" is a family, "Quest 3" a model.
    model = max(said.device.family or "", said.device.model or "", key=len)
    return None if _NO_MODEL.fullmatch(model) else clean_text(model, MAX_NAME)
