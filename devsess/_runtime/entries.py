"""
The validated sessions that a cache holds, and the ring that makes room for more.

A lookup takes no lock: it is one atomic look into a dict. Every method that changes the entries
is called under the cache's lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import define, field

from devsess._runtime.sharded_dict import ShardedDict
from devsess.operations._checks import checked_client
from devsess.tokens.access import AccessClaims

if TYPE_CHECKING:
    from devsess.models import Client, Session
    from devsess.operations.validate import Validated

# A token is known by the hash of its whole text, which is keyed by each
# process, and by its end, which is (part of) its signature: a quarter of the
# memory that the text takes, and nothing in memory that could be presented.
END = 43
# Equals nothing but itself.
_NEVER = object()
# Access tokens of one session that are remembered; refreshing yields one each time.
_TOKENS_EACH = 8
# Entries in use that one eviction passes by, and dropped ones that one `put` frees.
_PASSED_BY = 512
_FREED = 64


@define(eq=False, weakref_slot=False)
class Entry:
    """
    One access token's valid session, and the client it was judged for.

    Attributes:
        end: The end of the token.
        good_until: Seconds since the epoch; only ever too early.
        auth_time, expires_at, generation: The token's, as in its claims.
        stamp: The store's stamp of the row, if it was asked for before the row was read.
        used: Whether it answered a validation since the hand last passed it.
        place: Its index in the ring.
    """

    session: Session
    end: str = field(repr=False)
    ip: object
    user_agent: object
    device_token: object = field(repr=False)
    good_until: float
    auth_time: int
    expires_at: float
    generation: int | None
    stamp: int | None
    used: bool = False
    place: int = 0

    @classmethod
    def of(
        cls, token: str, client: Client | None, validated: Validated, stamp: int | None
    ) -> Entry:
        """
        The entry of *token*, as it was *validated* for *client*.

        A client that was not judged equals no client; equal texts are kept once.
        """
        session, claims = validated.session, validated.claims
        ip: object = _NEVER
        user_agent: object = _NEVER
        device_token: object = _NEVER
        if client is not None:
            ip = session.ip if client.ip == session.ip else client.ip
            same = client.user_agent == session.user_agent
            user_agent = session.user_agent if same else client.user_agent
            device_token = client.device_token
        known = (validated.good_until, claims.auth_time, claims.expires_at, claims.generation)
        return cls(session, token[-END:], ip, user_agent, device_token, *known, stamp)

    @property
    def claims(self) -> AccessClaims:
        """The content of the token, which was verified: its text says nothing else later."""
        session, is_acting = self.session, self.session.impersonator is not None
        known = (self.auth_time, self.expires_at, self.generation)
        return AccessClaims(session.id, session.user_id, *known, is_acting)

    def is_of(self, token: str) -> bool:
        """Whether it is *token*'s, which led here by its hash."""
        return token.endswith(self.end)

    def answers(self, token: str, client: Client | None, now: float) -> bool:
        """Whether it is *token*'s, judged for *client*, and good at *now*."""
        if now >= self.good_until or not self.is_of(token):
            return False
        return client is None or self.is_for(client)

    def is_for(self, client: Client) -> bool:
        """
        Whether it was judged for a client with the same address, agent and device token.

        Raises:
            TypeError: If *client* is no Client.
        """
        try:
            return (
                self.ip == client.ip
                and self.user_agent == client.user_agent
                and self.device_token == client.device_token
            )
        except AttributeError:
            checked_client(client)  # only now: most validations pass here
            raise


class Entries:
    """
    Up to *size* entries; a new one beyond that evicts one that answered nothing lately.

    Attributes:
        by_key: The entries by the hash of their token.
        tables: Those of `by_key`: a hit looks into them directly, which saves a call.
        by_session: The keys of each session's entries, by its id.
        ring: Keys, in the places that the hand goes round.
        free: The places that no entry has.
        evictions: Entries that made room for others.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.evictions = 0
        # Freed a few at a time.
        self._dropped: list[dict[int, Entry]] = []
        self.by_key: ShardedDict[int, Entry] = ShardedDict()
        self.tables = self.by_key.tables
        self.by_session: ShardedDict[str, tuple[int, ...]] = ShardedDict()
        self.ring: list[int] = []
        self.free: list[int] = []
        self._hand = 0

    def __len__(self) -> int:
        return len(self.by_key)

    def put(self, key: int, entry: Entry) -> None:
        """Add *entry*, or replace the one that *key* leads to."""
        if self._dropped:
            self._free_some()
        old = self.by_key.get(key)
        entry.place = self._place() if old is None else old.place
        # First: an entry can be dropped as soon as it answers, wherever an interrupt strikes.
        self._index(entry.session.id, key)
        self.ring[entry.place] = key
        self.by_key.put(key, entry)

    def drop(self, session_ids: Iterable[str]) -> None:
        """Drop the entries of these sessions."""
        for session_id in session_ids:
            for key in self.by_session.get(session_id) or ():
                self._remove(key)
            self.by_session.pop(session_id)  # last: a drop that was interrupted can be repeated

    def emptied(self) -> Entries:
        """
        New ones, without an entry.

        Both share what is dropped and not freed: `put` of either frees a bit of it, for all of it
        at once would take tens of milliseconds.
        """
        others = Entries(self._size)
        others.evictions = self.evictions
        others._dropped = self._dropped
        others._dropped.extend(filter(None, self.tables))
        return others

    def _index(self, session_id: str, key: int) -> None:
        known = self.by_session.get(session_id) or ()
        if known:
            known = tuple(one for one in known if one != key)
            for old in known[: 1 - _TOKENS_EACH]:
                self._remove(old)
            known = known[1 - _TOKENS_EACH :]
        self.by_session.put(session_id, (*known, key))

    def _place(self) -> int:
        """A place in the ring for one entry more; if all are taken, another one's."""
        if self.free:
            return self.free.pop()
        if len(self.ring) < self._size:
            self.ring.append(0)
            return len(self.ring) - 1
        return self._evicted()

    def _evicted(self) -> int:
        """
        The place of the next entry that answered nothing since the hand last passed it.

        The hand goes on from where it stood (CLOCK, "second chance"). It passes a limited
        number by at a time, so that no validation waits for a whole round.
        """
        for _ in range(_PASSED_BY):
            entry = self.by_key.get(self.ring[self._hand])
            if entry is None or not entry.used:
                break
            entry.used = False
            self._hand = (self._hand + 1) % len(self.ring)
        place, self._hand = self._hand, (self._hand + 1) % len(self.ring)
        self._forget(self.ring[place])
        return place

    def _forget(self, key: int) -> None:
        entry = self.by_key.pop(key)
        if entry is None:
            return
        self.evictions += 1
        session_id = entry.session.id
        left = tuple(one for one in self.by_session.get(session_id) or () if one != key)
        if left:
            self.by_session.put(session_id, left)
        else:
            self.by_session.pop(session_id)

    def _remove(self, key: int) -> None:
        """Drop an entry, and free its place."""
        entry = self.by_key.pop(key)
        if entry is not None:
            self.free.append(entry.place)

    def _free_some(self) -> None:
        """Free the memory of a few dropped entries."""
        left = _FREED
        while self._dropped and left:
            entries = self._dropped[-1]
            while entries and left:
                entries.popitem()
                left -= 1
            if not entries:
                self._dropped.pop()
