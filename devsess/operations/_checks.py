"""Checks of an application's arguments, before they are stored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from devsess import skew
from devsess._provider import PASSWORD, PREFIX, with_provider
from devsess._text import clean_text
from devsess.models import Client, Device, Session
from devsess.policy import Span, seconds
from devsess.views import EMPTY_CLAIMS

MAX_TEXT = 255
MAX_CLAIMS = 1024
# Lists and mappings within each other: what is read back recursively must not fail for its depth.
MAX_CLAIMS_LEVELS = 32
# Begins the names of claims that devsess itself sets.
OWN_CLAIMS = "devsess."
MAX_AMR = 16
MAX_NAME = 64
MAX_PROVIDER = 64


def checked_text(value: object, name: str) -> str:
    """
    *value*, if it is a text that can be kept: 1 to 255 characters, valid Unicode, no NUL.

    Raises:
        TypeError, ValueError: If it is not.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not 0 < len(value) <= MAX_TEXT:
        raise ValueError(f"{name} must have 1 to {MAX_TEXT} characters, not {len(value)}")
    if "\0" in value or not _encodable(value):
        raise ValueError(f"{name} must be valid Unicode without NUL")
    return value


def checked_user(user_id: object) -> None:
    """
    Check that *user_id* is a text, as at login: the number 5 would silently find nothing.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(user_id, str):
        raise TypeError(f"user_id must be a str, as at login, not {type(user_id).__name__}")


def checked_session(session: object, name: str = "session_id") -> str:
    """
    The id of a session, given as text or as the Session itself.

    Anything else is a caller's mistake, which must not pass for "there is no such session".

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(session, Session):
        return session.id
    if not isinstance(session, str):
        raise TypeError(f"{name} must be a str or a Session, not {type(session).__name__}")
    return session


def checked_device(device: object) -> str:
    """
    The id of a device, given as text or as the Device itself.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(device, Device):
        return device.id
    if not isinstance(device, str):
        raise TypeError(f"device_id must be a str or a Device, not {type(device).__name__}")
    return device


def checked_client(client: Client | None) -> Client | None:
    """
    *client*, if it is one.

    Raises:
        TypeError: If it is something else.
    """
    if client is not None and not isinstance(client, Client):
        raise TypeError(
            f"client must be a Client or None, not {type(client).__name__}:"
            " pass Client(ip=..., user_agent=...)"
        )
    return client


def checked_reason(value: str, name: str = "reason") -> str:
    """A reason or actor for the records, cleaned of characters that could forge lines of a log."""
    return clean_text(checked_text(value, name), MAX_TEXT) or name


def checked_name(value: str) -> str:
    """
    A name that people give to a device, cleaned as reasons are.

    Raises:
        TypeError, ValueError: If it is no text that can be kept, too long, or shows nothing.
    """
    name = clean_text(checked_text(value, "name"), MAX_TEXT) or ""
    if len(name) > MAX_NAME:
        raise ValueError(f"a device's name has at most {MAX_NAME} characters, not {len(name)}")
    if not any(letter.isprintable() and not letter.isspace() for letter in name):
        raise ValueError("a device's name must show something; None gives its label back")
    return name


def checked_actor(actor: str | None) -> str | None:
    """The actor, where it is not the user; cleaned as reasons are."""
    return None if actor is None else checked_reason(actor, "actor")


def checked_instant(auth_time: datetime | float | None, now: float) -> float:
    """
    When the person proved themselves; *now*, where an identity provider's clock is ahead.

    Raises:
        TypeError, ValueError: If it is no instant, or more than skew.CLOCKS_APART in the future.
    """
    if auth_time is None:
        return now
    if isinstance(auth_time, datetime):
        auth_time = checked_datetime(auth_time, "auth_time")
    if isinstance(auth_time, bool) or not isinstance(auth_time, (int, float)):
        raise TypeError(f"auth_time must be a datetime or seconds, not {auth_time!r}")
    if not 0 <= auth_time < math.inf:
        raise ValueError(f"auth_time must be an instant, not {auth_time!r}")
    if skew.is_ahead(auth_time, now):
        raise ValueError(
            f"auth_time lies more than {skew.CLOCKS_APART:g} seconds in the future:"
            " check the clocks"
        )
    return min(float(auth_time), now)


def checked_lifetime(lifetime: Span | None) -> float | None:
    """
    Seconds after which a session ends at the latest; None: as the policy has it.

    Raises:
        ConfigurationError, ValueError: If it is no span above zero.
    """
    if lifetime is None:
        return None
    span = seconds(lifetime)
    if span == 0:
        raise ValueError("lifetime must be more than nothing")
    return span


def checked_datetime(value: datetime, name: str) -> float:
    """
    Seconds since the epoch.

    Raises:
        TypeError, ValueError: If *value* is no aware datetime.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        raise ValueError(f"{name} must be an aware datetime: give it a timezone")
    return value.timestamp()


def checked_count(value: int, name: str, most: float = math.inf) -> None:
    """
    Check that *value* is a whole number from 1 to *most*.

    Raises:
        TypeError, ValueError: If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be {_range(most)}, not {value}")


def _range(most: float) -> str:
    return "1 or more" if most == math.inf else f"1 to {most:,}"


def checked_amr(amr: Sequence[str]) -> tuple[str, ...]:
    """
    Authentication methods (RFC 8176), at most 16, none of which could pass for a provider.

    Raises:
        TypeError, ValueError: If they are not.
    """
    if isinstance(amr, (str, bytes)):
        raise TypeError('amr must be a sequence of names, such as ("pwd",)')
    if len(amr) > MAX_AMR:
        raise ValueError(f"amr must have at most {MAX_AMR} names")
    methods = tuple(checked_text(name, "amr") for name in amr)
    if any(name.startswith(PREFIX) for name in methods):
        raise ValueError(f"no name in amr may begin with {PREFIX!r}: give a provider as provider=")
    return methods


def checked_proof(amr: Sequence[str], provider: str | None) -> tuple[str, ...]:
    """
    How a person was authenticated and by which provider, as a row keeps both.

    Where the application says nothing of the methods, that is taken for a password, but not where a
    provider authenticated the person: how it does that is not known here.

    Raises:
        TypeError, ValueError: If they cannot be kept.
    """
    name = None if provider is None else checked_provider(provider)
    methods = () if amr is PASSWORD and name is not None else checked_amr(amr)
    return with_provider(methods, name)


def checked_provider(provider: str) -> str:
    """
    The name of a sign-in provider: 1 to 64 characters, all of which show, with no blank around.

    Raises:
        TypeError, ValueError: If it is not.
    """
    name = checked_text(provider, "provider")
    if len(name) > MAX_PROVIDER:
        raise ValueError(f"provider must have at most {MAX_PROVIDER} characters, not {len(name)}")
    if not name.isprintable() or name != name.strip():
        raise ValueError("provider must be printable, with no blanks around it")
    return name


def checked_claims(claims: Mapping[str, object] | None) -> str:
    """
    Claims as JSON text of at most 1,024 bytes, nested at most 32 deep.

    Raises:
        TypeError, ValueError: If they are no JSON object, too long or too deep.
    """
    if not claims:
        return EMPTY_CLAIMS
    if not isinstance(claims, Mapping):
        raise TypeError(f"claims must be a mapping, not {type(claims).__name__}")
    try:
        text = json.dumps(dict(claims), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_CLAIMS:
        raise ValueError(f"claims take {size} bytes as JSON and may take {MAX_CLAIMS}")
    if _is_deeper(claims, MAX_CLAIMS_LEVELS):
        raise ValueError(_TOO_DEEP)
    if not _encodable(text):
        raise ValueError("claims must be valid Unicode")
    return text


_TOO_DEEP = f"claims may be nested {MAX_CLAIMS_LEVELS} deep"


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, (Mapping, list, tuple)):
        return False
    within = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(it, levels - 1) for it in within)


def own_claims(text: str) -> dict[str, object]:
    """Of a row's claims those that devsess itself has set, as its app for Django does."""
    if OWN_CLAIMS not in text:
        return {}
    found: dict[str, object] = json.loads(text)
    return {name: value for name, value in found.items() if name.startswith(OWN_CLAIMS)}


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
