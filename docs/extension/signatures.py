"""
The signature of a record: its fields and their defaults.

That of the `__init__` which attrs writes names a dictionary in the place of each default, and each
type is a line in the table of fields already.
"""

from __future__ import annotations

import attrs
from sphinx.application import Sphinx


def process(
    app: Sphinx,
    what: str,
    name: str,
    documented: object,
    options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str, str | None] | None:
    """Answer autodoc's event; None leaves the signature as it is."""
    if not isinstance(documented, type) or not attrs.has(documented):
        return None
    given = [each for each in attrs.fields(documented) if each.init]
    if not given or "__attrs_attrs__" not in vars(documented):
        return None
    are_named = [index for index, each in enumerate(given) if each.kw_only]
    words = [_parameter(each) for each in given]
    if are_named:
        words.insert(are_named[0], "*")
    return f"({', '.join(words)})", None


def _parameter(field: attrs.Attribute[object]) -> str:
    name = field.alias or field.name
    if field.default is attrs.NOTHING:
        return name
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return f"{name}=..."
    default = field.default
    is_whole = isinstance(default, float) and default.is_integer()
    text = f"{default:_.0f}" if is_whole else repr(default)
    return f"{name}={text}" if len(text) <= 32 and "<" not in text else f"{name}=..."
