"""From a User-Agent header to what it claims. The only file that knows the parser."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from devsess._hints import BROWSERS, DESKTOPS, MAX_NAME, SILENCE, SYSTEMS, Claim, family, television
from devsess._text import clean_text

if TYPE_CHECKING:
    from devsess.models import Kind

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


@lru_cache(maxsize=4096)
def read_agent(text: str) -> Claim:
    """What a user agent says, cut and cleaned before; what cannot be read is not known."""
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
    kind = _kind(said, text, os, program)
    model = television(text) if kind == "tv" else _model(said)
    return Claim(browser, os, _place(said, os), kind, model)


def _program(text: str) -> str | None:
    match = _PRODUCT.match(text) or _ELECTRON.search(text)
    name = clean_text(unquote(match[1]), MAX_NAME) if match else None
    return family(name, BROWSERS) if name else None


def _anywhere(browser: str) -> str:
    # "Chrome Mobile iOS", "Firefox iOS", "Edge Mobile": one family wherever they run.
    return browser.removesuffix(" iOS").removesuffix(" Mobile")


def _console(said: Any) -> str | None:
    return next((name for name in _CONSOLES if said.device.family.startswith(name)), None)


def _kind(said: Any, text: str, os: str, program: str | None) -> Kind:
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


def _place(said: Any, os: str) -> str:
    if os == "iOS" and said.device.family in _APPLE:
        return str(said.device.family)
    if os == "Windows" and said.os.version_string in _WINDOWS:
        return f"Windows {said.os.version_string}"
    return os


def _model(said: Any) -> str | None:
    # The longer one says more: "Samsung SM-S928B" is a family, "Quest 3" a model.
    model = max(said.device.family or "", said.device.model or "", key=len)
    return None if _NO_MODEL.fullmatch(model) else clean_text(model, MAX_NAME)
