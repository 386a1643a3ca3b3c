"""Lists of texts as one argument of a script: a row has too many columns for one each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from devsess.stores.redis.columns import Text

Value: TypeAlias = "Text | Sequence[Text]"


def packed(values: Mapping[str, Value]) -> bytes:
    """*values* as a map of MessagePack, which a script reads with `cmsgpack.unpack`."""
    parts = [bytes([0x80 | len(values)])]  # a map of at most 15 members
    for name, value in values.items():
        parts.append(_text(name))
        if isinstance(value, (str, bytes)):
            parts.append(_text(value))
        else:
            parts.append(b"\xdd" + len(value).to_bytes(4))  # a list, its length in 32 bits
            parts += map(_text, value)
    return b"".join(parts)


def _text(value: Text) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return b"\xdb" + len(data).to_bytes(4) + data
