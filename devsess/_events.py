"""The kinds of event, and an event as a user meets it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess._instants import iso

if TYPE_CHECKING:
    from datetime import datetime

    from devsess._assessment import Assessment, Notice


class EventType(StrEnum):
    """
    The kinds of event, under the OWASP Logging Vocabulary's names where it has one.

    The history keeps them all, except SESSION_RENEWED from an unchanged client,
    SESSION_USED_AFTER_END, LOGIN_FAILED, LOGIN_CHALLENGED, SIGN_IN_EXPIRED and NOTICE, which
    only reach `on_event`: a flood of requests must not fill the store.
    """

    #: A sign-in, or an impersonation.
    SESSION_CREATED = "session_created"
    #: A refresh.
    SESSION_RENEWED = "session_renewed"
    #: `extend` moved a deadline.
    SESSION_EXTENDED = "session_extended"
    #: A validation saw the session on another network.
    SESSION_MOVED = "session_moved"
    #: `update` replaced the application's claims.
    SESSION_UPDATED = "session_updated"
    #: The person proved themselves again.
    SESSION_STEPPED_UP = "session_stepped_up"
    #: A live session was ended.
    SESSION_REVOKED = "authn_token_revoked"
    #: A token of an ended session came back.
    SESSION_USED_AFTER_END = "session_use_after_expire"
    #: A refresh whose answer was lost was answered again.
    TOKEN_REISSUED = "authn_token_reissued"  # noqa: S105
    #: A refresh token came back that should not have; its session ends.
    TOKEN_REUSED = "authn_token_reuse"  # noqa: S105
    #: A refresh token is newer than its session: a backup was restored.
    TOKEN_FROM_FUTURE = "authn_token_from_future"  # noqa: S105
    #: A sign-in met the limit of sessions.
    LIMIT_EXCEEDED = "excess_sessions_exceeded"
    #: A sign-in was refused: a cut-off, or a blocked device.
    LOGIN_DENIED = "authn_login_denied"
    #: `record_failure` counted a failed sign-in.
    LOGIN_FAILED = "authn_login_fail"
    #: A sign-in was refused until a step-up.
    LOGIN_CHALLENGED = "authn_login_challenged"
    #: A session owes a step-up.
    STEP_UP_ASKED = "step_up_asked"
    #: The question "was this you?", with its tokens.
    NOTICE = "sign_in_notice"
    #: Its answer was yes.
    NOTICE_CONFIRMED = "sign_in_confirmed"
    #: Its answer was no.
    NOTICE_DISOWNED = "sign_in_disowned"
    #: A sign-in came from a device that the account did not know.
    NEW_DEVICE = "new_device"
    #: A sign-in waits to be approved.
    SIGN_IN_HELD = "sign_in_held"
    #: A held sign-in was approved.
    SIGN_IN_APPROVED = "sign_in_approved"
    #: A held sign-in was refused.
    SIGN_IN_REFUSED = "sign_in_refused"
    #: A browser asked for its held sign-in when the time was over.
    SIGN_IN_EXPIRED = "sign_in_expired"
    #: A device got a name.
    DEVICE_RENAMED = "device_renamed"
    #: Trust in a device was given or ended.
    DEVICE_TRUSTED = "device_trusted"
    #: A device was blocked.
    DEVICE_BLOCKED = "device_blocked"
    #: A blocked device was let in again.
    DEVICE_UNBLOCKED = "device_unblocked"
    #: A device was forgotten.
    DEVICE_FORGOTTEN = "device_forgotten"


_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"

# OpenID CAEP 1.0 §3. The events of the RISC profile are of accounts and their credentials,
# which the application keeps: none of ours is among them.
_CAEP_NAMES: Mapping[EventType, str] = MappingProxyType(
    {
        EventType.SESSION_CREATED: "session-established",
        EventType.SESSION_RENEWED: "session-presented",
        EventType.TOKEN_REISSUED: "session-presented",
        EventType.SESSION_MOVED: "session-presented",
        EventType.SESSION_REVOKED: "session-revoked",
        EventType.SESSION_STEPPED_UP: "assurance-level-change",
        EventType.STEP_UP_ASKED: "risk-level-change",
    }
)


@frozen
class Event:
    """
    Something that happened to an account.

    Attributes:
        type: Its kind.
        at: When.
        user_id: To which account.
        session_id: To which session, or None.
        device_id: On which device, or None.
        ip: From where; the network once the session ended.
        user_agent: By which program.
        reason: Why.
        actor: The person or program that did it, if not the user.
        assessment: How unusual the request was, or None.
        is_new_device: Whether it is a login from a device that this account did not know.
        notice: Of a NOTICE, as `on_event` gets it: the question to send to the owner.
    """

    type: EventType
    at: datetime
    user_id: str
    session_id: str | None = None
    device_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    reason: str | None = None
    actor: str | None = None
    assessment: Assessment | None = None
    is_new_device: bool = False
    notice: Notice | None = None

    @property
    def caep(self) -> str | None:
        """The URI of its type in OpenID CAEP 1.0 (§3), or None where CAEP has none for it."""
        name = _CAEP_NAMES.get(self.type)
        return None if name is None else _CAEP + name

    def to_dict(self) -> dict[str, Any]:
        """This event as JSON types, without the tokens of a notice."""
        return {
            "type": self.type.value,
            "at": iso(self.at),
            "userId": self.user_id,
            "sessionId": self.session_id,
            "deviceId": self.device_id,
            "ip": self.ip,
            "userAgent": self.user_agent,
            "reason": self.reason,
            "actor": self.actor,
            "assessment": self.assessment.to_dict() if self.assessment else None,
            "isNewDevice": self.is_new_device,
        }
