"""
Device-aware, revocable sessions for applications that sign users in with JWTs.

    from devsess import Client, SessionManager

    sessions = SessionManager("sessions.db", keys=SECRET)
    grant = sessions.login("user-xyz", Client(ip=..., user_agent=...))
    session = sessions.validate(grant.access_token)
    sessions.revoke(session.id)
"""

from devsess._held import HeldSignIn
from devsess._runtime.clock import Clock
from devsess.async_manager import AsyncSessionManager
from devsess.errors import (
    BadTokenError,
    ConfigurationError,
    DeviceMismatchError,
    DevsessError,
    InvalidSessionError,
    LoginDeniedError,
    RefreshTokenReusedError,
    SessionExpiredError,
    SessionLimitError,
    SessionNotFoundError,
    SessionRevokedError,
    SignInHeldError,
    StepUpRequiredError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.explanation import Check, Explanation, Outcome
from devsess.geo import Locator
from devsess.history.entries import HistoryEntry
from devsess.manager import SessionManager
from devsess.metrics import Metrics
from devsess.models import (
    Assessment,
    Client,
    Decision,
    Device,
    Event,
    EventType,
    Grant,
    Location,
    Notice,
    Page,
    Session,
    Signal,
)
from devsess.policy import Policy, Privacy, Seniority
from devsess.risk_policy import Points, Risk
from devsess.tokens.keys import Keys

__version__ = "0.1.0"

__all__ = [
    "Assessment",
    "AsyncSessionManager",
    "BadTokenError",
    "Check",
    "Client",
    "Clock",
    "ConfigurationError",
    "Decision",
    "Device",
    "DeviceMismatchError",
    "DevsessError",
    "Event",
    "EventType",
    "Explanation",
    "Grant",
    "HeldSignIn",
    "HistoryEntry",
    "InvalidSessionError",
    "Keys",
    "Location",
    "Locator",
    "LoginDeniedError",
    "Metrics",
    "Notice",
    "Outcome",
    "Page",
    "Points",
    "Policy",
    "Privacy",
    "RefreshTokenReusedError",
    "Risk",
    "Seniority",
    "Session",
    "SessionExpiredError",
    "SessionLimitError",
    "SessionManager",
    "SessionNotFoundError",
    "SessionRevokedError",
    "SignInHeldError",
    "Signal",
    "StepUpRequiredError",
    "StoreUnavailableError",
    "TokenExpiredError",
]
