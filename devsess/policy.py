"""
Policy and Privacy: every number a deployer may choose, with its source.

Spans are given as timedelta or seconds and kept as seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import Factory, field, frozen

from devsess._options import named, one_of, texts
from devsess.errors import ConfigurationError
from devsess.risk_policy import Risk

if TYPE_CHECKING:
    from devsess.models import Client

Span: TypeAlias = timedelta | float
SessionLimit: TypeAlias = "int | Callable[[str, Client], int | None] | None"

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# Beyond it, an instant and a span have no sum that a datetime can hold.
MAX_SPAN = 36_525 * DAY
# Renewed three times within it; a stopped process delays an ending by as much.
LEASE = 2.0
LEASES = (0.3, MINUTE)
# Browsers keep no cookie longer, whatever it says (RFC 6265bis §5.5).
LONGEST_COOKIE = 400 * DAY


def seconds(span: Span) -> float:
    """
    The length of *span* in seconds.

    Raises:
        ConfigurationError: If it is no span, negative, or longer than 100 years.
    """
    if isinstance(span, timedelta):
        return seconds(span.total_seconds())
    if isinstance(span, bool) or not isinstance(span, (int, float)):
        raise ConfigurationError(f"a span must be a timedelta or seconds, not {span!r}")
    if not 0 <= span <= MAX_SPAN:
        raise ConfigurationError(f"a span must be between 0 and 100 years, not {span!r}")
    return float(span)


@frozen(kw_only=True, field_transformer=named)
class Privacy:
    """
    How much of a client's address is kept, and how long (GDPR Art. 5(1)(c) and (e)).

    Attributes:
        ip: "full" keeps the address while the session lives and its network
            (/24, /48) once it ended; "truncated" keeps the network only;
            "none" keeps nothing.
        retention: Seconds that ended sessions and events are kept; 90 days.
        device_retention: Seconds after its latest sign-in that a device is still
            known, its network no longer than *retention*; 400 days, the longest
            that a browser keeps the cookie which names it (RFC 6265bis §5.5).
    """

    ip: Literal["full", "truncated", "none"] = field(
        default="full", validator=one_of("full", "truncated", "none")
    )
    retention: float = field(default=90 * DAY, converter=seconds)
    device_retention: float = field(default=LONGEST_COOKIE, converter=seconds)


@frozen(kw_only=True, field_transformer=named)
class Seniority:
    """
    How long a session is young, in which it cannot lock the account's owner out.

    A young session ends no older one, trusts no device and exports nothing through endpoints
    and pages; a step-up lifts that.

    Attributes:
        session: Seconds after its sign-in for which a session is young; 24 hours.
        device: Seconds after a device's first sign-in from which on none of its sessions is
            young; 24 hours.

    Raises:
        ConfigurationError: If one of them is no span, or 0.
    """

    session: float = field(default=DAY, converter=seconds)
    device: float = field(default=DAY, converter=seconds)

    def __attrs_post_init__(self) -> None:
        if not (self.session and self.device):
            raise ConfigurationError("no session is young with a span of 0: use seniority=None")


def _default_touch_interval(policy: Policy) -> float:
    return min(300.0, policy.idle_timeout / 10)


@frozen(kw_only=True, field_transformer=named)
class Policy:
    """
    How long sessions live, how many there may be, and how fresh answers are.

    Attributes:
        access_lifetime: Seconds an access token is valid; 15 minutes, the short
            end of common practice, since other services cannot see a revocation.
        idle_timeout: Seconds without activity that end a session; 14 days
            (NIST SP 800-63B-4 §2.1.3 leaves it open at AAL1).
        absolute_lifetime: Seconds after login that end a session, active or
            not; 30 days (NIST SP 800-63B-4 §2.1.3, ASVS 7.3.2 and 10.4.8).
        refresh_grace_period: Seconds in which the previous refresh token still
            gives the same successor; 30 (FAPI 2.0: a retry must succeed).
        touch_interval: Seconds between two moves of `last_seen_at`; the lesser
            of 300 and a tenth of the idle timeout.
        leeway: Seconds of clock skew granted to a JWT's times; 5.
        max_staleness: Seconds a validation may lag behind a revocation; 0.
        acknowledged: Whether memory answers without asking the store, at zero staleness all
            the same: whatever ends sessions returns once every process has heard of it,
            or has stopped to answer from memory. False.
        lease: Seconds for which a process may answer so without news from the store, and
            so about the longest that an ending waits for one that does not react; 2.
        cache_size: Sessions that validation may answer from memory; 65,536.
        max_sessions: Live sessions an account may have: a number, a function
            of user id and client, or None for no limit (ASVS 7.1.2).
        on_limit: "evict" ends the least recently used; "reject" refuses the
            login and names the sessions that could be ended.
        privacy: How much of addresses is kept, and how long.
        acr_order: Authentication contexts from weak to strong; each satisfies
            itself and those before it. A context that is not listed satisfies
            only itself.
        risk: How unusual a sign-in may be; None assesses nothing.
        seniority: How long a session is young; None, the default, knows no young ones.

    Raises:
        ConfigurationError: If the numbers contradict each other.
    """

    access_lifetime: float = field(default=15 * MINUTE, converter=seconds)
    idle_timeout: float = field(default=14 * DAY, converter=seconds)
    absolute_lifetime: float = field(default=30 * DAY, converter=seconds)
    refresh_grace_period: float = field(default=30.0, converter=seconds)
    touch_interval: float = field(
        default=Factory(_default_touch_interval, takes_self=True), converter=seconds
    )
    leeway: float = field(default=5.0, converter=seconds)
    max_staleness: float = field(default=0.0, converter=seconds)
    acknowledged: bool = False
    lease: float = field(default=LEASE, converter=seconds)
    cache_size: int = 65_536
    max_sessions: SessionLimit = None
    on_limit: Literal["evict", "reject"] = field(
        default="evict", validator=one_of("evict", "reject")
    )
    privacy: Privacy = field(factory=Privacy)
    acr_order: tuple[str, ...] = field(default=("aal1", "aal2", "aal3"), converter=texts)
    risk: Risk | None = field(factory=Risk)
    seniority: Seniority | None = None

    def __attrs_post_init__(self) -> None:
        for holds, message in self._laws() + self._memory_laws():
            if not holds:
                raise ConfigurationError(message)

    def _laws(self) -> list[tuple[bool, str]]:
        limit = self.max_sessions
        return [
            (self.risk is None or isinstance(self.risk, Risk), "risk must be a Risk or None"),
            (self.access_lifetime >= 1, "access_lifetime must be at least one second"),
            (
                self.access_lifetime <= self.idle_timeout,
                "access_lifetime must not exceed idle_timeout: such a token outlives its session",
            ),
            (
                self.idle_timeout <= self.absolute_lifetime,
                "idle_timeout must not exceed absolute_lifetime",
            ),
            (
                self.touch_interval <= self.idle_timeout / 2,
                "touch_interval must be at most half of idle_timeout, or active sessions expire",
            ),
            (
                self.refresh_grace_period <= 300,
                "refresh_grace_period must be at most 300 s: a stolen token works as long",
            ),
            (self.leeway <= 300, "leeway must be at most 300 s"),
            (
                self.seniority is None or isinstance(self.seniority, Seniority),
                "seniority must be a Seniority, or None",
            ),
            (
                limit is None or callable(limit) or (_is_count(limit) and limit >= 1),
                "max_sessions must be 1 or more, a function, or None",
            ),
            (
                len(set(self.acr_order)) == len(self.acr_order),
                "acr_order must not name a context twice",
            ),
        ]

    def _memory_laws(self) -> list[tuple[bool, str]]:
        return [
            (
                self.max_staleness <= self.access_lifetime,
                "max_staleness must not exceed access_lifetime",
            ),
            (isinstance(self.acknowledged, bool), "acknowledged must be True or False"),
            (
                not (self.acknowledged and self.max_staleness),
                "acknowledged=True promises that nothing is stale: leave max_staleness at 0",
            ),
            (
                self.acknowledged or self.lease == LEASE,
                "lease has a meaning with acknowledged=True alone",
            ),
            (
                LEASES[0] <= self.lease <= LEASES[1],
                f"lease must be {LEASES[0]} to {LEASES[1]:.0f} seconds",
            ),
            (
                _is_count(self.cache_size) and self.cache_size >= 0,
                "cache_size must be a number of sessions, 0 or more",
            ),
        ]

    def limit_for(self, user_id: str, client: Client) -> int | None:
        """
        How many live sessions *user_id* may have, signing in from *client*.

        Raises:
            ConfigurationError: If the application's function gave no such number.
        """
        limit = self.max_sessions
        if callable(limit):
            limit = limit(user_id, client)
        if limit is not None and not (_is_count(limit) and limit >= 1):
            raise ConfigurationError(f"max_sessions gave {limit!r}: give 1 or more, or None")
        return limit

    @classmethod
    def nist(cls, aal: Literal[1, 2, 3]) -> Policy:
        """
        The timeouts of NIST SP 800-63B-4 for an assurance level.

        AAL1 (§2.1.3): 30 days overall. AAL2 (§2.2.3): 24 hours overall, one
        hour idle. AAL3 (§2.3.3): 12 hours overall, 15 minutes idle.

        Raises:
            ConfigurationError: If *aal* is not 1, 2 or 3.
        """
        presets = {
            1: cls(),
            2: cls(absolute_lifetime=DAY, idle_timeout=HOUR),
            3: cls(absolute_lifetime=12 * HOUR, idle_timeout=15 * MINUTE),
        }
        if aal not in presets:
            raise ConfigurationError(f"an assurance level is 1, 2 or 3, not {aal!r}")
        return presets[aal]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
