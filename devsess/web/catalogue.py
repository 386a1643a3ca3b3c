"""
Catalogues of translations: a .po file becomes what gettext of the standard library reads.

The .po files are package data and are read when a language is first asked for: nothing has to
be built or installed for them.
"""

from __future__ import annotations

import ast
import io
import struct
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

# The language of the messages themselves.
SOURCE = "en"
LANGUAGES = (SOURCE, "ar", "de", "es", "fr")
RIGHT_TO_LEFT = frozenset({"ar"})

_MAGIC = 0x950412DE
_CONTEXT = "\x04"


@cache
def translations(language: str) -> NullTranslations:
    """The translations into one of LANGUAGES."""
    if language == SOURCE:
        return NullTranslations()
    return GNUTranslations(io.BytesIO(compiled(source(language))))


def source(language: str) -> str:
    """The text of a language's .po files; devsess.po has the header, and comes first."""
    folder = files("devsess.web") / "locale" / language / "LC_MESSAGES"
    texts = {it.name: it.read_text("utf-8") for it in folder.iterdir() if it.name.endswith(".po")}
    first = texts.pop("devsess.po")
    return "\n\n".join([first, *(texts[name] for name in sorted(texts))])


def compiled(text: str) -> bytes:
    """A .po file as the .mo file that gettext reads (GNU gettext manual, "MO Files")."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages(text).items())
    count, start = len(pairs), 28
    keys, values = b"", b""
    places: list[tuple[int, int, int, int]] = []
    for key, value in pairs:
        places.append((len(key), len(keys), len(value), len(values)))
        keys += key + b"\0"
        values += value + b"\0"
    at_keys = start + 16 * count
    at_values = at_keys + len(keys)
    head = struct.pack("<7I", _MAGIC, 0, count, start, start + 8 * count, 0, 0)
    first = b"".join(struct.pack("<2I", size, at_keys + at) for size, at, _, _ in places)
    second = b"".join(struct.pack("<2I", size, at_values + at) for _, _, size, at in places)
    return head + first + second + keys + values


def messages(text: str) -> dict[str, str]:
    """
    The messages of a .po file, each under its context and text, plural forms between NULs.

    Raises:
        ValueError: If a line is none of the format.
    """
    found: dict[str, str] = {}
    for parts in _entries(text):
        key = parts["msgid"]
        if "msgctxt" in parts:
            key = parts["msgctxt"] + _CONTEXT + key
        if "msgid_plural" in parts:
            key += "\0" + parts["msgid_plural"]
        forms = [value for name, value in parts.items() if name.startswith("msgstr")]
        if all(forms):
            found[key] = "\0".join(forms)
    return found


def _entries(text: str) -> Iterator[dict[str, str]]:
    parts: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        if line.startswith("#"):
            continue
        if not line:
            if parts:
                yield parts
            parts = {}
        elif line.startswith('"'):
            parts[name] += _unquoted(line)
        else:
            name, _, value = line.partition(" ")
            parts[name] = _unquoted(value)


def _unquoted(text: str) -> str:
    value = ast.literal_eval(text)
    if not isinstance(value, str):
        raise ValueError(f"{text!r} is no quoted text")
    return value
