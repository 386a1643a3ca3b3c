"""
A page as the site shows it, made from the page as a repository shows it.

- The pages below `project/` are files of the repository's root: their text is put in their place.
- Links to such files, and to examples, lead to the pages that show them.
- A `<picture>` follows the site's own switch between light and dark, and so does a diagram, which
  stands within the page for this.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from os.path import relpath
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
# Pages that are files elsewhere.
COPIES = {
    "project/changes": ROOT / "CHANGELOG.md",
    "project/contributing": ROOT / "CONTRIBUTING.md",
    "project/security": ROOT / "SECURITY.md",
    "project/benchmarks": ROOT / "benchmarks" / "README.md",
}
# Files that a page shows, or stands for.
SHOWN = {path: DOCS / f"{name}.md" for name, path in COPIES.items()}
SHOWN[ROOT / "README.md"] = DOCS / "index.md"
EXAMPLES = DOCS / "examples"

_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
_PICTURE = re.compile(r"<picture>.*?</picture>|^<img [^>]*>$", re.MULTILINE | re.DOTALL)
_SOURCE = re.compile(r'(?:srcset|src)="([^"]+)"')
_DIAGRAM = re.compile(r"^!\[[^\]]*\]\((diagrams/[\w-]+\.svg)\)$", re.MULTILINE)
_FIGURE = r"""```{raw} html
<figure class="diagram" tabindex="0">
```
```{raw} html
:file: \1
```
```{raw} html
</figure>
```"""
_SHOWN_EXAMPLE = re.compile(r"^\[[^\]]+\]\((examples/[\w/]+\.py)\)$", re.MULTILINE)


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Answer Sphinx's event: *source* holds the text of the page *name*."""
    origin = COPIES.get(name)
    page = DOCS / f"{name}.md"
    if origin is not None:
        source[0] = origin.read_text("utf-8")
        app.env.note_dependency(str(origin))
    source[0] = outside_code(source[0], lambda text: changed(text, page, origin or page))


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """*text* with its prose changed, and its blocks of code as they were."""
    parts = _FENCE.split(text)
    return "".join(_block(part) if part.startswith("```") else change(part) for part in parts)


def _block(code: str) -> str:
    """A block of code: without a prompt, commands are coloured as a script."""
    is_script = code.startswith("```console\n") and "\n$ " not in code
    return code.replace("console", "sh", 1) if is_script else code


def changed(text: str, page: Path, origin: Path) -> str:
    """A piece of prose of the site's *page*, whose text is in the file *origin*."""
    text = _PICTURE.sub(lambda found: _images(found[0]), text)
    text = _DIAGRAM.sub(_FIGURE, text)
    text = _SHOWN_EXAMPLE.sub(r"```{literalinclude} \1\n:language: python\n```", text)
    return _LINK.sub(lambda found: _link(found, page, origin), text)


def _link(found: re.Match[str], page: Path, origin: Path) -> str:
    words, target, heading = found[1], found[2], found[3] or ""
    if "://" in target or target.startswith("mailto:") or not target:
        return found[0]
    path = (origin.parent / target).resolve()
    if path.is_relative_to(EXAMPLES):
        path, heading = DOCS / "examples.md", "#" + path.name.replace(".", "")
    path = SHOWN.get(path, path)
    if path.is_relative_to(DOCS):
        return f"[{words}]({relpath(path, page.parent)}{heading})"
    return words  # a file that the site does not show


def _images(tag: str) -> str:
    """Pictures for light and dark, as directives that know the site's switch."""
    alternative = re.search(r'alt="([^"]*)"', tag)
    width = re.search(r'width="(\d+)"', tag)
    options = f":alt: {alternative[1] if alternative else ''}\n"
    options += f":width: {width[1]}px\n" if width else ""
    sources = sorted(set(_SOURCE.findall(tag)))
    if len(sources) == 1:
        return f"```{{image}} {sources[0]}\n{options}```"
    return "\n\n".join(
        f"```{{image}} {each}\n{options}:class: only-{'dark' if 'dark' in each else 'light'}\n```"
        for each in sources
    )
