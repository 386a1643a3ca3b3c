"""
The payloads that `mint` writes, recognised by their bytes, for speed alone.

Nearly every access token that comes is one of ours, exactly as it was written. Its payload needs
no parser of JSON: the members stand in one order, and no text has an escape, so none stands
twice or has a second spelling. The law is the strict parser. It accepts each payload that
is recognised here, with the same claims, and reads all others.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

# sub, sid, iat, exp, auth_time, gen, and act where somebody else acts.
Found: TypeAlias = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes | None]

# What `json.dumps` writes as it is: ASCII without control characters, quotes and backslashes.
_TEXT = rb"[ !#-\[\]-~]"
_BARE = (",", ":")
# Whole numbers in the one spelling of JSON, with fewer digits than their greatest value has.
_SECOND = rb"(0|[1-9][0-9]{0,10})"
_GENERATION = rb"(0|[1-9][0-9]{0,8})"


class OwnPayloads:
    """The payloads of one issuer and audience."""

    def __init__(self, issuer: str, audience: str) -> None:
        owner = json.dumps(
            {"iss": issuer, "aud": audience, "client_id": audience}, separators=_BARE
        )
        self._form = re.compile(
            re.escape(owner[:-1].encode())
            + rb',"sub":"(%s+)","sid":"([A-Za-z0-9_-]{16,64})","jti":"%s+"' % (_TEXT, _TEXT)
            + rb',"iat":%s,"exp":%s,"auth_time":%s' % (_SECOND, _SECOND, _SECOND)
            + rb',"amr":\[(?:"%s*"(?:,"%s*")*)?\],"gen":%s' % (_TEXT, _TEXT, _GENERATION)
            + rb'(?:,"acr":"%s*")?(,"act":\{"sub":"%s*"\})?\}' % (_TEXT, _TEXT)
        )

    def read(self, payload: bytes) -> Found | None:
        """The claims of *payload*, as they stand there; None if `mint` writes none of this form."""
        found = self._form.fullmatch(payload)
        return None if found is None else found.groups()  # type: ignore[return-value]
