"""From a User-Agent header to the claim in it. The only file that knows the parser."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from devsess._client import UNKNOWN
from devsess._runtime.fork import importing
from devsess._text import clean_text
from devsess.devices import agent_rules as rules
from devsess.devices.agent_rules import Rule
from devsess.devices.hints import (
    BROWSERS,
    DESKTOPS,
    MAX_NAME,
    SILENCE,
    SYSTEMS,
    WEB_VIEW,
    Claim,
    family,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.models import Kind

# "10" is not among them: browsers say it on Windows 11 too.
_WINDOWS = frozenset({"XP", "Vista", "7", "8", "8.1"})
_APPLE = frozenset({"iPhone", "iPad", "iPod"})
_OF_APPLE = frozenset({"iOS", "macOS"})
# Libraries that the parser takes for crawlers; people write clients with them.
_LIBRARIES = frozenset({"Java", "Python-urllib", "python-urllib3"})
# "curl/8.5.0", "MyApp/42 CFNetwork/…": a program, where a browser says "Mozilla/5.0".
# Digits alone are no name.
_PRODUCT = re.compile(
    r"(?!Mozilla/|Opera/)(?=[^/]{0,63}?[^\W\d_])([^\W_][^/;,()<>\"]{0,63})/v?[0-9]"
)
_ELECTRON = re.compile(r"\) ([^\s/()]{1,63})/[^\s()]+ Chrome/[^\s()]+ Electron/")

_NO_MODEL = re.compile(r"(?:|K|Other|Generic.*|iOS-Device|Android)")
# Programs that the parser takes for devices; on Android their device is named beside them.
_NO_DEVICE = re.compile(r".*Browser|Kindle")
_ANDROID = re.compile(r"; ?Android [^;)]{1,16}((?:; ?[^;)]{1,64}){1,8})")
_NO_CODE = re.compile(
    r"(?i)(?:K|U|wv|HarmonyOS|HUAWEI|HONOR|Mobile|Tablet|arm_?64|[a-z]{2}[-_][a-z]{2}"
    r"|(?:HMSCore|GMSCore|rv:|Build/).*|)"
)
# A phone's pages, for which the parser wants "Mobile Safari" in one piece.
_MOBILE = re.compile(r"\bMobile\b")

# The parser's names for an engine whose browser it cannot find: a web view of some app.
_VIEWS = {
    "Mobile Safari UI/WKWebView": WEB_VIEW,
    "Apple Mail": WEB_VIEW,
    "Chrome Mobile WebView": "WebView",
}
# Behind the engine's own products an app adds its name.
_ENGINE = re.compile(r".*(?:Gecko\)|\bMobile/\w+|\bSafari/[0-9.]+|\bArkWeb/[0-9.]+)")
_COMMENT = re.compile(r"\([^()]*\)?")
_APP = re.compile(r"(?<![^\s\[])(?=[^\s/]*[^\W\d_])([^\W_][\w.&'!+%-]{0,63})(?=[\s/\]]|$)")
_NO_APPS = frozenset(
    (
        *("android", "ios", "ipad", "iphone", "ipod", "mobile", "app", "pixel"),
        *("applewebkit", "gecko", "chrome", "safari", "version", "like", "build"),
        *("webview", "wkwebview", "wv", "jssdk", "nettype", "channel", "scale"),
        *("language", "region", "bytelocale", "theme", "colorscheme"),
    )
)

# A crawler's name for itself; CUBOT makes phones.
_BOT = re.compile(
    r"(?i)(?<![\w.-])[\w.!-]{0,47}?(?:(?<!\bcu)bot|crawler|spider|slurp|mediapartners)(?![^\W_])[\w-]{0,24}"
)
_BARE_BOT = frozenset({"bot", "robot", "crawler", "spider", "web-crawler", "webcrawler"})
# Where its makers are found, which is no part of its name.
_ELSEWHERE = re.compile(
    r"(?i)\+?\bhttps?:[^\s;,)]*|(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,64}|\bwww\.[^\s;,)]*"
    r"|(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[a-z]{2,24}/[^\s;,)]*"
)
_NAMED = re.compile(
    r"(?:\bcompatible; ?|^(?!Mozilla/))"
    r"(?=[^;/(),+]*[^\W\d_])([^\W_][^;/(),+]{1,47}?) ?(?:[;/(),+]|$)"
)


@cache
def load_parser() -> Callable[[str], Any]:
    """The parser, with its patterns, which takes a sixth of a second, once in a process."""
    with importing:
        # Here, because it loads a thousand patterns that `import devsess` does not need.
        from user_agents import parse

        parse("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
    return parse  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)
def read_agent(text: str) -> Claim:
    """The claim of a user agent, cut and cleaned before; unknown where it cannot be read."""
    if not text:
        return SILENCE
    parse = load_parser()
    try:
        said = parse(text)
    except ValueError:
        # The parser takes "²" for a digit, and int() does not.
        return SILENCE
    device, model = rules.first_of(rules.DEVICES, text)
    program, _ = rules.first_of(rules.PROGRAMS, text)
    product = _product(text)
    os = device.os or family(said.os.family, SYSTEMS)
    name = program.browser or product
    bot = _bot(said, text, name)
    is_app = product is not None or program.kind == "app"
    return Claim(
        browser=family(bot or name, BROWSERS) if bot or name else _browser(said, text, os),
        os=os,
        place=device.place or _place(said, os),
        kind="bot" if bot else _kind(said, text, os, device, is_app=is_app),
        model=clean_text(model, MAX_NAME) or _model(said, text, os),
        sure=device is not rules.NO_RULE,
    )


def _product(text: str) -> str | None:
    match = _PRODUCT.match(text) or _ELECTRON.search(text)
    return clean_text(unquote(match[1]), MAX_NAME) if match else None


def _bot(said: Any, text: str, name: str | None) -> str | None:
    """The name that a crawler gives itself, "unknown" if none; None if it is no crawler."""
    if said.browser.family == "HeadlessChrome":
        return str(said.browser.family)
    own = _ELSEWHERE.sub(" ", text)
    called = _BOT.search(own)
    is_parsed = said.is_bot or _BOT.search(said.browser.family) is not None
    if called is None and (not is_parsed or name in _LIBRARIES):
        return None
    # A word that the parser found in an address is no name.
    parsed = str(said.browser.family)
    if not is_parsed or not re.search(rf"(?<![\w./-]){re.escape(parsed)}", own):
        parsed = ""
    if _BOT.search(parsed):
        return parsed
    if called and called[0].lower() not in _BARE_BOT:
        return called[0]
    if name or parsed:
        return name or parsed
    named = _NAMED.search(own)
    return named[1].rstrip(" -") if named else UNKNOWN


def _browser(said: Any, text: str, os: str) -> str:
    name = str(said.browser.family)
    if name == "Apple Mail" and os not in _OF_APPLE:
        return UNKNOWN  # the engine of a console, a reader or an appliance
    view = WEB_VIEW if os == "HarmonyOS" else _VIEWS.get(name)
    if view or (os in _OF_APPLE and name in ("Safari", "Mobile Safari")):
        app = _app(text)
        return family(app, BROWSERS) if app else view or "Safari"
    # "Chrome Mobile iOS", "Firefox iOS", "Edge Mobile": one family wherever they run.
    return family(name.removesuffix(" iOS").removesuffix(" Mobile"), BROWSERS)


def _app(text: str) -> str | None:
    """The app that shows a web page in the engine's view, if it adds its name to the engine's."""
    engine = _ENGINE.match(text)
    behind = _COMMENT.sub(" ", text[engine.end() :]) if engine else ""
    names = (clean_text(unquote(match[1]), MAX_NAME) for match in _APP.finditer(behind))
    return next((name for name in names if name and name.lower() not in _NO_APPS), None)


def _kind(said: Any, text: str, os: str, device: Rule, *, is_app: bool) -> Kind:
    if is_app and device.kind != "tv":
        return "app"
    if device.kind:
        return device.kind
    if said.is_tablet or said.device.family == "Generic Tablet":
        return "phone" if os == "Android" and _MOBILE.search(text) else "tablet"
    if said.is_mobile:
        return "phone"
    return "desktop" if os in DESKTOPS else "unknown"


def _place(said: Any, os: str) -> str:
    if os == "iOS" and said.device.family in _APPLE:
        return str(said.device.family)
    if os == "Windows" and said.os.version_string in _WINDOWS:
        return f"Windows {said.os.version_string}"
    return os


def _model(said: Any, text: str, os: str) -> str | None:
    # The longer one says more: "Samsung SM-S928B" is a family, "Quest 3" a model.
    model = max(said.device.family or "", said.device.model or "", key=len)
    if _NO_DEVICE.fullmatch(model) and os == "Android":
        model = _code(text)
    return None if _NO_MODEL.fullmatch(model) else clean_text(model, MAX_NAME)


def _code(text: str) -> str:
    """The device among "(Linux; Android 10; HarmonyOS; LIO-AN00 Build/1; HMSCore 6; wv)"."""
    match = _ANDROID.search(text)
    parts = match[1].split(";") if match else ()
    codes = (part.partition(" Build/")[0].strip() for part in parts)
    return next((code for code in codes if not _NO_CODE.fullmatch(code)), "")
