"""
Screenshots of the demo's pages, for a person to look at: `python tests/browser/screenshots.py DIR`.

Each page at four widths, light and dark, in English, German and Arabic. With words behind the
folder, only the files whose names hold all of them: `screenshots.py DIR overview-320 de`.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from _browsers import Browsers
from _demo import Demo, demo
from _pages import PAGES
from _visitor import Scheme, Visitor

from devsess.cli._town import CHROME_ON_MAC

WIDTHS = (320, 390, 768, 1440)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LANGUAGES = ("en", "de", "ar")
PEOPLE = 150


def take(browsers: Browsers, here: Demo, folder: Path, words: list[str]) -> int:
    """The pictures whose names hold all *words*, written to *folder*; how many."""
    taken, chromium = 0, browsers.started("chromium")
    first = Visitor(chromium, here.site, user_agent=CHROME_ON_MAC)
    first.sign_in()
    first.go(here.link)
    jar = first.jar
    first.close()
    for width, scheme, language in product(WIDTHS, SCHEMES, LANGUAGES):
        names = {page: f"{page}-{width}-{scheme}-{language}.png" for page in PAGES}
        chosen = {page: name for page, name in names.items() if all(it in name for it in words)}
        if not chosen:
            continue
        visitor = Visitor(
            chromium, here.site, width=width, scheme=scheme, language=language, jar=jar
        )
        for page, name in chosen.items():
            visitor.page.goto(PAGES[page](here))
            visitor.page.screenshot(path=folder / name, full_page=True)
            taken += 1
        visitor.close()
    return taken


def main(folder: str, *words: str) -> None:
    """Write them."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    browsers = Browsers()
    try:
        with tempfile.TemporaryDirectory() as own, demo(Path(own), PEOPLE) as here:
            taken = browsers.run(take, browsers, here, Path(folder), list(words))
    finally:
        browsers.close()
    print(f"{taken} pictures are in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
