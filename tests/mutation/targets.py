"""The law files, and for each the tests that hold it, the quickest first."""

from __future__ import annotations

_LAWS = ("tests/unit/test_deadlines.py", "tests/unit/test_laws.py")
_FLOWS = ("tests/unit/test_flows.py",)
_MANAGERS = (
    "tests/manager/test_sessions.py",
    "tests/manager/test_refresh.py",
    "tests/manager/test_own_devices.py",
    "tests/manager/test_levels.py",
    "tests/manager/test_lost_answers.py",
    "tests/manager/test_surroundings.py",
    "tests/manager/test_odd_arguments.py",
)
_TOKENS = (
    "tests/unit/test_tokens.py",
    "tests/attacks/test_other_kinds.py",
    "tests/attacks/test_forged_tokens.py",
    "tests/unit/test_keys.py",
)

TARGETS: dict[str, tuple[str, ...]] = {
    "devsess/rotation.py": (*_LAWS, *_FLOWS, "tests/manager/test_refresh.py"),
    "devsess/lifecycle.py": (*_LAWS, *_FLOWS, "tests/manager/test_levels.py"),
    "devsess/skew.py": (*_LAWS, "tests/manager/test_levels.py"),
    "devsess/adapters/_csrf.py": ("tests/web/test_csrf.py",),
    "devsess/adapters/_carrier.py": (
        "tests/web/test_adapters.py",
        "tests/web/test_csrf.py",
        "tests/web/test_websocket_tokens.py",
        "tests/web/test_endpoints.py",
    ),
    "devsess/adapters/_cookies.py": (
        "tests/web/test_cookie_settings.py",
        "tests/web/test_dead_cookies.py",
        "tests/web/test_adapters.py",
        "tests/web/test_wsgi.py",
    ),
    "devsess/adapters/_guard.py": (
        "tests/web/test_guard.py",
        "tests/web/test_open_connections.py",
        "tests/web/test_asgi.py",
    ),
    "devsess/adapters/_proxy.py": ("tests/web/test_proxy.py",),
    "devsess/cache.py": (
        "tests/unit/test_cache.py",
        "tests/unit/test_cache_room.py",
        "tests/manager/test_metrics.py",
        "tests/integration/test_sqlite_forks.py::TestForking::test_a_worker_counts_from_nothing",
    ),
    "devsess/tokens.py": _TOKENS,
    "devsess/flows/_checks.py": ("tests/unit/test_checks.py",),
    "devsess/flows/context.py": (
        "tests/unit/test_context.py",
        *_FLOWS,
        "tests/unit/test_validation.py",
        "tests/unit/test_refreshing.py",
        *_TOKENS[:1],
        *_MANAGERS,
        "tests/manager/test_clocks_ahead.py",
    ),
    "devsess/flows/ending.py": (
        "tests/unit/test_ending.py",
        *_FLOWS,
        "tests/manager/test_sessions.py",
        "tests/manager/test_odd_arguments.py",
        "tests/manager/test_mass_endings.py",
    ),
    "devsess/flows/login.py": (
        "tests/unit/test_sign_in.py",
        *_FLOWS,
        "tests/manager/test_own_devices.py",
        "tests/manager/test_sessions.py",
    ),
    "devsess/flows/refresh.py": (
        "tests/unit/test_refreshing.py",
        "tests/unit/test_renewal.py",
        *_FLOWS,
        "tests/manager/test_refresh.py",
        "tests/manager/test_lost_answers.py",
        "tests/manager/test_surroundings.py",
    ),
    "devsess/flows/step_up.py": ("tests/unit/test_stepping_up.py", *_FLOWS, *_MANAGERS),
    "devsess/flows/validate.py": (
        "tests/unit/test_validation.py",
        *_FLOWS,
        *_MANAGERS,
        "tests/manager/test_clocks_ahead.py",
    ),
}
