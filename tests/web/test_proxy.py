"""Only trusted proxies say which address the client has (RFC 7239, RFC 9700 §4.13)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsess import SessionManager
from devsess.adapters._proxy import client_address
from devsess.adapters.wsgi import SessionMiddleware
from devsess.tokens.keys import generate_secret

PROXY, INNER = "10.0.0.1", "10.0.0.2"
CLIENT, FORGED = "203.0.113.7", "198.51.100.66"
TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")


def trusted(*networks: str) -> Any:
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        app = SessionMiddleware(lambda *_: [], sessions, trusted_proxies=networks)
        return app._settings.trusted_proxies


FORWARDED_FOR = {
    "one proxy": (CLIENT, CLIENT),
    "two proxies": (f"{CLIENT}, {INNER}", CLIENT),
    "a spoofed left entry": (f"{FORGED}, {CLIENT}", CLIENT),
    "many spoofed entries": (", ".join([FORGED] * 50 + [CLIENT, INNER]), CLIENT),
    "a trusted address, spoofed": (f"{INNER}, {CLIENT}", CLIENT),
    "all are trusted": (f"10.9.9.9, {INNER}", "10.9.9.9"),
    "a port": (f"{CLIENT}:4711", CLIENT),
    "IPv6": ("2001:db8::5", "2001:db8::5"),
    "IPv6 with a port": ("[2001:db8::5]:4711", "2001:db8::5"),
    "IPv6 through IPv6": ("2001:db8::5, 2001:db8:ffff::1", "2001:db8::5"),
    "IPv4 mapped": (f"::ffff:{CLIENT}", CLIENT),
    "a zone": ("fe80::1%eth0", "fe80::1"),
    "unknown": (f"{FORGED}, unknown", PROXY),
    "unknown further left": (f"{FORGED}, unknown, {INNER}", INNER),
    "obfuscated": (f"{FORGED}, _hidden", PROXY),
    "empty": ("", PROXY),
    "an empty element": (f"{FORGED},, {INNER}", INNER),
    "a trailing comma": (f"{CLIENT},", PROXY),
    "nonsense": ("<script>", PROXY),
    "a huge port": (f"{CLIENT}:999999", PROXY),
    "twenty hops and more": (", ".join([FORGED, *[INNER] * 40]), INNER),
    "a bomb": (", ".join([INNER] * 100_000), INNER),
    "a bomb before the client": (f"{'x' * 100_000}, {CLIENT}", CLIENT),
    "no space": (f"{FORGED},{CLIENT},{INNER}", CLIENT),
}
FORWARDED = {
    "one proxy": (f"for={CLIENT}", CLIENT),
    "all members": (f"for={CLIENT};proto=https;by={PROXY};host=app.example", CLIENT),
    "any order and case": (f"Proto=https;FOR={CLIENT}", CLIENT),
    "quoted IPv6": ('for="[2001:db8::5]:4711"', "2001:db8::5"),
    "quoted IPv4 and port": (f'for="{CLIENT}:4711"', CLIENT),
    "two proxies": (f"for={CLIENT}, for={INNER}", CLIENT),
    "spoofed": (f"for={FORGED}, for={CLIENT}", CLIENT),
    "spoofed with an open quote": (f'for="{FORGED}, for={CLIENT}', CLIENT),
    "an open quote before a quoted one": (f'for="{FORGED};x=, for="{CLIENT}"', CLIENT),
    "a comma in quotes": (f'for={CLIENT};host="a,for={FORGED}"', CLIENT),
    "an escaped quote": (f'for={CLIENT};host="a\\",for={FORGED};b=\\""', CLIENT),
    "for in a string": (f'host="x;for={FORGED}";for={CLIENT}', CLIENT),
    "for twice": (f"for={FORGED};for={CLIENT}", PROXY),
    "no for": ("proto=https", PROXY),
    "unknown": ("for=unknown", PROXY),
    "obfuscated": ('for="_gazonk"', PROXY),
    "empty": ("", PROXY),
    "a bare address": (CLIENT, PROXY),
    "bare IPv6": (f"for=[2001:db8::5], for={INNER}", "2001:db8::5"),
    "bare IPv6 with a port": ("for=[2001:db8::5]:4711;proto=https", "2001:db8::5"),
    "bare IPv6 without brackets": (f"proto=https;for=2001:db8::5, for={INNER}", "2001:db8::5"),
    "bare IPv6 of another member": (f"for={CLIENT};by=[2001:db8::9]", CLIENT),
    "bare IPv4 and port": (f"for={CLIENT}:4711", CLIENT),
    "bare IPv6, spoofed": (f"for=[2001:db8::66], for={CLIENT}", CLIENT),
    "brackets that stay open": (f"for={FORGED}, for=[2001:db8::5", PROXY),
    "a bracket alone": ("for=[", PROXY),
    "nothing in brackets": ("for=[]", PROXY),
    "colons": (f"for={':' * 2000}", PROXY),
    "a bomb": (", ".join([f"for={INNER}"] * 10_000), INNER),
    "a bomb before the client": (f"{'x' * 100_000}, for={CLIENT}", CLIENT),
    "commas": ("," * 4000, PROXY),
    "quotes": ('"' * 4000, PROXY),
}
# Of a longer header the last 4,096 characters are read, from their first comma on.
LAST = f", {INNER}"
CUT = "8.51.100.66"
FORWARDED_FOR["a cut inside an address"] = (
    FORGED.removesuffix(CUT) + CUT + f"{'':{4096 - len(CUT) - len(LAST)}}{LAST}",
    INNER,
)
FORWARDED["a cut inside an element"] = (
    f"x=1;for={FORGED}" + f"{'':{4096 - len(FORGED) - 4 - len(LAST) - 4}}, for={INNER}",
    INNER,
)
ALL = [("x-forwarded-for", *case) for case in FORWARDED_FOR.values()] + [
    ("forwarded", *case) for case in FORWARDED.values()
]


@pytest.mark.parametrize(("header", "value", "expected"), ALL, ids=[*FORWARDED_FOR, *FORWARDED])
def test_behind_a_trusted_proxy(header: Any, value: str, expected: str) -> None:
    """Addresses are read from the right, past trusted proxies; an unreadable one ends the walk."""
    assert expected == client_address(PROXY, {header: value}, trusted(*TRUSTED), header)


def test_a_truncated_entry_is_no_address() -> None:
    """The two cases above are cut where the rest of the address would be an address."""
    assert CUT == FORWARDED_FOR["a cut inside an address"][0][-4096:].partition(" ")[0]
    assert f"for={FORGED}" == FORWARDED["a cut inside an element"][0][-4096:].partition(" ")[0]


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
def test_a_stranger_is_not_believed(header: Any) -> None:
    """Without trusted proxies, or from a peer that is none, headers are ignored."""
    headers = {"x-forwarded-for": FORGED, "forwarded": f"for={FORGED}"}
    assert CLIENT == client_address(CLIENT, headers, trusted(*TRUSTED), header)
    assert PROXY == client_address(PROXY, headers, trusted(), header)


def test_only_the_chosen_header_counts() -> None:
    """A proxy that writes one header passes the other one through."""
    headers = {"x-forwarded-for": CLIENT, "forwarded": f"for={FORGED}"}
    assert CLIENT == client_address(PROXY, headers, trusted(*TRUSTED), "x-forwarded-for")


def test_a_unix_socket_has_no_address() -> None:
    """Its other end is trusted by name, or its headers are ignored."""
    headers = {"x-forwarded-for": CLIENT}
    assert client_address(None, headers, trusted(*TRUSTED), "x-forwarded-for") is None
    assert CLIENT == client_address(None, headers, trusted("unix"), "x-forwarded-for")
    assert client_address("nonsense", headers, trusted("unix"), "x-forwarded-for") is None


@given(st.text(max_size=80), st.sampled_from(["x-forwarded-for", "forwarded"]))
def test_no_header_breaks_anything(value: str, header: Any) -> None:
    """Every value gives an address and no error."""
    assert client_address(PROXY, {header: value}, trusted(*TRUSTED), header)


def test_the_app_sees_the_client(make: Any) -> None:
    """Through the middleware: two lines of a header are one list."""
    site = make(trusted_proxies=["192.0.2.0/24"])
    browser = site.browser()
    assert "192.0.2.1" == json.loads(browser.get("/client").text)[0]
    answer = browser.get("/client", X_Forwarded_For=f"{FORGED}, {CLIENT}")
    assert CLIENT == json.loads(answer.text)[0]
    browser.post("/login?user=ada", X_Forwarded_For=CLIENT)
    assert CLIENT == site.sessions.list("ada")[0].ip
