"""A visit of a person to their own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from devsess import strength
from devsess.adapters._deciding import may_decide, may_end
from devsess.errors import StepUpRequiredError
from devsess.risk.notices import is_in_question
from devsess.web.visit import Visit

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.models import Session


@define(slots=False)
class AccountVisit(Visit):
    """As Visit, of a person who is signed in."""

    @property
    def dealings(self) -> Exchange:
        """The middleware's dealings with this request: every page here has them."""
        if self.exchange is None:
            raise RuntimeError("an account's page was served without a session middleware")
        return self.exchange

    @property
    def session(self) -> Session:
        """
        The session of the request.

        Raises:
            InvalidSessionError: If there is none.
        """
        return self.dealings.signed_in()

    @property
    def is_led_by_another_site(self) -> bool:
        """Whether a link on another site led here, as far as the browser says it."""
        return self.request.headers.get("sec-fetch-site") in ("cross-site", "same-site")

    @property
    def user_id(self) -> str:
        """The account."""
        return self.session.user_id

    async def check_may_decide(self) -> None:
        """
        Check that the person may trust devices and answer for sign-ins.

        Raises:
            DeviceMismatchError, StepUpRequiredError: If they may not, as at the endpoints.
        """
        await may_decide(self.dealings, self.session)
        await self.dealings.require_seniority(ends=None, ends_others=False)

    async def check_may_vouch(self) -> None:
        """
        Check that the person may have a device trusted, or let in again.

        A thief who knows the password signs in a moment ago, too, and would vouch for his own.

        Raises:
            DeviceMismatchError, StepUpRequiredError: As `check_may_decide`, and if this session
                is in question itself, which a step-up ends.
        """
        await self.check_may_decide()
        policy = self.manager.core.policy
        if is_in_question(self.session.score, policy):
            raise StepUpRequiredError(
                "a session in question vouches for no device: step up first",
                acr_values=strength.demanded(policy),
            )

    async def check_may_end(self, session_id: str | None) -> None:
        """
        Check that the person may end a session, or, without an id, all others.

        Raises:
            DeviceMismatchError, StepUpRequiredError: If they may not, as at the endpoints.
        """
        await may_end(self.dealings, self.session, session_id)
