"""Forms and queries: a few short fields, each once."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

# Of a form or a query; ours have fewer.
MOST_FIELDS = 20
_KIND = "application/x-www-form-urlencoded"


class FormError(Exception):
    """A form or query that cannot be read; its status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def read_form(content_type: str, body: bytes | None) -> Mapping[str, str]:
    """
    The fields of a form; of one that comes twice, the last.

    Raises:
        FormError: If it is too long (*body* is None), or no form.
    """
    if body is None:
        raise FormError(413)
    if body and content_type.partition(";")[0].strip().lower() != _KIND:
        raise FormError(415)
    try:
        return read_query(body.decode("ascii"))
    except UnicodeDecodeError:
        raise FormError(400) from None


def read_query(query: str) -> Mapping[str, str]:
    """
    The fields of a query; of one that comes twice, the last.

    Raises:
        FormError: If it has too many, or is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise FormError(400) from None
    return dict(pairs)
