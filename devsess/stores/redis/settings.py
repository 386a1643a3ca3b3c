"""What a URL, or an application's own client, says about the servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen
from redis.backoff import NoBackoff

from devsess.errors import ConfigurationError
from devsess.stores.redis.limits import limited
from devsess.stores.redis.lines import Server
from devsess.stores.redis.topology import Cluster, OneServer, Sentinels

if TYPE_CHECKING:
    from devsess.stores.redis.topology import Topology

SHARDS_OF_A_CLUSTER = 16
# Seconds: no timeout is longer.
LONGEST = 3_600.0
_SCHEMES = {
    "redis": ("one", False),
    "rediss": ("one", True),
    "valkey": ("one", False),
    "valkeys": ("one", True),
    "redis+cluster": ("cluster", False),
    "redis+sentinel": ("sentinel", False),
}
_TEXTS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"})
# Those that are the store's own; the others are for its connections.
_OURS = ("timeout", "pool_size", "shards", "prefix", "durable")
_SENTINEL = {"sentinel_username": "username", "sentinel_password": "password"}
_KINDS: dict[str, Callable[[str], object]] = {
    "timeout": float,
    "pool_size": int,
    "shards": int,
    "prefix": str,
    "tls": lambda text: text in ("1", "true", "yes"),
    "durable": lambda text: text in ("1", "true", "yes"),
    "ssl_check_hostname": lambda text: text not in ("0", "false", "no"),
    **dict.fromkeys((*_TEXTS, *_SENTINEL), str),
}


@frozen
class Settings:
    """
    How a store is reached.

    Attributes:
        topology: Where the keys are.
        make: Makes a connection to a server; it awaits, or blocks.
        timeout: Seconds within which a server answers.
        pool_size: The most connections to one server.
        prefix: The beginning of every key.
        shards: The parts of the data.
        durable: Whether a write is answered only once it is on the server's disk.
    """

    topology: Topology
    make: Callable[[Server], Any] = field(repr=False)
    timeout: float = 5.0
    pool_size: int = 32
    prefix: str = "devsess"
    shards: int = 1
    durable: bool = False


def checked(settings: Settings) -> Settings:
    """
    *settings*, if they can be kept to.

    Raises:
        ConfigurationError: If not.
    """
    if not 0 < settings.timeout < LONGEST or settings.pool_size < 1 or settings.shards < 1:
        raise ConfigurationError(
            "timeout, pool_size and shards are more than 0, and timeout is less than an hour"
        )
    if not settings.prefix or set(settings.prefix) & set("{}"):
        raise ConfigurationError("a prefix has at least one character, and no braces")
    return settings


def of_url(url: str, *, is_awaited: bool) -> Settings:
    """
    The settings in *url*.

    Raises:
        ConfigurationError: If it cannot be understood; it may hold a password and is not quoted.
    """
    scheme, _, rest = url.partition("://")
    kind, is_tls = _SCHEMES[scheme.lower()]
    is_sentinel = kind == "sentinel"
    try:
        parts = urlsplit("redis://" + rest)
        options = _options(parts.query)
        at = parts.netloc.rpartition("@")
        servers = [_server(it, is_sentinel=is_sentinel) for it in at[2].split(",")]
    except ValueError:
        raise ConfigurationError(f"this {scheme}:// URL cannot be read") from None
    username, _, password = at[0].partition(":")
    path = [unquote(it) for it in parts.path.split("/")[1:] if it]
    common = _common(options, is_tls or bool(options.get("tls")), is_awaited)
    own = {
        "username": unquote(username) or None,
        "password": unquote(password) or None,
        "db": _database(kind, path, scheme),
    }
    of_sentinel = {name: options.get(it) for it, name in _SENTINEL.items()}

    def make(server: Server) -> Any:
        which = of_sentinel if server.is_sentinel else own
        return common(host=server.host, port=server.port, **which)

    ours: dict[str, Any] = {"shards": SHARDS_OF_A_CLUSTER} if kind == "cluster" else {}
    ours |= {name: it for name, it in options.items() if name in _OURS}
    return Settings(_topology(kind, servers, path, scheme), make, **ours)


def _options(query: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in parse_qsl(query, strict_parsing=bool(query), keep_blank_values=True):
        if name not in _KINDS:
            raise ConfigurationError(
                f"no option {name!r} is known: use {', '.join(sorted(_KINDS))}"
            )
        found[name] = _KINDS[name](text)
    return found


def _server(text: str, *, is_sentinel: bool) -> Server:
    host, separator, port = text.rpartition(":")
    if not separator or text.endswith("]"):
        host, port = text, "26379" if is_sentinel else "6379"
    return Server(unquote(host).strip("[]") or "localhost", int(port), is_sentinel)


def _database(kind: str, path: list[str], scheme: str) -> int:
    text = path[kind == "sentinel"] if len(path) > (kind == "sentinel") else "0"
    if not text.isdecimal() or (kind == "cluster" and int(text)):
        raise ConfigurationError(f"a {scheme}:// URL ends in the number of a database")
    return int(text)


def _topology(kind: str, servers: list[Server], path: list[str], scheme: str) -> Topology:
    if kind == "cluster":
        return Cluster(servers)
    if kind == "sentinel":
        if not path:
            raise ConfigurationError(f"a {scheme}:// URL names a service: {scheme}://host/service")
        return Sentinels(servers, path[0])
    if len(servers) > 1:
        raise ConfigurationError("several servers are a redis+cluster:// or redis+sentinel:// URL")
    return OneServer(servers[0])


def _common(options: Mapping[str, object], is_tls: bool, is_awaited: bool) -> Callable[..., Any]:
    """Makes connections with what all of them have in common."""
    tls = {name: it for name, it in options.items() if name.startswith("ssl_")}
    if tls and not is_tls:
        raise ConfigurationError("the URL has settings of TLS, and no TLS: use rediss:// or tls=1")
    if is_awaited:
        from redis.asyncio.connection import Connection, SSLConnection
    else:
        from redis.connection import Connection, SSLConnection  # type: ignore[assignment]
    kind: Any = SSLConnection if is_tls else Connection
    kind = kind if is_awaited else limited(kind)
    fixed = {**tls, **_no_retry(is_awaited)}
    return lambda **kwargs: kind(**kwargs, **fixed)


def _no_retry(is_awaited: bool) -> dict[str, Any]:
    if is_awaited:
        from redis.asyncio.retry import Retry
    else:
        from redis.retry import Retry  # type: ignore[assignment]
    # The limit of time is the lines': the driver's own takes a task for each command.
    limits = {"socket_timeout": None, "socket_connect_timeout": None}
    return {"retry": Retry(NoBackoff(), 0), "protocol": 2, **limits}


# Of a client's connections: where they lead and how they sign in, not how they retry.
_TAKEN = (
    *("host", "port", "path", "db", "username", "password", "credential_provider", "client_name"),
    *("socket_keepalive", "socket_keepalive_options", "socket_type", "connection_pool"),
)


def of_client(client: Any) -> tuple[Settings, bool]:
    """
    The settings of an application's own client, and whether it is awaited.

    Raises:
        ConfigurationError: If it is no client of redis-py.
    """
    module = type(client).__module__
    is_awaited = ".asyncio" in module
    manager = getattr(client, "nodes_manager", None)
    pool = getattr(client, "connection_pool", None)
    if manager is not None:
        kwargs: Mapping[str, Any] = manager.connection_kwargs
        servers = [Server(it.host, int(it.port)) for it in manager.startup_nodes.values()]
        topology: Topology = Cluster(servers)
    elif pool is not None:
        kwargs = pool.connection_kwargs
        topology = OneServer(Server(str(kwargs.get("host", "")), int(kwargs.get("port") or 0)))
    else:
        raise ConfigurationError(f"store must be a URL or a client, not {type(client).__name__}")
    kind = _kind_of(client, is_awaited)
    kind = kind if is_awaited else limited(kind)
    taken = {
        name: it for name, it in kwargs.items() if name in _TAKEN or name.startswith("ssl_")
    } | _no_retry(is_awaited)

    def make(server: Server) -> Any:
        where = {"host": server.host, "port": server.port} if manager is not None else {}
        return kind(**taken | where)

    shards = SHARDS_OF_A_CLUSTER if manager is not None else 1
    return Settings(topology, make, shards=shards), is_awaited


def _kind_of(client: Any, is_awaited: bool) -> Any:
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        return pool.connection_class
    if is_awaited:
        from redis.asyncio.connection import Connection
    else:
        from redis.connection import Connection  # type: ignore[assignment]
    return client.nodes_manager.connection_kwargs.get("connection_class", Connection)
