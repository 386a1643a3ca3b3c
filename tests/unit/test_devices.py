"""From a Client to its traits; recognising a device; the text and addresses kept of it."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from devsess import devices
from devsess.devices import (
    BROWSER_WEIGHT,
    KIND_WEIGHT,
    MAX_RING,
    MAX_USER_AGENT,
    NETWORK_WEIGHT,
    OS_WEIGHT,
    RESEMBLES_AT,
    Match,
    Sighting,
    Traits,
    address,
    clean_text,
    network,
    recognise,
    resembling,
    ring_with,
    same_family,
    sight,
    traits,
)
from devsess.models import Client
from devsess.policy import Privacy
from devsess.rows import DeviceRow

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {APPLE}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/137.0.0.0 Safari/537.36"
REDUCED = f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/137.0.0.0 Mobile Safari/537.36"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {BLINK}"
GECKO = "Gecko/20100101 Firefox/139.0"
CHROME_TAIL = "Chrome/125.0.0.0 Mobile Safari/537.36"
SLACK = f"{MAC} {BLINK} Slack/4.38.125 Chrome/124.0.6367.207 Electron/30.0.5 Safari/537.36"
IPHONE_SAFARI = f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1"

# fmt: off
AGENTS = [
    # user agent, label, kind, os, browser
    (IPHONE_SAFARI,
     "Safari on iPhone", "phone", "iOS", "Safari"),
    (f"{IPHONE} Mobile/15E148",
     "Safari on iPhone", "phone", "iOS", "Safari"),
    (f"{IPHONE} CriOS/137.0.7151.79 Mobile/15E148 Safari/604.1",
     "Chrome on iPhone", "phone", "iOS", "Chrome"),
    (f"{IPHONE} FxiOS/139.0 Mobile/15E148 Safari/605.1.15",
     "Firefox on iPhone", "phone", "iOS", "Firefox"),
    (f"{IPHONE} Version/18.0 EdgiOS/137.0.3296.62 Mobile/15E148 Safari/604.1",
     "Edge on iPhone", "phone", "iOS", "Edge"),
    (f"{IPHONE} Version/18.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
     "DuckDuckGo on iPhone", "phone", "iOS", "DuckDuckGo"),
    (f"{IPAD} Version/17.5 Mobile/15E148 Safari/604.1",
     "Safari on iPad", "tablet", "iOS", "Safari"),
    # What an iPad says too: only what is known can be told.
    (f"{MAC} {APPLE} Version/18.5 Safari/605.1.15",
     "Safari on macOS", "desktop", "macOS", "Safari"),
    (f"{MAC} {BLINK} Chrome/137.0.0.0 Safari/537.36",
     "Chrome on macOS", "desktop", "macOS", "Chrome"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:139.0) {GECKO}",
     "Firefox on macOS", "desktop", "macOS", "Firefox"),
    # "Windows NT 10.0" is frozen: 10 and 11 alike.
    (WINDOWS,
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
    (f"{WINDOWS} Edg/137.0.0.0",
     "Edge on Windows", "desktop", "Windows", "Edge"),
    (f"{WINDOWS} OPR/120.0.0.0",
     "Opera on Windows", "desktop", "Windows", "Opera"),
    (f"{WINDOWS} Vivaldi/7.0",
     "Vivaldi on Windows", "desktop", "Windows", "Vivaldi"),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:139.0) {GECKO}",
     "Firefox on Windows", "desktop", "Windows", "Firefox"),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
     "Internet Explorer on Windows 7", "desktop", "Windows", "Internet Explorer"),
    (f"Mozilla/5.0 (Windows NT 6.3; Win64; x64) {BLINK} Chrome/109.0.0.0 Safari/537.36",
     "Chrome on Windows 8.1", "desktop", "Windows", "Chrome"),
    (REDUCED,
     "Chrome on Android", "phone", "Android", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/137.0.0.0 Safari/537.36",
     "Chrome on Android", "tablet", "Android", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {BLINK} {CHROME_TAIL}",
     "Pixel 8 · Chrome", "phone", "Android", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {BLINK} Version/4.0 {CHROME_TAIL}",
     "Pixel 8 · WebView", "phone", "Android", "WebView"),
    (f"Mozilla/5.0 (Linux; Android 14; SM-G991B) {BLINK} SamsungBrowser/25.0 {CHROME_TAIL}",
     "Samsung SM-G991B · Samsung Internet", "phone", "Android", "Samsung Internet"),
    (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} SamsungBrowser/27.0 {CHROME_TAIL}",
     "Samsung Internet on Android", "phone", "Android", "Samsung Internet"),
    (f"{REDUCED} EdgA/137.0.0.0",
     "Edge on Android", "phone", "Android", "Edge"),
    ("Mozilla/5.0 (Android 14; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0",
     "Firefox on Android", "phone", "Android", "Firefox"),
    ("Mozilla/5.0 (Android 14; Tablet; rv:139.0) Gecko/139.0 Firefox/139.0",
     "Firefox on Android", "tablet", "Android", "Firefox"),
    (f"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:139.0) {GECKO}",
     "Firefox on Linux", "desktop", "Linux", "Firefox"),
    (f"Mozilla/5.0 (X11; Linux x86_64; rv:139.0) {GECKO}",
     "Firefox on Linux", "desktop", "Linux", "Firefox"),
    (f"{LINUX} Ubuntu Chromium/80.0 Chrome/80.0 Safari/537.36",
     "Chromium on Linux", "desktop", "Linux", "Chromium"),
    (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/137.0.0.0 Safari/537.36",
     "Chrome on Chrome OS", "desktop", "Chrome OS", "Chrome"),
    (f"Mozilla/5.0 (X11; FreeBSD amd64; rv:139.0) {GECKO}",
     "Firefox on FreeBSD", "desktop", "FreeBSD", "Firefox"),
    (f"Mozilla/5.0 (PlayStation; PlayStation 5/6.00) {APPLE} Version/13.0 Safari/605.1.15",
     "Safari on PlayStation", "unknown", "PlayStation", "Safari"),
    (f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36",
     "Samsung TV", "tv", "Tizen", "Safari"),
    (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {BLINK} Chrome/94.0.4606.128 Safari/537.36",
     "LG TV", "tv", "webOS", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 7.1.2; AFTMM Build/NS6265; wv) {BLINK} {CHROME_TAIL}",
     "Fire TV", "tv", "Android", "WebView"),
    ("Roku/DVP-12.5 (12.5.0.4174-AE)",
     "Roku", "tv", "Roku", "Roku"),
    ("curl/8.5.0", "curl", "app", "unknown", "curl"),
    ("Wget/1.21.4", "Wget", "app", "unknown", "Wget"),
    ("python-requests/2.32.3", "python-requests", "app", "unknown", "python-requests"),
    ("python-httpx/0.27.0", "python-httpx", "app", "unknown", "python-httpx"),
    ("Python-urllib/3.12", "Python-urllib", "app", "unknown", "Python-urllib"),
    ("HTTPie/3.2.2", "HTTPie", "app", "unknown", "HTTPie"),
    ("PostmanRuntime/7.39.0", "Postman", "app", "unknown", "Postman"),
    ("okhttp/4.12.0", "okhttp", "app", "unknown", "okhttp"),
    ("Dart/3.4 (dart:io)", "Dart", "app", "unknown", "Dart"),
    ("Java/17.0.2", "Java", "app", "unknown", "Java"),
    ("Go-http-client/2.0", "Go-http-client", "app", "unknown", "Go-http-client"),
    ("MyApp/42 CFNetwork/1496.0.7 Darwin/23.5.0", "MyApp on iOS", "app", "iOS", "MyApp"),
    ("My%20App/1.0 CFNetwork/1496.0.7 Darwin/23.5.0", "My App on iOS", "app", "iOS", "My App"),
    ("MyApp/1.2.3 (iPhone; iOS 17.5; Scale/3.00)", "MyApp on iPhone", "app", "iOS", "MyApp"),
    ("MyApp/1.2.3 (Android 14; Pixel 8)", "Pixel 8 · MyApp", "app", "Android", "MyApp"),
    (SLACK,
     "Slack on macOS", "app", "macOS", "Slack"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
     "Googlebot", "bot", "unknown", "Googlebot"),
    (f"Mozilla/5.0 {BLINK[:-1]}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
     "bingbot", "bot", "unknown", "bingbot"),
    (f"{LINUX} HeadlessChrome/137.0.0.0 Safari/537.36",
     "Headless Chrome", "bot", "Linux", "Headless Chrome"),
    *((silent, "Unknown device", "unknown", "unknown", "unknown")
      for silent in (None, "", "   ", "garbage", "Mozilla/5.0", "/1", "\x00", "ÿþ", "Windows3²1")),
]

CHROME = '"Not;A=Brand";v="8", "Chromium";v="137", "Google Chrome";v="137"'
CHROMIUM = '"Not;A=Brand";v="8", "Chromium";v="137"'
HINTED = [
    # user agent, brands, mobile, platform, version, model, then traits
    (WINDOWS, CHROME, "?0", "Windows", "15.0.0", "",
     "Chrome on Windows 11", "desktop", "Windows", "Chrome"),
    (WINDOWS, CHROME, "?0", "Windows", "10.0.0", "",
     "Chrome on Windows 10", "desktop", "Windows", "Chrome"),
    (WINDOWS, CHROME, "?0", "Windows", "", "",
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
    (WINDOWS, '"Brave";v="137", "Chromium";v="137"', "?0", "Windows", "", "",
     "Brave on Windows", "desktop", "Windows", "Brave"),
    (WINDOWS.replace("10.0", "6.1"), CHROME, "?0", "Windows", "", "",
     "Chrome on Windows 7", "desktop", "Windows", "Chrome"),
    (REDUCED, CHROME, "?1", "Android", "15.0.0", "Pixel 9 Pro",
     "Pixel 9 Pro · Chrome", "phone", "Android", "Chrome"),
    (REDUCED, CHROME, "?0", "Android", "", "SM-X700",
     "SM-X700 · Chrome", "tablet", "Android", "Chrome"),
    (None, CHROME, "?0", "macOS", "15.5.0", "",
     "Chrome on macOS", "desktop", "macOS", "Chrome"),
    (None, CHROME, None, "Chrome OS", "", "",
     "Chrome on Chrome OS", "desktop", "Chrome OS", "Chrome"),
    (None, CHROMIUM, None, "Fuchsia", "", "",
     "Chromium on Fuchsia", "unknown", "Fuchsia", "Chromium"),
    (None, None, None, "Android", "", "Pixel 9",
     "Pixel 9", "unknown", "Android", "unknown"),
    # An engine's brand says less than the program in the user agent.
    (SLACK, CHROMIUM, "?0", "macOS", "", "",
     "Slack on macOS", "app", "macOS", "Slack"),
    (f"{LINUX} HeadlessChrome/137.0.0.0 Safari/537.36", CHROMIUM, "?0", "Linux", "", "",
     "Headless Chrome", "bot", "Linux", "Headless Chrome"),
    (WINDOWS, CHROMIUM, "?0", "Windows", "", "",
     "Chromium on Windows", "desktop", "Windows", "Chromium"),
    # Where the two disagree, hints win.
    ("curl/8.5.0", CHROME, "?0", "Windows", "13.0.0", "",
     "Chrome on Windows 11", "desktop", "Windows", "Chrome"),
    (IPHONE_SAFARI, CHROME, "?0", "Windows", "", "Pixel 9",
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
    # A malformed hint is as good as not sent.
    (WINDOWS, '"Brave', "1", 'Lin"ux', 'x"', '"',
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
]
# fmt: on

PIECES = ["Windows", "²", "3", "Android ", "; ", "/", "(", ")", "1", ".", "Safari", "\n", "%0A"]
UNSAFE = "\x00\x07\n\r\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"


def device(device_id: str = "d1", **changes: object) -> DeviceRow:
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


def sighting(**changes: str) -> Sighting:
    """A sign-in from Chrome on macOS."""
    said = Traits("Chrome on macOS", "desktop", "macOS", "Chrome")
    place = changes.pop("network", None)
    return Sighting(ip=None, network=place, user_agent=None, traits=evolve(said, **changes))


def is_safe(text: str | None) -> bool:
    """Whether *text* has no control character, no lone surrogate and nothing in UNSAFE."""
    return text is None or not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in UNSAFE for char in text
    )


def headers_of(brands, mobile, platform, version, model):
    """The headers that carry these hints."""
    sent = {
        "sec-ch-ua": brands,
        "Sec-CH-UA-Mobile": mobile,
        "SEC-CH-UA-PLATFORM": f'"{platform}"',
        "Sec-Ch-Ua-Platform-Version": f'"{version}"',
        "sec-ch-ua-model": f'"{model}"',
    }
    return {name: value for name, value in sent.items() if value is not None}


@pytest.mark.parametrize(("agent", "label", "kind", "os", "browser"), AGENTS)
def test_a_user_agent_is_told_as_people_know_it(agent, label, kind, os, browser):
    """A user agent becomes a label, a kind and two families, with no version it cannot know."""
    actual = traits(Client(user_agent=agent))

    assert Traits(label, kind, os, browser) == actual


@pytest.mark.parametrize(
    ("agent", "brands", "mobile", "platform", "version", "model", "label", "kind", "os", "browser"),
    HINTED,
)
def test_hints_win_over_the_user_agent(
    agent, brands, mobile, platform, version, model, label, kind, os, browser
):
    """Where both speak, the structured word counts, save for what only the agent can know."""
    headers = headers_of(brands, mobile, platform, version, model)

    actual = traits(Client(user_agent=agent, headers=headers))

    assert Traits(label, kind, os, browser) == actual


def test_only_the_first_512_characters_are_looked_at():
    """What stands beyond the cut of a user agent changes nothing."""
    long = IPHONE_SAFARI + "x" * 10_000

    actual = sight(Client(user_agent=long + " Googlebot/2.1"), Privacy())

    assert actual.traits.label == "Safari on iPhone"
    assert actual.user_agent == long[:MAX_USER_AGENT]


@pytest.mark.parametrize(
    "unit", ["(", "Android ", "Mozilla/5.0 (", "; ", "a", "Smart-TV ", ") a/1 "]
)
def test_a_huge_hostile_user_agent_costs_milliseconds(unit):
    """Ten megabytes of any pattern cost no more than its first 512 characters."""
    huge = unit * (10_000_000 // len(unit))
    traits(Client(user_agent="warm up"))

    start = time.perf_counter()
    traits(Client(user_agent=huge))

    assert time.perf_counter() - start < 0.5


def test_a_user_agent_is_parsed_once():
    """The same user agent is not parsed again."""
    devices._agent.cache_clear()

    for _ in range(3):
        traits(Client(user_agent=WINDOWS))

    assert devices._agent.cache_info().misses == 1


def test_labels_stay_short():
    """No model, system or program makes a label longer than a line."""
    long = f'"{"m" * 900}"'
    headers = {"Sec-CH-UA": long, "Sec-CH-UA-Platform": long, "Sec-CH-UA-Model": long}

    actual = [
        traits(Client(headers=headers)).label,
        traits(Client(headers={**headers, "Sec-CH-UA-Platform": '"Android"'})).label,
        traits(Client(user_agent="m" * 60 + "/1.0")).label,
    ]

    assert max(map(len, actual)) <= 100


def test_importing_devices_loads_no_parser():
    """The parser of user agents is loaded by the first user agent, not by the import."""
    code = "import sys, devsess.devices; print('user_agents' in sys.modules)"

    actual = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert actual.strip() == "False"


@pytest.mark.parametrize("name", ["ip", "user_agent", "device_token", "fingerprint", "headers"])
@pytest.mark.parametrize("wrong", [1, b"bytes", ["list"], object()])
def test_a_wrong_type_is_named(name, wrong):
    """A field of the wrong type is the caller's error, and the message names the field."""
    with pytest.raises(TypeError, match=f"Client.{name} must be"):
        sight(Client(**{name: wrong}), Privacy())


@pytest.mark.parametrize(
    ("mode", "ip", "part"),
    [
        ("full", "203.0.113.77", "203.0.113.0"),
        ("truncated", "203.0.113.0", "203.0.113.0"),
        ("none", None, None),
    ],
)
def test_a_sighting_keeps_what_privacy_allows(mode, ip, part):
    """The policy decides whether the address, its network or nothing is kept."""
    seen = sight(Client(ip=" 203.0.113.77 ", user_agent="curl/8\n.5"), Privacy(ip=mode))

    expected = Sighting(ip, part, "curl/8.5", Traits("curl", "app", "unknown", "curl"))

    assert expected == seen


def test_a_silent_client_is_sighted():
    """A client that says nothing at all signs in all the same."""
    actual = sight(Client(ip="no address"), Privacy())

    silent = Traits("Unknown device", "unknown", "unknown", "unknown")

    assert actual == Sighting(None, None, None, silent)


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (None, 5, None),
        ("", 5, None),
        ("  ", 5, None),
        ("abc", 0, None),
        ("abcdef", 3, "abc"),
        ("\n\n\nabc", 3, None),
        ("a\r\nb\x1b[31mc", 20, "ab[31mc"),
        ("a\u202eb\u2028c\u2066d", 20, "abcd"),
        ("a\ud800b", 20, "a\ufffdb"),
        (UNSAFE, 100, None),
        ("Zoë 📱", 20, "Zoë 📱"),
    ],
)
def test_text_is_cut_then_cleaned(value, limit, expected):
    """Text is cut first, so that cleaning costs no more than the limit; nothing left is None."""
    actual = clean_text(value, limit)

    assert expected == actual


@pytest.mark.parametrize("function", [lambda it: clean_text(it, 5), address, network])
@pytest.mark.parametrize("wrong", [1, b"10.0.0.1", ["a"]])
def test_what_is_no_text_is_a_type_error(function, wrong):
    """Numbers and bytes are the caller's error, not a client's."""
    with pytest.raises(TypeError, match=type(wrong).__name__):
        function(wrong)


ADDRESSES = [
    (None, None, None),
    ("203.0.113.77", "203.0.113.77", "203.0.113.0"),
    (" 203.0.113.77\n", "203.0.113.77", "203.0.113.0"),
    ("2001:DB8:0001:0:0:0:0:1", "2001:db8:1::1", "2001:db8:1::"),
    ("[2001:db8:1:2::1]", "2001:db8:1:2::1", "2001:db8:1::"),
    ("fe80::1%eth0", "fe80::1", "fe80::"),
    ("[fe80::1%25eth0]", "fe80::1", "fe80::"),
    ("::ffff:203.0.113.77", "203.0.113.77", "203.0.113.0"),
    ("::FFFF:CB00:714D", "203.0.113.77", "203.0.113.0"),
    ("::1", "::1", "::"),
    ("255.255.255.255", "255.255.255.255", "255.255.255.0"),
    *(
        (wrong, None, None)
        for wrong in (
            "",
            " ",
            "unknown",
            "203.0.113.77:80",
            "[::1]:80",
            "203.0.113.256",
            "203.0.113.077",
            "203.0.113",
            "203.0.113.0/24",
            "3405803853",
            "1.2.3.4%eth0",
            "fe80::1%",
            "٢٠٣.0.113.77",
            "::1" + " " * 62,
        )
    ),
    pytest.param("1" * 10_000_000, None, None, id="huge"),
]


@pytest.mark.parametrize(("ip", "expected", "part"), ADDRESSES)
def test_an_address_has_one_spelling_and_one_network(ip, expected, part):
    """Every spelling of an address gives the same text; an absurd one gives None."""
    actual = address(ip), network(ip), network(address(ip))

    assert (expected, part, part) == actual


@given(st.text())
def test_no_text_breaks_a_sighting(text):
    """Whatever a client sends, sighting it gives an answer without control characters."""
    headers = {"Sec-CH-UA": text, "Sec-CH-UA-Platform": f'"{text}"', "Sec-CH-UA-Model": text}
    seen = sight(Client(ip=text, user_agent=text, headers=headers), Privacy())

    said = seen.traits
    kept = (seen.ip, seen.network, seen.user_agent, said.label, said.os, said.browser)

    assert all(is_safe(part) for part in kept)


@given(st.lists(st.sampled_from(PIECES)))
def test_no_shuffled_user_agent_breaks_a_sighting(pieces):
    """Pieces of real user agents, in any order, are read or not known."""
    actual = traits(Client(user_agent="".join(pieces)))

    assert is_safe(actual.label)


@given(st.text(st.characters(codec=None), max_size=300), st.integers(0, 200))
def test_clean_text_is_safe_short_and_settled(text, limit):
    """Cleaned text is safe, within its limit, encodable, and clean a second time."""
    cleaned = clean_text(text, limit)

    assert is_safe(cleaned)
    assert len((cleaned or "").encode()) <= 4 * limit
    assert clean_text(cleaned, limit) == cleaned


@given(st.ip_addresses())
def test_every_address_is_an_address(ip):
    """Every address is accepted, is settled, and lies in its network."""
    normal = address(str(ip))

    assert address(normal) == normal
    assert network(normal) == network(network(normal))


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
def test_families_are_equal_only_where_both_speak(said, os, browser, expected):
    """An unknown family equals nothing, except between silent clients and between programs."""
    actual = same_family(said, os, browser)

    assert expected is actual


@pytest.mark.parametrize("agent", [None, "curl/8.5.0", "okhttp/4.12.0", IPHONE_SAFARI, WINDOWS])
def test_a_client_is_of_its_own_family(agent):
    """A client that comes back is of the family it was."""
    said = traits(Client(user_agent=agent))

    assert same_family(said, said.os, said.browser)


def test_a_browser_update_is_the_same_family():
    """A new version of browser or system does not change the family."""
    newer = traits(Client(user_agent=IPHONE_SAFARI.replace("18", "26")))
    older = traits(Client(user_agent=IPHONE_SAFARI))

    assert newer == older


def test_the_ring_goes_first_and_in_its_order():
    """The first device on the ring that is this user's is the one, whatever the fingerprint."""
    known = [device("d1", fingerprint=b"f"), device("d2"), device("d3")]

    actual = recognise(known, ["elsewhere", "d3", "d2"], b"f")

    assert actual == Match(known[2], "token")


def test_a_fingerprint_is_next():
    """Without a device on the ring, an equal fingerprint names the device."""
    known = [device("d1"), device("d2", fingerprint=b"other"), device("d3", fingerprint=b"f")]

    actual = recognise(known, ["elsewhere"], b"f")

    assert actual == Match(known[2], "fingerprint")


def test_a_forgotten_device_is_never_recognised():
    """Neither ring nor fingerprint brings a forgotten device back."""
    known = [device("d1", fingerprint=b"f", forgotten=True)]

    actual = recognise(known, ["d1"], b"f")

    assert actual is None


def test_a_blocked_device_is_recognised():
    """A blocked device is recognised, so that it can be refused."""
    blocked = device("d1", blocked=True)

    actual = recognise([blocked], ["d1"], None)

    assert actual == Match(blocked, "token")


@pytest.mark.parametrize("fingerprint", [None, b"", b"g"])
def test_what_names_no_device_recognises_none(fingerprint):
    """No ring and no equal fingerprint: a new device; an empty digest equals nothing."""
    known = [device("d1"), device("d2", fingerprint=b"f"), device("d3", fingerprint=b"")]

    actual = recognise(known, [], fingerprint)

    assert actual is None


def test_families_and_kind_together_resemble():
    """OS, browser and kind reach the threshold, the network raises the score to one."""
    without = resembling([device()], sighting())
    within = resembling([device()], sighting(network="203.0.113.0"))

    reasons = ("same system: macOS", "same browser: Chrome", "same kind: desktop")

    assert (without.score, without.reasons) == (RESEMBLES_AT, reasons)
    assert (within.score, within.reasons) == (1.0, (*reasons, "same network: 203.0.113.0"))


@pytest.mark.parametrize("change", [{"os": "Linux"}, {"browser": "Edge"}, {"kind": "phone"}])
def test_the_network_never_stands_in(change):
    """Where one of OS, browser and kind differs, the same network does not help."""
    actual = resembling([device()], sighting(network="203.0.113.0", **change))

    assert actual is None


@pytest.mark.parametrize("silent", ["os", "browser", "kind"])
def test_silence_is_no_evidence(silent):
    """Two unknowns are nothing in common."""
    known = [device(**{silent: "unknown"})]

    actual = resembling(known, sighting(network="203.0.113.0", **{silent: "unknown"}))

    assert actual is None


def test_the_weights_keep_their_promise():
    """The three make the threshold, the four make one, and the network is the lightest."""
    three = (OS_WEIGHT, BROWSER_WEIGHT, KIND_WEIGHT)

    assert round(sum(three), 2) == RESEMBLES_AT
    assert round(sum(three) + NETWORK_WEIGHT, 2) == 1.0
    assert min(three) > NETWORK_WEIGHT


def test_the_best_and_latest_likeness_counts():
    """The highest score wins; among equals the device seen last; forgotten ones never."""
    known = [
        device("old", network=None),
        device("near"),
        device("late", network=None, last_seen_at=9.0),
        device("gone", last_seen_at=99.0, forgotten=True),
    ]

    near = resembling(known, sighting(network="203.0.113.0"))
    far = resembling(known, sighting(network="198.51.100.0"))

    assert (near.device_id, far.device_id) == ("near", "late")


def test_nothing_resembles_among_no_devices():
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
def test_the_newest_key_hangs_first(ring, expected):
    """This device comes first, the others once each, five at most."""
    actual = ring_with("new", ring)

    assert expected == actual
    assert len(actual) <= MAX_RING
