"""Where a store's documents are: a URL, or a client of the application's."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from attrs import evolve, field, frozen

from devsess.errors import ConfigurationError

# Seconds within which each call has an answer or fails.
TIMEOUT = 5.0
NAME = "devsess"
_OURS = ("timeout", "collection")
# Seconds: no timeout is longer.
_LONGEST = 3_600.0


@frozen
class Place:
    """
    The collection of a store.

    Attributes:
        url: Of the server, without the parameters that are ours; it may hold a password.
        client: In its place, a MongoClient or AsyncMongoClient of the application's.
        database, collection: Their names.
        timeout: Seconds within which each call has an answer or fails.
    """

    url: str = field(default="", repr=False)
    client: Any = field(default=None, repr=False)
    database: str = NAME
    collection: str = NAME
    timeout: float = TIMEOUT

    def limits(self) -> dict[str, Any]:
        """
        The client's own limits, for what it does outside of a call: its monitors' connections.

        Calls are bounded as a whole, by `pymongo.timeout`.
        """
        ms = max(1, int(1_000 * self.timeout))
        return {"connectTimeoutMS": ms, "serverSelectionTimeoutMS": ms, "waitQueueTimeoutMS": ms}


def place_in(url: str) -> Place:
    """
    The place that *url* names.

    Our own parameters are `timeout`, in seconds, and `collection`; all others are PyMongo's
    (https://pymongo.readthedocs.io/en/stable/api/pymongo/mongo_client.html).

    Raises:
        ConfigurationError: If it cannot be read; it may hold a password, and is not quoted.
    """
    base, _, query = url.partition("?")
    parts = [part for part in query.split("&") if part]
    own = dict(parse_qsl("&".join(part for part in parts if _name(part) in _OURS)))
    others = "&".join(part for part in parts if _name(part) not in _OURS)
    scheme, _, rest = base.partition("://")
    hosts, _, database = rest.partition("/")
    place = Place(
        url=f"{scheme.lower()}://{hosts}/{database}" + (f"?{others}" if others else ""),
        database=unquote(database) or NAME,
        collection=own.get("collection", NAME),
        timeout=_seconds(own.get("timeout", str(TIMEOUT))),
    )
    _check(place)
    return place


def with_settings(
    place: Place, database: str | None, collection: str | None, timeout: float | None
) -> Place:
    """*place* with those of the settings that are not None."""
    given = {"database": database, "collection": collection, "timeout": timeout}
    changes: dict[str, Any] = {name: it for name, it in given.items() if it is not None}
    chosen = evolve(place, **changes)
    _check_names(chosen)
    if not 0 < chosen.timeout < _LONGEST:
        raise ConfigurationError("timeout is a number of seconds above 0, below an hour")
    return chosen


def _name(part: str) -> str:
    return part.partition("=")[0]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < _LONGEST:
        raise ConfigurationError("timeout in a MongoDB URL is a number of seconds, such as 5")
    return seconds


def _check_names(place: Place) -> None:
    names = place.database, place.collection
    if not all(names) or set(names[0]) & set('/\\. "$\0') or set(names[1]) & set("$\0"):
        raise ConfigurationError("a MongoStore has a database and a collection without signs")


def _check(place: Place) -> None:
    _check_names(place)
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    if place.url.startswith("mongodb+srv:"):
        return  # reading it would ask the name server
    try:
        parse_uri(place.url)
    except (PyMongoError, ValueError) as error:
        kind = type(error).__name__
    else:
        return
    raise ConfigurationError(
        f"this is no MongoDB URL ({kind}): write mongodb://user:password@host:27017/database,"
        " with special characters of the password percent-encoded"
    )
