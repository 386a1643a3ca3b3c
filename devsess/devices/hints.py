"""
A client's claim, the names by which people know it, and client hints.

Hints are structured data (WICG UA-CH, RFC 8942). Parsing is strict, as RFC 9651
§4.2 wants it: one error fails the whole field, and a field that failed, or is
of another type, counts as not sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess._client import MAX_HINT, UNKNOWN
from devsess.devices.agent_rules import DEVICES, NO_RULE, PROGRAMS, first_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devsess.models import Kind

# Longest name of a model, system or program inside a label.
MAX_NAME = 48

# A web page inside an app that does not say which it is.
WEB_VIEW = "Web view"
# The names by which people know them, and how hints and the parser spell those.
_BROWSERS = {
    "360 Browser": ("QihooBrowser",),
    "Android Browser": ("Android",),
    "AVG Secure Browser": ("AVG",),
    "Avast Secure Browser": ("Avast",),
    "Brave": ("Brave Browser",),
    "Chrome": ("Google Chrome",),
    "DuckDuckGo": ("DuckDuckGo Privacy Browser", "Ddg"),
    "Edge": ("Microsoft Edge", "Microsoft Edge WebView2", "Edge WebView2", "WebView2"),
    "Headless Chrome": ("HeadlessChrome",),
    "HeyTap Browser": ("HeyTapBrowser",),
    "Huawei Browser": ("HuaweiBrowser",),
    "Internet Explorer": ("IE",),
    "Mi Browser": ("MiuiBrowser", "XiaoMiBrowser"),
    "Microsoft Teams": ("Teams",),
    "Norton Private Browser": ("Norton Secure Browser",),
    "Opera": ("Opera GX", "Opera GX Android", "Opera Mobile", "Opera One", "Opera Air"),
    "Opera Mini": ("Opera Mini Android",),
    "Postman": ("PostmanRuntime",),
    "QQ Browser": ("QQBrowser", "MQQBrowser"),
    "Safari": ("Mobile Safari",),
    "Samsung Internet": ("SamsungBrowser",),
    "UC Browser": ("UCBrowser",),
    "vivo Browser": ("VivoBrowser",),
    "WebView": ("Android WebView", "Chrome Mobile WebView"),
    "WeChat": ("WeChat Browser",),
    "Yandex Browser": ("YaBrowser", "Yowser", "YaSearchBrowser", "Yandex"),
    UNKNOWN: ("Other",),
}
_SYSTEMS = {
    "Chrome OS": ("Chromium OS",),
    "HarmonyOS": ("OpenHarmony",),
    "Linux": (
        *("Arch Linux", "CentOS", "Debian", "Fedora"),
        *("Linux Mint", "Red Hat", "SUSE", "Ubuntu"),
    ),
    "macOS": ("Mac OS", "Mac OS X"),
    "tvOS": ("ATV OS X",),
    "webOS": ("Web0S",),
    UNKNOWN: ("Other",),
}


def _by_spelling(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {_spelling(one): name for name, others in names.items() for one in (name, *others)}


def _spelling(name: str) -> str:
    return _SEPARATOR.sub("", name.casefold())


_SEPARATOR = re.compile(r"[\s_-]")
BROWSERS = _by_spelling(_BROWSERS)
SYSTEMS = _by_spelling(_SYSTEMS)
DESKTOPS = frozenset(
    {"Windows", "macOS", "Linux", "Chrome OS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris"}
)

_BRANDS = "sec-ch-ua"
_FULL_BRANDS = "sec-ch-ua-full-version-list"
_MOBILE = "sec-ch-ua-mobile"
_PLATFORM = "sec-ch-ua-platform"
_PLATFORM_VERSION = "sec-ch-ua-platform-version"
_MODEL = "sec-ch-ua-model"
_FORM_FACTORS = "sec-ch-ua-form-factors"
_NAMES = frozenset(
    {_BRANDS, _FULL_BRANDS, _MOBILE, _PLATFORM, _PLATFORM_VERSION, _MODEL, _FORM_FACTORS}
)

# RFC 9651 §3.3: string, token, number, byte sequence, boolean, date, display string.
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
_BARE_ITEM = "|".join(
    (
        _STRING,
        r"[A-Za-z*][-!#$%&'*+.^_`|~0-9A-Za-z:/]*",
        r"-?[0-9]{1,12}\.[0-9]{1,3}",
        r"-?[0-9]{1,15}",
        r":[A-Za-z0-9+/]*={0,2}:",
        r"\?[01]",
        r"@-?[0-9]{1,15}",
        r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*"',
    )
)
_PARAMETERS = rf"(?:; *[a-z*][-a-z0-9_.*]*(?:=(?:{_BARE_ITEM}))?)*"
_STRING_ITEM = re.compile(rf"({_STRING}){_PARAMETERS}")
_BOOLEAN_ITEM = re.compile(rf"\?([01]){_PARAMETERS}")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_ESCAPE = re.compile(r"\\(.)")
_NO_LETTER = re.compile(r"[^a-z]")

# Brands of an engine or a shell: where the user agent names a program, that says more.
_SHELLS = frozenset({"Chromium", "WebView"})
_PLAIN = frozenset({"Chrome", "Chromium", "WebView", WEB_VIEW, UNKNOWN})
# Only the user agent names the app that shows a page: a browser's brands do not.
_APPS = frozenset(rule.browser for rule in PROGRAMS)
# Beside these, any other brand says more.
_RANK = {"Chromium": 3, "Android WebView": 2, "Google Chrome": 1}

_KINDS: dict[str, Kind] = {"Desktop": "desktop", "Mobile": "phone", "Tablet": "tablet"}
_WINDOWS_VERSION = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:\.[0-9.]*)?")
_OLD_WINDOWS = {"1": "Windows 7", "2": "Windows 8", "3": "Windows 8.1"}


@frozen
class Claim:
    """
    A client's description of itself: by its user agent, by hints, or by both.

    Attributes:
        browser: Family of the browser, or the program; or "unknown".
        os: Family of the operating system, or "unknown".
        place: The system as people call it: "Windows 11", "iPhone"; or "unknown".
        kind: As in `models.Device`.
        model: The device's model, or None.
        sure: Whether the machine was known by a mark of its own. Then hints say no more
            of it: those of a console or a headset are of the system that it is made from.
        app: The name that a native app gives itself; for the label alone.
    """

    browser: str = UNKNOWN
    os: str = UNKNOWN
    place: str = UNKNOWN
    kind: Kind = UNKNOWN
    model: str | None = None
    sure: bool = False
    app: str | None = None

    @property
    def label(self) -> str:
        """A name that a person recognises, with versions only where they are certain."""
        name = None if self.browser == UNKNOWN else self.browser
        place = None if self.place == UNKNOWN else self.place
        if self.kind == "tv":
            return self.model or "Smart TV"
        if self.kind == "bot":
            return _joined(name) or "Bot"
        shown = self.app or name
        if self.model and self.os == "Android":
            return _joined(self.model, shown)
        return _joined(shown, place, by=" on ") or "Unknown device"


def _joined(*parts: str | None, by: str = " · ") -> str:
    """The *parts* there are, none of them twice, and none that looks like two."""
    shown = [part.replace("·", "-") for part in parts if part]
    return by.join({part.casefold(): part for part in shown}.values())


SILENCE = Claim()


def read_hints(headers: Mapping[str, str] | None) -> Claim:
    """The claim of the hints among *headers*; names are compared without regard to case."""
    sent = _pick(headers) if headers else {}
    if not sent:
        return SILENCE
    os = family(string(sent.get(_PLATFORM)), SYSTEMS)
    model = (string(sent.get(_MODEL)) or "")[:MAX_NAME].strip()
    device, _ = first_of(DEVICES, f"; {model};") if model else (NO_RULE, None)
    brands = strings(sent.get(_BRANDS)) or strings(sent.get(_FULL_BRANDS))
    return Claim(
        browser=family(_most_specific(brands), BROWSERS),
        os=os,
        place=_place(os, string(sent.get(_PLATFORM_VERSION))),
        kind=device.kind or _kind(os, boolean(sent.get(_MOBILE)), strings(sent.get(_FORM_FACTORS))),
        model=device.model or model or None,
    )


def merged(agent: Claim, hints: Claim) -> Claim:
    """The claim of both together: hints win, except over bots and known machines."""
    if hints is SILENCE or agent.kind in ("bot", "tv"):
        return agent
    if agent.sure:
        hints = Claim(browser=hints.browser)
    same_os = hints.os in (UNKNOWN, agent.os)
    bare = hints.place in (UNKNOWN, hints.os)
    keeps = hints.browser == UNKNOWN or agent.browser in _APPS
    keeps |= hints.browser in _SHELLS and agent.browser not in _PLAIN
    return Claim(
        browser=agent.browser if keeps else hints.browser,
        os=agent.os if same_os else hints.os,
        place=agent.place if same_os and bare else hints.place,
        kind=_merged_kind(agent, hints, keeps=keeps),
        model=hints.model or (agent.model if same_os else None),
        sure=agent.sure,
    )


def _merged_kind(agent: Claim, hints: Claim, *, keeps: bool) -> Kind:
    if agent.kind == "app":
        return "app" if keeps else hints.kind
    return agent.kind if hints.kind == UNKNOWN else hints.kind


def family(name: str | None, families: Mapping[str, str]) -> str:
    """The family that *name* belongs to, by any spelling; its own, where *families* has none."""
    short = (name or UNKNOWN)[:MAX_NAME].strip() or UNKNOWN
    return families.get(_spelling(short), short)


def strings(field: str | None) -> tuple[str, ...]:
    """The strings of a list field (RFC 9651 §4.2.1), without parameters; empty if malformed."""
    found = []
    text, at = _trimmed(field).rstrip(" \t"), 0
    while match := _STRING_ITEM.match(text, at):
        found.append(_unquoted(match[1]))
        if match.end() == len(text):
            return tuple(found)
        comma = _COMMA.match(text, match.end())
        if comma is None:
            break
        at = comma.end()
    return ()


def string(field: str | None) -> str | None:
    """The string of an item field, or None if it is empty or malformed."""
    match = _STRING_ITEM.fullmatch(_trimmed(field))
    return (_unquoted(match[1]) or None) if match else None


def boolean(field: str | None) -> bool | None:
    """The boolean of an item field, or None if it is malformed."""
    match = _BOOLEAN_ITEM.fullmatch(_trimmed(field))
    return match[1] == "1" if match else None


def _pick(headers: Mapping[str, Any]) -> dict[str, str]:
    # One pass that copies the hints alone: a soup of headers costs one look each.
    found: dict[str, str] = {}
    for name in headers:
        if isinstance(name, str) and 9 <= len(name) <= 27 and name.lower() in _NAMES:
            value = headers[name]
            if isinstance(value, str) and len(value) <= MAX_HINT:
                found.setdefault(name.lower(), value)
    return found


def _trimmed(field: str | None) -> str:
    return (field or "").strip(" ")


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


def _most_specific(brands: tuple[str, ...]) -> str | None:
    # Sorted by name too: browsers shuffle the list, and the answer must not change.
    return min(filter(_is_brand, brands), key=lambda it: (_RANK.get(it, 0), it), default=None)


def _is_brand(brand: str) -> bool:
    # GREASE is a brand that is none: "Not;A=Brand", "(Not(A:Brand", "Not)A;Brand".
    return _NO_LETTER.sub("", brand.lower()) not in ("", "notabrand")


def _place(os: str, version: str | None) -> str:
    # 13 and up is Windows 11, 1 to 12 are builds of 10, 0.x are those before.
    match = _WINDOWS_VERSION.fullmatch(version or "") if os == "Windows" else None
    if match is None:
        return os
    if int(match[1]) == 0:
        return _OLD_WINDOWS.get(match[2], os)
    return "Windows 11" if int(match[1]) >= 13 else "Windows 10"


def _kind(os: str, mobile: bool | None, form_factors: tuple[str, ...]) -> Kind:
    for factor in form_factors:
        if factor in _KINDS:
            return _KINDS[factor]
    if mobile:
        return "phone"
    if os in DESKTOPS:
        return "desktop"
    # Android browsers prefer a phone's pages on phones only.
    return "tablet" if os == "Android" and mobile is False else UNKNOWN
