"""A client as it is sighted, and a device as it is recognised."""

from __future__ import annotations

from typing import Any

import pytest
from _clients import IPHONE_SAFARI, WINDOWS, is_safe
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from devsess.devices.recognise import (
    MAX_RING,
    Match,
    Sighting,
    Traits,
    merged_ring,
    recognise,
    resembling,
    ring_with,
    same_family,
    sight,
    traits,
)
from devsess.models import Client
from devsess.policy import Privacy
from devsess.stores.rows import DeviceRow


def device(device_id: str = "d1", **changes: Any) -> DeviceRow:
    """A known device: Chrome on macOS."""
    row = DeviceRow(
        id=device_id,
        user_id="u1",
        label="Chrome on macOS",
        kind="desktop",
        os="macOS",
        browser="Chrome",
        first_seen_at=1.0,
        last_seen_at=2.0,
        network="203.0.113.0",
    )
    return evolve(row, **changes)


def sighting(**changes: Any) -> Sighting:
    """A sign-in from Chrome on macOS."""
    said = Traits("Chrome on macOS", "desktop", "macOS", "Chrome")
    place = changes.pop("network", None)
    return Sighting(ip=None, network=place, user_agent=None, traits=evolve(said, **changes))


@pytest.mark.parametrize("name", ["ip", "user_agent", "device_token", "fingerprint", "headers"])
@pytest.mark.parametrize("wrong", [1, b"bytes", ["list"], object()])
def test_a_wrong_type_is_named(name: str, wrong: object) -> None:
    """A field of the wrong type is the caller's error, and the message names the field."""
    fields: dict[str, Any] = {name: wrong}
    with pytest.raises(TypeError, match=f"Client.{name} must be"):
        sight(Client(**fields), Privacy())


@pytest.mark.parametrize(
    ("mode", "ip", "part"),
    [
        ("full", "203.0.113.77", "203.0.113.0"),
        ("truncated", "203.0.113.0", "203.0.113.0"),
        ("none", None, None),
    ],
)
def test_a_sighting_keeps_what_privacy_allows(mode: Any, ip: str | None, part: str | None) -> None:
    """The policy decides whether the address, its network or nothing is kept."""
    seen = sight(Client(ip=" 203.0.113.77 ", user_agent="curl/8\n.5"), Privacy(ip=mode))

    expected = Sighting(ip, part, "curl/8.5", Traits("curl", "app", "unknown", "curl"))

    assert expected == seen


def test_a_silent_client_is_sighted() -> None:
    """A client that says nothing at all signs in all the same."""
    actual = sight(Client(ip="no address"), Privacy())

    silent = Traits("Unknown device", "unknown", "unknown", "unknown")

    assert actual == Sighting(None, None, None, silent)


@given(st.text())
def test_no_text_breaks_a_sighting(text: str) -> None:
    """Sighting a client of any text gives an answer without control characters."""
    headers = {"Sec-CH-UA": text, "Sec-CH-UA-Platform": f'"{text}"', "Sec-CH-UA-Model": text}
    seen = sight(Client(ip=text, user_agent=text, headers=headers), Privacy())

    said = seen.traits
    kept = (seen.ip, seen.network, seen.user_agent, said.label, said.os, said.browser)

    assert all(is_safe(part) for part in kept)


@pytest.mark.parametrize(
    ("said", "os", "browser", "expected"),
    [
        (Traits("", "desktop", "macOS", "Chrome"), "macOS", "Chrome", True),
        (Traits("", "desktop", "macOS", "Chrome"), "macOS", "Firefox", False),
        (Traits("", "desktop", "macOS", "Chrome"), "Windows", "Chrome", False),
        (Traits("", "desktop", "unknown", "Chrome"), "unknown", "Chrome", False),
        (Traits("", "desktop", "macOS", "unknown"), "macOS", "unknown", False),
        (Traits("", "unknown", "unknown", "unknown"), "unknown", "unknown", True),
        (Traits("", "unknown", "unknown", "unknown"), "macOS", "Chrome", False),
        (Traits("", "desktop", "macOS", "Chrome"), "unknown", "unknown", False),
        (Traits("", "app", "unknown", "curl"), "unknown", "curl", True),
        (Traits("", "app", "unknown", "curl"), "unknown", "Wget", False),
        (Traits("", "app", "unknown", "curl"), "Linux", "curl", False),
    ],
)
def test_families_are_equal_only_where_both_speak(
    said: Traits, os: str, browser: str, expected: bool
) -> None:
    """An unknown family equals nothing, except between silent clients and between programs."""
    actual = same_family(said, os, browser)

    assert expected is actual


@pytest.mark.parametrize("agent", [None, "curl/8.5.0", "okhttp/4.12.0", IPHONE_SAFARI, WINDOWS])
def test_a_client_is_of_its_own_family(agent: str | None) -> None:
    """A client that comes back is of the family it was."""
    said = traits(Client(user_agent=agent))

    assert same_family(said, said.os, said.browser)


def test_a_browser_update_is_the_same_family() -> None:
    """A new version of browser or system does not change the family."""
    newer = traits(Client(user_agent=IPHONE_SAFARI.replace("18", "26")))
    older = traits(Client(user_agent=IPHONE_SAFARI))

    assert newer == older


def test_the_ring_goes_first_and_in_its_order() -> None:
    """The first device on the ring that is this user's counts, with any fingerprint."""
    known = [device("d1", fingerprint=b"f"), device("d2"), device("d3")]

    actual = recognise(known, ["elsewhere", "d3", "d2"], b"f")

    assert actual == Match(known[2], "token")


def test_a_fingerprint_is_next() -> None:
    """Without a device on the ring, an equal fingerprint names the device."""
    known = [device("d1"), device("d2", fingerprint=b"other"), device("d3", fingerprint=b"f")]

    actual = recognise(known, ["elsewhere"], b"f")

    assert actual == Match(known[2], "fingerprint")


def test_a_forgotten_device_is_never_recognised() -> None:
    """Neither ring nor fingerprint brings a forgotten device back."""
    known = [device("d1", fingerprint=b"f", forgotten=True)]

    actual = recognise(known, ["d1"], b"f")

    assert actual is None


def test_a_blocked_device_is_recognised() -> None:
    """A blocked device is recognised, so that it can be refused."""
    blocked = device("d1", blocked=True)

    actual = recognise([blocked], ["d1"], None)

    assert actual == Match(blocked, "token")


@pytest.mark.parametrize("fingerprint", [None, b"", b"g"])
def test_an_unnamed_device_is_not_recognised(fingerprint: bytes | None) -> None:
    """No ring and no equal fingerprint: a new device; an empty digest equals nothing."""
    known = [device("d1"), device("d2", fingerprint=b"f"), device("d3", fingerprint=b"")]

    actual = recognise(known, [], fingerprint)

    assert actual is None


def test_families_and_kind_together_resemble() -> None:
    """OS, browser and kind are enough, in any network or none."""
    for network in (None, "203.0.113.0", "198.51.100.0"):
        assert device() == resembling([device()], sighting(network=network))


@pytest.mark.parametrize("change", [{"os": "Linux"}, {"browser": "Edge"}, {"kind": "phone"}])
def test_the_network_never_stands_in(change: dict[str, str]) -> None:
    """Where one of OS, browser and kind differs, the same network does not help."""
    actual = resembling([device()], sighting(network="203.0.113.0", **change))

    assert actual is None


@pytest.mark.parametrize("silent", ["os", "browser", "kind"])
def test_silence_is_no_evidence(silent: str) -> None:
    """Two unknowns are nothing in common."""
    known = [device(**{silent: "unknown"})]

    actual = resembling(known, sighting(network="203.0.113.0", **{silent: "unknown"}))

    assert actual is None


def test_the_nearest_and_latest_counts() -> None:
    """One in the same network goes first, then the device seen last; forgotten ones never."""
    known = [
        device("old", network=None),
        device("near"),
        device("late", network=None, last_seen_at=9.0),
        device("gone", last_seen_at=99.0, forgotten=True),
    ]

    near = resembling(known, sighting(network="203.0.113.0"))
    far = resembling(known, sighting(network="198.51.100.0"))

    assert near is not None
    assert far is not None
    assert (near.id, far.id) == ("near", "late")


def test_two_unknown_networks_are_not_the_same() -> None:
    """No network is near to none: the device seen last counts."""
    known = [device("last", last_seen_at=9.0), device("first", network=None)]

    assert known[0] == resembling(known, sighting())


def test_nothing_resembles_among_no_devices() -> None:
    """A first device resembles none."""
    actual = resembling([], sighting())

    assert actual is None


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        ([], ("new",)),
        (["a", "b"], ("new", "a", "b")),
        (["a", "new", "b", "a"], ("new", "a", "b")),
        (list("abcdefgh"), ("new", "a", "b", "c", "d")),
    ],
)
def test_the_newest_key_hangs_first(ring: list[str], expected: tuple[str, ...]) -> None:
    """This device comes first, the others once each, five at most."""
    actual = ring_with("new", ring)

    assert expected == actual
    assert len(actual) <= MAX_RING


@pytest.mark.parametrize(
    ("rings", "expected"),
    [
        ([], ()),
        ([(), ()], ()),
        ([("a",), ()], ("a",)),
        ([("a", "b", "c"), ("d", "a"), ("e",)], ("a", "d", "e", "b", "c")),
        ([("a", "b", "c", "d", "e"), ("f",)], ("a", "f", "b", "c", "d")),
    ],
)
def test_of_several_rings_the_first_keys_come_first(
    rings: list[tuple[str, ...]], expected: tuple[str, ...]
) -> None:
    """They are those of the latest sign-ins; each once, five at most."""
    assert expected == merged_ring(rings)
