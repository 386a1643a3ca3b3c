"""
Every error devsess raises; an application needs to catch nothing else.

The tree, with the HTTP answer an adapter gives:

    DevsessError
    ├─ ConfigurationError            at start-up; also a ValueError
    ├─ StoreUnavailableError         503
    ├─ LoginDeniedError              403
    │  ├─ SessionLimitError          409
    │  └─ SignInHeldError            403, with the token that collects it
    ├─ StepUpRequiredError           401, the challenge of RFC 9470
    └─ InvalidSessionError           401
       ├─ BadTokenError
       ├─ TokenExpiredError
       ├─ SessionNotFoundError
       ├─ SessionExpiredError
       ├─ SessionRevokedError
       ├─ DeviceMismatchError
       └─ RefreshTokenReusedError

Each carries the facts that were known when it was raised. No message, attribute
or repr holds a token, a secret or a key (ASVS 16.2.5), but for the one attribute by
which a held sign-in gives its pending token to the browser that waits. Every argument beside the
message has a default, so that the errors survive pickling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from devsess.models import Assessment, Session


class DevsessError(Exception):
    """The root of every error that devsess raises on purpose."""


class ConfigurationError(DevsessError, ValueError):
    """A key, policy or store URL that cannot work; the message says what to change."""


class StoreUnavailableError(DevsessError):
    """
    The store did not answer, or cannot be used as it is.

    Never means "not signed in": answer 503 and try again.
    """


class LoginDeniedError(DevsessError):
    """
    The sign-in was refused although the credentials may be right.

    Attributes:
        reason: "cut-off", "device-blocked", "limit", "held" or "refused"; "same-device" for an
            approval.
        assessment: How unusual the request was, where that was assessed.
    """

    def __init__(
        self, message: str = "", *, reason: str = "denied", assessment: Assessment | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.assessment = assessment


class SessionLimitError(LoginDeniedError):
    """
    The account has as many live sessions as its limit allows.

    Attributes:
        sessions: The live ones, least recently used first: end one, try again.
        limit: How many are allowed.
    """

    def __init__(
        self, message: str = "", *, sessions: Sequence[Session] = (), limit: int = 0
    ) -> None:
        super().__init__(message, reason="limit")
        self.sessions = tuple(sessions)
        self.limit = limit


class SignInHeldError(LoginDeniedError):
    """
    The sign-in waits until it is approved: from another device, or by the application.

    Attributes:
        code: Show it to the person who waits; the owner's other device shows the same.
        expires_at: Until when it can be approved and collected.
        pending_token: For `collect`, and for the waiting browser alone; None where `collect`
            raised it.
        acr_values: Contexts with which the sign-in needs no approval.
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        expires_at: datetime | None = None,
        pending_token: str | None = None,
        acr_values: Sequence[str] = (),
        assessment: Assessment | None = None,
    ) -> None:
        super().__init__(message, reason="held", assessment=assessment)
        self.code = code
        self.expires_at = expires_at
        self.pending_token = pending_token
        self.acr_values = tuple(acr_values)


class StepUpRequiredError(DevsessError):
    """
    The session lives, but the person must prove themselves again (RFC 9470 §3).

    Attributes:
        acr_values: Authentication contexts that would do, in order of preference.
        max_age: Greatest age of the authentication, in seconds, or None.
        assessment: How unusual the request was, where that was assessed.
        settled_at: Of a young session: from when on it needs no step-up for this; else None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        acr_values: Sequence[str] = (),
        max_age: float | None = None,
        assessment: Assessment | None = None,
        settled_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.acr_values = tuple(acr_values)
        self.max_age = max_age
        self.assessment = assessment
        self.settled_at = settled_at


class InvalidSessionError(DevsessError):
    """The caller is not signed in; the subclass says why."""


class BadTokenError(InvalidSessionError):
    """Malformed, forged, or of another kind, issuer or audience."""


class TokenExpiredError(InvalidSessionError):
    """
    The token is genuine but its time is over, or a newer one took its place.

    Try a refresh.

    Attributes:
        expired_at: When it expired; None where a step-up replaced it, or a use ended it.
        session_id: The live session in which a step-up replaced it; None otherwise.
    """

    def __init__(
        self,
        message: str = "",
        *,
        expired_at: datetime | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.expired_at = expired_at
        self.session_id = session_id


class SessionNotFoundError(InvalidSessionError):
    """There is no such session, or it is another user's."""


class SessionExpiredError(InvalidSessionError):
    """
    The session reached one of its deadlines.

    Attributes:
        clock: Which one: "idle" or "absolute".
        expired_at: When.
    """

    def __init__(
        self,
        message: str = "",
        *,
        clock: Literal["idle", "absolute"] = "idle",
        expired_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.clock = clock
        self.expired_at = expired_at


class SessionRevokedError(InvalidSessionError):
    """
    The session was ended before its time.

    Attributes:
        reason: Why, as given to revoke, or the rule that ended it.
        revoked_at: When.
    """

    def __init__(
        self, message: str = "", *, reason: str | None = None, revoked_at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.revoked_at = revoked_at


class DeviceMismatchError(InvalidSessionError):
    """
    The presented device token names another device; the session lives on.

    Attributes:
        session_id: The session whose token was presented.
    """

    def __init__(self, message: str = "", *, session_id: str | None = None) -> None:
        super().__init__(message)
        self.session_id = session_id


class RefreshTokenReusedError(InvalidSessionError):
    """
    A refresh token came back that should not have; its session was ended.

    Attributes:
        reuse: The class: "late", "stale" or "foreign-device".
        session_id: The session that was ended.
    """

    def __init__(
        self, message: str = "", *, reuse: str = "stale", session_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.reuse = reuse
        self.session_id = session_id
