"""
Several accounts in one browser: each has a slot, whose tokens lie in cookies of their own.

A request acts for one slot, which a cookie names. That cookie is no secret: it only chooses
among accounts whose tokens the browser holds. Each slot has a cookie of its device too: a late
answer for one of them writes nothing that another one needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.adapters import _cookies as cookies
from devsess.adapters import _csrf as csrf
from devsess.adapters._account import Account
from devsess.adapters._body import EMPTY_BODY, Body
from devsess.adapters._carrier import is_in_header
from devsess.adapters._exchange import Exchange
from devsess.devices.recognise import merged_ring
from devsess.errors import DeviceMismatchError, SessionNotFoundError, TokenExpiredError
from devsess.policy import LONGEST_COOKIE

if TYPE_CHECKING:
    from devsess.adapters._http import Answer, Header, Request
    from devsess.adapters._sessions import Sessions
    from devsess.adapters._settings import Settings
    from devsess.models import Client, Grant, Session

# The part of an exchange that belongs to its slot.
_OF_SLOT = (
    *("settings", "credentials", "client", "session", "error"),
    *("_jar", "_uses", "_prolonged", "_renewed", "_stepped_up"),
)

# Reasons why tokens give no session, although it may live.
_MAY_BE_BACK = (TokenExpiredError, DeviceMismatchError)


class AccountsExchange(Exchange):
    """
    An exchange with a browser that may be signed in to several accounts.

    It acts for one slot. The other slots have exchanges of their own, which are made, and
    authenticated, only when they are needed; to act for another slot is to change places with
    its exchange.
    """

    _leaves_cookies = False
    _choice: str | None = None

    def __init__(self, sessions: Sessions, settings: Settings, request: Request) -> None:
        super().__init__(sessions, settings.slots[_chosen(request, settings)], request)
        self._slots = settings.slots
        self._came_for = self.settings.slot
        self._others: dict[int, Exchange] = {}
        self._looked_at: set[int] = set()

    # Before the app.

    def leave_cookies_alone(self) -> None:
        """See Authentication: those of other slots too."""
        self._leaves_cookies = True
        super().leave_cookies_alone()

    async def _refusal_of_others(self) -> Answer | None:
        """See Authentication; tokens of other slots count."""
        refusal = await super()._refusal_of_others()
        if refusal is None and not self._has_passed_with_tokens():
            refusal = await self._refusal_for_others()
        return refusal

    def _has_passed_with_tokens(self) -> bool:
        """Whether its own tokens came, and the check let it pass: then others change nothing."""
        own = self.credentials
        return own.can_sign_in and csrf.refusal(self.request, own, self.settings) is None

    async def _refusal_for_others(self) -> Answer | None:
        for other in self._with_tokens(self._other_slots):
            why = csrf.refusal(self.request, other.credentials, other.settings)
            if why is not None and not await other._signs_nobody_in():
                return self._refuse(why)
        return None

    # For the app.

    async def accounts(self) -> tuple[Account, ...]:
        """The accounts that are signed in here, each session once; no activity."""
        self._check_not_begun()
        self.depends_on_user = True
        await self._look_at_others()
        live, here = self._live(), self.settings.slot
        slots = {live[slot].id: slot for slot in sorted(live, reverse=True)}
        if here in live:  # tokens that were copied into two slots count where they act
            slots[live[here].id] = here
        return tuple(Account(slot, live[slot], slot == here) for slot in sorted(slots.values()))

    async def switch(self, slot: int) -> Session:
        """Act for the account in *slot* from now on; that is activity of its session."""
        self._check_not_begun()
        if slot == self.settings.slot or self._is_without_cookies:
            session = await super().switch(slot)
        else:
            session = await self._entered(slot)
            self._act_in(slot)
        self._choose(persistent=session.persistent)
        self.has_switched, self.refused = True, None
        return session

    async def _entered(self, slot: int) -> Session:
        self.depends_on_user = True
        if slot not in range(self.settings.accounts):
            self.refused = SessionNotFoundError(f"this browser has no account {slot}")
            raise self.refused
        if not self._other(slot).jar.is_carried:
            # A program was signed in while it acted: its own account is looked at anew.
            del self._others[slot]
            self._looked_at.discard(slot)
        other = self._other(slot)
        other.is_status_query = self.is_status_query
        if slot not in self._looked_at:
            await self._look_at(slot)
        elif other.session is not None and other.jar.held.access:
            # To be looked at was no activity, and a switch is.
            other.session = None
            await other._validate(other.jar.held.access)
        if other.session is None:
            self.refused = other.missing()
            raise self.refused
        return other.session

    async def logout(
        self,
        *,
        forget_device: bool = False,
        all_accounts: bool = False,
        body: Body = EMPTY_BODY,
    ) -> None:
        """See Exchange; *forget_device* ends the sessions of all slots, as *all_accounts* does."""
        if self._is_without_cookies or not (forget_device or all_accounts):
            await super().logout(forget_device=forget_device, body=body)
            return
        self._check_not_begun()
        for slot in self._other_slots:
            await self._end(self._other(slot), forget_device=forget_device)
        # Last: while this session lives, a failure can be retried.
        await super().logout(forget_device=forget_device, body=body)
        self._act_in(0)
        if not self._is_without_cookies:
            self._choice = cookies.clear(self._choice_cookie, self.settings.cookie_attributes)

    async def _end(self, other: Exchange, *, forget_device: bool) -> None:
        if not other.credentials.can_sign_in and other.session is None:
            if forget_device and other.jar.held.device:
                other.jar.drop(None, forget_device=True)
            return
        await self._look_at(other.settings.slot)
        await other.logout(forget_device=forget_device)
        self.unended = (*self.unended, *other.unended)

    async def _signed_in_by(
        self, sign_in: Callable[[Client], Awaitable[Grant]], *, cookies: bool
    ) -> Grant:
        if not cookies or self._is_without_cookies:
            return await super()._signed_in_by(sign_in, cookies=cookies)
        self._check_not_begun()
        await self._look_at_others()
        here = self.settings.slot
        try:
            grant = await super()._signed_in_by(sign_in, cookies=True)
        except BaseException:
            self._act_in(here)
            raise
        self._choose(persistent=grant.session.persistent)
        return grant

    def _choose(self, *, persistent: bool) -> None:
        """
        Have the browser act for this slot; *persistent*, also once it is opened anew.

        The first slot is named too: beside that, a choice that another site has set is a twin.
        """
        if self._is_without_cookies:
            return
        age = int(LONGEST_COOKIE) if persistent else None
        attributes, slot = self.settings.cookie_attributes, str(self.settings.slot)
        self._choice = cookies.write(self._choice_cookie, slot, attributes, max_age=age)

    @property
    def _choice_cookie(self) -> str:
        return self.settings.cookie_names.slot or ""

    async def _make_room_for(self, grant: Grant) -> Session | None:
        if not self._is_without_cookies:
            self._act_in(self._slot_for(grant.session.user_id))
        return await super()._make_room_for(grant)

    def _slot_for(self, user_id: str) -> int:
        """The slot of a sign-in: the user's own, else the best empty one, else this one."""
        here, live = self.settings.slot, self._live()
        theirs = [slot for slot, session in live.items() if session.user_id == user_id]
        if theirs:
            return here if here in theirs else min(theirs)
        every = {here: self, **{slot: self._other(slot) for slot in self._other_slots}}
        empty = (slot for slot in range(self.settings.accounts) if slot not in live)
        # Beside twins, which another site has set, its cookies could not be read.
        usable = (slot for slot in empty if every[slot].credentials.error is None)

        def loss(slot: int) -> tuple[bool, bool, int]:
            # The account may be back in a moment: a step-up in another tab has newer cookies.
            return isinstance(every[slot].error, _MAY_BE_BACK), slot != here, slot

        return min(usable, key=loss, default=here)

    def _client_to_sign_in(self) -> Client:
        """See Exchange; whichever slot an account was in, its device is known in each."""
        tokens = self.core.tokens.device
        every = (self, *map(self._other, self._other_slots))
        ring = merged_ring([tokens.read(it.jar.held.device) for it in every])
        return evolve(self.client, device_token=tokens.mint(ring) if ring else None)

    def undo(self) -> None:
        """See Exchange."""
        for other in self._others.values():
            if other._renewed is None:  # a renewal was no part of it: its token may be in use
                other.jar.take_back()
        super().undo()
        self._choice, self.has_switched = None, False
        self._act_in(self._came_for)

    # The other slots.

    @property
    def access_cookies(self) -> frozenset[str]:
        """See Exchange."""
        return frozenset(it.cookie_names.access for it in self._slots)

    @property
    def _is_without_cookies(self) -> bool:
        return self._leaves_cookies or self.credentials.by == "bearer"

    @property
    def _other_slots(self) -> list[int]:
        """All but this one; also those that a lower option left behind."""
        return [it.slot for it in self._slots if it.slot != self.settings.slot]

    def _other(self, slot: int) -> Exchange:
        if slot not in self._others:
            other = Exchange(self.sessions, self._slots[slot], self.request)
            other.is_status_query = True  # to be looked at is no activity
            other.is_at_endpoint = self.is_at_endpoint
            self._others[slot] = other
        return self._others[slot]

    def _with_tokens(self, slots: list[int]) -> list[Exchange]:
        """Those of these slots whose tokens came."""
        if self._is_without_cookies:
            return []
        return [it for it in map(self._other, slots) if it.credentials.can_sign_in]

    async def _look_at_others(self) -> None:
        """
        Authenticate the other slots; one whose access token has expired is renewed.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        usable = [it for it in self._other_slots if it < self.settings.accounts]
        for other in self._with_tokens(usable):
            await self._look_at(other.settings.slot)

    async def _look_at(self, slot: int) -> None:
        if slot not in self._looked_at:
            other = self._other(slot)
            await other.authenticate()
            await other.look_for_ended()
            self._looked_at.add(slot)

    def _live(self) -> dict[int, Session]:
        """The live session of each slot, as far as they were looked at."""
        every = {self.settings.slot: self, **self._others}
        return {slot: it.session for slot, it in every.items() if it.session is not None}

    def _act_in(self, slot: int) -> None:
        """Act for another slot, whose exchange has this one's place from now on."""
        here = self.settings.slot
        if slot == here:
            return
        other = self._other(slot)
        for name in _OF_SLOT:
            mine = getattr(self, name)
            setattr(self, name, getattr(other, name))
            setattr(other, name, mine)
        self._others[here] = self._others.pop(slot)
        self._looked_at |= {here}

    # For the response.

    @property
    def shows_somebody(self) -> bool:
        """See Exchange; a list of accounts does too, where nobody acts."""
        return bool(self._live())

    @property
    def has_cookies(self) -> bool:
        """See Exchange."""
        if self._choice is not None or super().has_cookies:
            return True
        return any(it.has_cookies for it in self._others.values())

    @property
    def has_cookies_to_update(self) -> bool:
        """See Exchange."""
        others = self._others.values()
        return super().has_cookies_to_update or any(it.has_cookies_to_update for it in others)

    async def update_cookies(self) -> None:
        """See Exchange."""
        await super().update_cookies()
        for other in self._others.values():
            await other.update_cookies()

    def _cookies(self, *, clears: bool = True) -> list[Header]:
        """See Exchange; twins of one slot alone: all at once are too long for many a proxy."""
        found = dict.fromkeys(super()._cookies(clears=clears))
        are_twins_cleared = bool(self.credentials.twice)
        for other in self._others.values():
            are_twins = bool(other.credentials.twice)
            left_alone = are_twins and are_twins_cleared
            found |= dict.fromkeys(other._cookies(clears=not left_alone))
            are_twins_cleared |= are_twins
        if self._choice is not None and not self.is_late(self.jar.dropped_at):
            cleared = cookies.clear(self._choice_cookie, self.settings.cookie_attributes)
            found.pop(("Set-Cookie", cleared), None)
            found["Set-Cookie", self._choice] = None
        return [*found]


def _chosen(request: Request, settings: Settings) -> int:
    """The slot that the browser has chosen; 0 where it names none that there is."""
    name, cookie = settings.cookie_names.slot or "", request.headers.get("cookie")
    if cookie is None or is_in_header(request, settings):
        return 0
    found, _ = cookies.read(cookie, (name,))
    numbers = {str(slot): slot for slot in range(settings.accounts)}
    return numbers.get(found.get(name, ""), 0)
