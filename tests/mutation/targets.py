"""The law files, and for each the tests that hold it, the quickest first."""

from __future__ import annotations

_LAWS = (
    "tests/unit/test_deadlines.py",
    "tests/unit/test_strength.py",
    "tests/unit/test_retention.py",
    "tests/unit/test_skew.py",
    "tests/unit/test_laws.py",
)
_OPERATIONS = ("tests/unit/test_operations.py",)
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

_LEASES = (
    "tests/leases/test_members.py",
    "tests/leases/test_feed.py",
    "tests/leases/test_a_lease.py",
    "tests/leases/test_endings.py",
    "tests/leases/test_endings_and_histories.py",
    "tests/leases/test_endings_in_failures.py",
    "tests/leases/test_dead_readers.py",
    "tests/leases/test_length_of_waits.py",
)

TARGETS: dict[str, tuple[str, ...]] = {
    "devsess/rotation.py": (*_LAWS, *_OPERATIONS, "tests/manager/test_refresh.py"),
    "devsess/lifecycle.py": (*_LAWS, *_OPERATIONS, "tests/manager/test_levels.py"),
    "devsess/strength.py": (*_LAWS, *_OPERATIONS, "tests/manager/test_levels.py"),
    "devsess/skew.py": (*_LAWS, *_OPERATIONS, "tests/manager/test_levels.py"),
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
    "devsess/_runtime/cache.py": (
        "tests/unit/test_cache.py",
        "tests/unit/test_cache_room.py",
        "tests/manager/test_metrics.py",
        "tests/integration/test_sqlite_forks.py::TestForking::test_a_worker_counts_from_nothing",
    ),
    "devsess/_runtime/waits.py": _LEASES,
    "devsess/_runtime/leases.py": _LEASES,
    "devsess/_runtime/feed.py": _LEASES,
    "devsess/_runtime/entries.py": (
        "tests/unit/test_cache.py",
        "tests/unit/test_cache_room.py",
        "tests/manager/test_metrics.py",
        "tests/integration/test_sqlite_forks.py::TestForking::test_a_worker_counts_from_nothing",
    ),
    "devsess/geo/checked.py": ("tests/geo/test_checked.py", "tests/geo/test_locators.py"),
    "devsess/geo/records.py": ("tests/geo/test_locators.py", "tests/geo/test_damaged_files.py"),
    "devsess/geo/files.py": (
        "tests/geo/test_damaged_files.py",
        "tests/geo/test_replaced_files.py",
        "tests/geo/test_locators.py",
    ),
    "devsess/geo/hosting.py": ("tests/geo/test_hosting_lists.py",),
    "devsess/geo/replaced.py": (
        "tests/geo/test_replaced_files.py",
        "tests/geo/test_damaged_files.py",
    ),
    "devsess/geo/maxmind.py": (
        "tests/geo/test_locators.py",
        "tests/geo/test_hosting_lists.py",
        "tests/geo/test_replaced_files.py",
    ),
    "devsess/_runtime/locating.py": ("tests/manager/test_locating.py",),
    "devsess/tokens/access.py": _TOKENS,
    "devsess/tokens/refresh.py": _TOKENS,
    "devsess/tokens/device.py": _TOKENS,
    "devsess/tokens/segments.py": _TOKENS,
    "devsess/tokens/text.py": _TOKENS,
    "devsess/operations/_checks.py": ("tests/unit/test_checks.py",),
    "devsess/operations/common.py": (
        "tests/unit/test_common.py",
        "tests/unit/test_corrections.py",
        *_OPERATIONS,
        "tests/unit/test_validation.py",
        "tests/unit/test_refreshing.py",
        *_TOKENS[:1],
        *_MANAGERS,
        "tests/manager/test_clocks_ahead.py",
    ),
    "devsess/_runtime/corrections.py": (
        "tests/unit/test_corrections.py",
        "tests/manager/test_clocks_ahead.py",
    ),
    "devsess/operations/ending.py": (
        "tests/unit/test_ending.py",
        *_OPERATIONS,
        "tests/manager/test_sessions.py",
        "tests/manager/test_odd_arguments.py",
        "tests/manager/test_mass_endings.py",
    ),
    "devsess/operations/login.py": (
        "tests/unit/test_sign_in.py",
        *_OPERATIONS,
        "tests/manager/test_own_devices.py",
        "tests/manager/test_sessions.py",
    ),
    "devsess/operations/refresh.py": (
        "tests/unit/test_refreshing.py",
        "tests/unit/test_renewal.py",
        *_OPERATIONS,
        "tests/manager/test_refresh.py",
        "tests/manager/test_lost_answers.py",
        "tests/manager/test_surroundings.py",
    ),
    "devsess/operations/step_up.py": ("tests/unit/test_stepping_up.py", *_OPERATIONS, *_MANAGERS),
    "devsess/operations/validate.py": (
        "tests/unit/test_validation.py",
        *_OPERATIONS,
        *_MANAGERS,
        "tests/manager/test_clocks_ahead.py",
    ),
}
