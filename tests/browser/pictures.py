"""
The pictures of the documentation, made anew: `python tests/browser/pictures.py docs/pictures`.

It needs Chromium. Their colours are cut to a palette, so that each is a small file.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from _browsers import Browsers
from _demo import Demo, demo
from _pages import PAGES
from _visitor import Scheme, Visitor
from attrs import frozen
from PIL import Image

from devsess.cli._town import CHROME_ON_MAC

PEOPLE = 150
COLOURS = 128


@frozen
class Picture:
    """
    A picture of a page.

    Attributes:
        page: Its name.
        width, height: Of what is seen, in CSS pixels.
        schemes: The ones that are taken.
        language: Of its words.
    """

    page: str
    width: int
    height: int
    schemes: tuple[Scheme, ...] = ("light", "dark")
    language: str = "en-GB"


PICTURES = {
    "devices": Picture("overview", 800, 860),
    "devices-arabic": Picture("overview", 390, 800, ("light",), "ar"),
    "operators": Picture("admin-overview", 1_200, 1_130),
    "session": Picture("admin-session", 1_200, 1_040),
    "ending": Picture("admin-end", 1_200, 910, ("light",)),
}


def take(browsers: Browsers, here: Demo, folder: Path) -> None:
    """All of them, written to *folder*."""
    chromium = browsers.started("chromium")
    first = Visitor(chromium, here.site, user_agent=CHROME_ON_MAC)
    first.sign_in()
    first.go(here.link)
    for name, it in PICTURES.items():
        for scheme in it.schemes:
            visitor = Visitor(
                chromium,
                here.site,
                width=it.width,
                scheme=scheme,
                language=it.language,
                user_agent=CHROME_ON_MAC,
                jar=first.jar,
            )
            visitor.page.set_viewport_size({"width": it.width, "height": it.height})
            visitor.page.goto(PAGES[it.page](here))
            _write(visitor.page.screenshot(), folder / f"{name}-{scheme}.png")
            visitor.close()
    first.close()


def _write(picture: bytes, path: Path) -> None:
    """*picture*, with a palette."""
    with Image.open(BytesIO(picture)) as whole:
        few = whole.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def main(folder: str) -> None:
    """Make them."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    browsers = Browsers()
    try:
        with tempfile.TemporaryDirectory() as own, demo(Path(own), PEOPLE) as here:
            browsers.run(take, browsers, here, Path(folder))
    finally:
        browsers.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
