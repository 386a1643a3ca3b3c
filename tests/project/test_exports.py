"""The public names that a user may import, written out."""

from __future__ import annotations

from types import ModuleType

import pytest

import devsess
import devsess.testing

NAMES = [
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

FOR_TESTS = {"FakeClock", "StoreContract", "interleave"}

ERRORS = {
    "ConfigurationError": "DevsessError",
    "StoreUnavailableError": "DevsessError",
    "LoginDeniedError": "DevsessError",
    "SessionLimitError": "LoginDeniedError",
    "SignInHeldError": "LoginDeniedError",
    "StepUpRequiredError": "DevsessError",
    "InvalidSessionError": "DevsessError",
    "BadTokenError": "InvalidSessionError",
    "TokenExpiredError": "InvalidSessionError",
    "SessionNotFoundError": "InvalidSessionError",
    "SessionExpiredError": "InvalidSessionError",
    "SessionRevokedError": "InvalidSessionError",
    "DeviceMismatchError": "InvalidSessionError",
    "RefreshTokenReusedError": "InvalidSessionError",
}


def public(module: ModuleType) -> list[str]:
    """The public names of a module that are no modules, sorted."""
    names = vars(module).items()
    return sorted(
        name
        for name, value in names
        if not name.startswith("_") and not isinstance(value, ModuleType)
    )


def test_the_names_are_those_promised() -> None:
    """`__all__` is the contract's list, sorted."""
    assert NAMES == devsess.__all__


@pytest.mark.parametrize("module", [devsess, devsess.testing], ids=lambda module: module.__name__)
def test_all_that_is_public_is_exported(module: ModuleType) -> None:
    """`__all__` is sorted, and names all that the module shows."""
    assert public(module) == module.__all__


def test_the_names_for_tests_are_there() -> None:
    """The names promised for tests can be imported from devsess.testing."""
    assert set() == FOR_TESTS - set(devsess.testing.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_says_what_it_is(name: str) -> None:
    """A public name has a docstring."""
    assert getattr(devsess, name).__doc__


@pytest.mark.parametrize(("name", "parent"), ERRORS.items())
def test_the_errors_form_their_tree(name: str, parent: str) -> None:
    """Each error stands where the contract draws it."""
    assert getattr(devsess, parent) is getattr(devsess, name).__bases__[0]


def test_a_failing_store_is_no_sign_out() -> None:
    """A store that did not answer never looks like a caller who is not signed in."""
    assert not issubclass(devsess.StoreUnavailableError, devsess.InvalidSessionError)


def test_a_configuration_error_is_a_value_error() -> None:
    """A wrong configuration is a ValueError."""
    assert issubclass(devsess.ConfigurationError, ValueError)
