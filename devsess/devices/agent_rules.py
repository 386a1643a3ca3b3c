"""
Marks in a user agent that say more than the parser does, as tables.

In each table the first rule whose mark is found counts. A rule's cases stand
under its name in `tests/unit/_agent_cases.py`; a test fails for a rule that
decides none of them. Marks are looked for in 512 characters at most.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from devsess._client import Kind


def _compiled(mark: str) -> re.Pattern[str]:
    return re.compile(mark)


@frozen
class Rule:
    """
    A mark, and its meaning; None leaves the parser's answer.

    Attributes:
        name: The device or program that it recognises.
        mark: The pattern that is looked for; its first group, if any, is the model's name.
        browser, os, place, kind, model: As in `Claim`.
    """

    name: str
    mark: re.Pattern[str] = field(converter=_compiled)
    browser: str | None = None
    os: str | None = None
    place: str | None = None
    kind: Kind | None = None
    model: str | None = None


# Nothing was recognised.
NO_RULE = Rule("", "")

# The machine. Consoles go first: some of them call themselves a television too.
DEVICES = (
    Rule("PlayStation", r"(?i)\bplaystation", os="PlayStation", kind="unknown"),
    Rule("Nintendo", r"\bNintendo\b", os="Nintendo", kind="unknown"),
    Rule("Xbox", r"; ?Xbox\b", os="Xbox", kind="unknown"),
    # A headset is none of the kinds there are.
    Rule(
        "PICO",
        r"; ?(P(?:ICO|ico) [^;()]{1,24}?)(?: OS[0-9.]+)?(?: like Quest| Build/[^;)]*)?[;)]",
        os="Android",
        kind="unknown",
    ),
    Rule("PICO without a name", r"\bPicoBrowser/", os="Android", kind="unknown", model="PICO"),
    Rule("Quest", r"; ?Quest\b|\bOculusBrowser/", kind="unknown"),
    Rule("Fire TV", r"[;(] ?AFT[A-Z0-9]{1,14}\b", kind="tv", model="Fire TV"),
    Rule("Fire TV by name", r"(?i)\bfire ?tv\b", kind="tv", model="Fire TV"),
    Rule("Fire tablet", r"[;(] ?KF[A-Z]{2,6}\b", kind="tablet", model="Fire tablet"),
    Rule("first Fire tablets", r"\bKindle Fire\b", kind="tablet", model="Fire tablet"),
    Rule("Echo Show", r"[;(] ?AEO[A-Z]{2,4}\b", kind="unknown", model="Echo Show"),
    # Amazon's browser runs on Amazon's Android alone, whatever it says to get desktop pages.
    Rule(
        "Silk as a desktop",
        r"\((?:Macintosh|X11|Windows)[^)]*\).* Silk/",
        os="Android",
        kind="unknown",
    ),
    Rule("Samsung TV", r"(?i)smart-?tv.*tizen|tizen.*\btv\b", kind="tv", model="Samsung TV"),
    Rule("LG TV", r"(?i)\bweb0s\b|\bwebos\.tv|\bnetcast\b", kind="tv", model="LG TV"),
    Rule("Roku", r"^Roku/|; Roku;", kind="tv", model="Roku"),
    Rule("Apple TV", r"(?i)\bapple ?tv", kind="tv", model="Apple TV"),
    Rule("Chromecast", r"\bCrKey/", kind="tv", model="Chromecast"),
    Rule("Sony TV", r"(?i); bravia ", kind="tv", model="Sony TV"),
    Rule(
        "other TV", r"(?i)smart-?tv|\bgoogle ?tv|\bandroid ?tv|\bhbbtv", kind="tv", model="Smart TV"
    ),
    Rule("HarmonyOS phone", r"\(Phone; (?:OpenHarmony|HarmonyOS)\b", os="HarmonyOS", kind="phone"),
    Rule(
        "HarmonyOS tablet", r"\(Tablet; (?:OpenHarmony|HarmonyOS)\b", os="HarmonyOS", kind="tablet"
    ),
    Rule(
        "HarmonyOS desktop",
        r"\((?:PC|2in1); (?:OpenHarmony|HarmonyOS)\b",
        os="HarmonyOS",
        kind="desktop",
    ),
    Rule("HarmonyOS", r"\bOpenHarmony\b", os="HarmonyOS"),
    # Browsers on an iPad that ask for desktop pages: only the engine's name gives them away.
    Rule(
        "iPad as a Macintosh",
        r"\(Macintosh;.*(?:\b(?:Cr|Fx|Edg|OP)iOS/| GSA/| Mobile/[0-9])",
        os="iOS",
        place="iPad",
        kind="tablet",
    ),
)

# The program. Apps go first: their web views name the engine's browser too.
PROGRAMS = (
    Rule("WeCom", r"\bwxwork/", browser="WeCom"),
    Rule("WeChat", r"\bMicroMessenger/", browser="WeChat"),
    Rule("LinkedIn", r"\[LinkedInApp\]", browser="LinkedIn"),
    Rule("Threads", r" Barcelona [0-9]", browser="Threads"),
    Rule(
        "Messenger", r"\bFBAN/(?:Messenger|Orca)|\bFB_IAB/(?:Orca|MESSENGER)", browser="Messenger"
    ),
    Rule("Microsoft Teams", r"\bTeamsMobile-|\bTeams/[0-9]", browser="Microsoft Teams"),
    Rule("QQ", r"[ )]QQ/[0-9]", browser="QQ"),
    Rule("KakaoTalk", r"\bKAKAOTALK\b", browser="KakaoTalk"),
    Rule("Alipay", r"\bAlipayClient/", browser="Alipay"),
    Rule("DingTalk", r"\bDingTalk/", browser="DingTalk"),
    Rule("Baidu", r"\bbaiduboxapp/", browser="Baidu"),
    Rule("Google app", r"\bGSA/[0-9]", browser="Google"),
    Rule("Pico Browser", r"\bPicoBrowser/", browser="Pico Browser"),
    Rule("Huawei Browser", r"\bHuaweiBrowser/", browser="Huawei Browser"),
    Rule(
        "360 Browser", r"\b(?:360[SE]E|360Browser|QHBrowser|QihooBrowser)\b", browser="360 Browser"
    ),
    Rule("Quark", r"\bQuark/[0-9]", browser="Quark"),
    Rule("2345 Explorer", r"\b2345Explorer\b", browser="2345 Explorer"),
    Rule("PowerShell", r" (?:Windows)?PowerShell/[0-9]", browser="PowerShell", kind="app"),
    # Names without a version: only this list distinguishes them from other words.
    Rule("node", r"^node$", browser="node", kind="app"),
    Rule("undici", r"^undici$", browser="undici", kind="app"),
    Rule("node-fetch", r"^node-fetch$", browser="node-fetch", kind="app"),
    Rule("Ktor client", r"^ktor-client$", browser="ktor-client", kind="app"),
    Rule("older Ktor client", r"^Ktor client$", browser="ktor-client", kind="app"),
    Rule("got", r"^got \(", browser="got", kind="app"),
    Rule("Ruby", r"^Ruby$", browser="Ruby", kind="app"),
    Rule("Faraday", r"^Faraday v[0-9]", browser="Faraday", kind="app"),
    Rule("Symfony", r"^Symfony HttpClient\b", browser="Symfony HttpClient", kind="app"),
    Rule("Thunder Client", r"^Thunder Client\b", browser="Thunder Client", kind="app"),
    Rule("old Java", r"^Java1\.[0-9]", browser="Java", kind="app"),
    Rule("old Go", r"^Go [0-9.]+ package http", browser="Go-http-client", kind="app"),
)


def first_of(rules: tuple[Rule, ...], text: str) -> tuple[Rule, str | None]:
    """The first of *rules* whose mark is in *text*, and the model's name it gives."""
    for rule in rules:
        match = rule.mark.search(text)
        if match:
            return rule, rule.model or (match[1] if rule.mark.groups else None)
    return NO_RULE, None
