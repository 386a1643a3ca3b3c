"""The law files, and for each the tests that hold it, the quickest first."""

from __future__ import annotations

from devsess.testing import PollingContract, StatisticsContract


def _contract(contract: type, *stores: str) -> tuple[str, ...]:
    """The tests of a contract, over stores that come with devsess."""
    names = [it for it in dir(contract) if it.startswith("test_")]
    return tuple(f"tests/contract/test_stores.py::{it}::{name}" for it in stores for name in names)


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
    "tests/attacks/test_own_tokens.py",
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

_ENDING = (
    "tests/pages/test_account_changes.py",
    "tests/pages/test_account_misuse.py",
    "tests/pages/test_answers.py",
    "tests/pages/test_device_sessions.py",
)
_ACCOUNTS = (
    "tests/web/test_accounts.py",
    "tests/web/test_accounts_devices.py",
    "tests/web/test_accounts_strange.py",
    "tests/web/test_account_endpoints.py",
)
_DESK = ("tests/pages/test_admin_access.py", "tests/pages/test_admin_ending.py")

_ODD = "tests/manager/test_odd_arguments.py"
_DAMAGED = "tests/manager/test_damaged_items.py"

TARGETS: dict[str, tuple[str, ...]] = {
    "devsess/rotation.py": (*_LAWS, *_OPERATIONS, "tests/manager/test_refresh.py"),
    "devsess/lifecycle.py": (
        *(*_LAWS, *_OPERATIONS, "tests/manager/test_levels.py"),
        *("tests/manager/test_lifetimes.py", "tests/manager/test_half_collected.py"),
    ),
    "devsess/strength.py": (
        *_LAWS,
        *_OPERATIONS,
        "tests/unit/test_strength.py",
        "tests/unit/test_requirement.py",
        "tests/manager/test_levels.py",
        "tests/manager/test_risk.py",
    ),
    "devsess/adapters/_accounts.py": _ACCOUNTS,
    "devsess/adapters/_account_endpoints.py": _ACCOUNTS,
    "devsess/adapters/_stale_page.py": (
        "tests/web/test_stale_pages.py",
        "tests/web/test_overtaken_sign_out.py",
    ),
    "devsess/operations/moving.py": ("tests/manager/test_moved_sessions.py",),
    "devsess/_events.py": ("tests/unit/test_event_names.py",),
    "devsess/requirement.py": ("tests/unit/test_requirement.py", "tests/manager/test_risk.py"),
    "devsess/seniority.py": ("tests/unit/test_young_sessions.py",),
    "devsess/operations/requiring.py": ("tests/manager/test_a_young_session.py",),
    "devsess/holding.py": ("tests/unit/test_holding.py", "tests/manager/test_held.py"),
    "devsess/tokens/pending.py": ("tests/unit/test_holding.py", "tests/manager/test_held.py"),
    "devsess/operations/holding.py": (
        "tests/manager/test_held.py",
        "tests/manager/test_half_collected.py",
        f"{_ODD}::test_an_odd_argument_is_named",
        "tests/races/test_held_races.py",
    ),
    "devsess/operations/collecting.py": (
        "tests/manager/test_held.py",
        "tests/manager/test_half_collected.py",
        "tests/races/test_held_races.py",
    ),
    "devsess/operations/noticing.py": (
        "tests/manager/test_notices.py",
        "tests/manager/test_answers_on_pages.py",
    ),
    "devsess/operations/answering.py": (
        "tests/manager/test_notices.py",
        "tests/manager/test_answers_on_pages.py",
        "tests/manager/test_crossing_answers.py",
        "tests/manager/test_a_young_session.py",
    ),
    "devsess/operations/reading.py": (
        "tests/manager/test_polling.py",
        "tests/manager/test_live.py",
        "tests/manager/test_sessions.py",
        "tests/manager/test_odd_arguments.py",
        "tests/manager/test_impersonation.py",
    ),
    "devsess/stores/polled.py": (
        "tests/unit/test_polled_positions.py",
        *_contract(PollingContract, "TestMemoryStore", "TestSQLiteStore"),
        "tests/stores/test_polling_past_damage.py::test_later_events_come[sqlite]",
        "tests/stores/test_polling_past_damage.py::test_later_events_come[sqlite-text]",
    ),
    "devsess/stores/sqlite/polling.py": (
        "tests/unit/test_polled_positions.py",
        *_contract(PollingContract, "TestSQLiteStore"),
        "tests/stores/test_polling_past_damage.py::test_later_events_come[sqlite]",
        "tests/stores/test_polling_past_damage.py::test_later_events_come[sqlite-text]",
    ),
    "devsess/stores/counting.py": (
        "tests/unit/test_statistics.py",
        *_contract(StatisticsContract, "TestMemoryStore"),
    ),
    "devsess/_life_tables.py": (
        "tests/unit/test_statistics.py",
        "tests/manager/test_stats.py",
    ),
    "devsess/statistics.py": ("tests/unit/test_statistics.py", "tests/manager/test_stats.py"),
    "devsess/operations/statistics.py": (
        "tests/manager/test_stats.py",
        f"{_ODD}::test_an_odd_argument_is_named",
    ),
    "devsess/operations/impersonating.py": (
        "tests/manager/test_impersonation.py",
        "tests/manager/test_crossing_sign_ins.py",
        f"{_ODD}::test_an_odd_argument_is_named",
    ),
    "devsess/operations/seeding.py": (
        "tests/unit/test_seeded_habits.py",
        "tests/manager/test_seeding.py",
    ),
    "devsess/risk/remarks.py": ("tests/unit/test_risk_remarks.py",),
    "devsess/risk/notices.py": (
        "tests/unit/test_risk_notices.py",
        "tests/unit/test_risk_remarks.py",
    ),
    "devsess/history/sentences.py": ("tests/unit/test_history_sentences.py",),
    "devsess/history/entries.py": ("tests/unit/test_history_sentences.py",),
    "devsess/operations/login_history.py": (
        "tests/unit/test_login_history_pages.py",
        "tests/manager/test_login_history.py",
    ),
    "devsess/operations/failing.py": (
        "tests/unit/test_counted_failures.py",
        "tests/manager/test_failures.py",
        "tests/manager/test_crossing_sign_ins.py",
        "tests/manager/test_velocity.py",
    ),
    "devsess/operations/velocity.py": ("tests/manager/test_velocity.py",),
    "devsess/risk/failures.py": (
        "tests/manager/test_failures.py",
        f"{_DAMAGED}::test_a_count_that_cannot_be_makes_a_record_damaged",
    ),
    "devsess/risk/places.py": (
        "tests/unit/test_risk_signals.py",
        "tests/unit/test_risk_profile.py",
        f"{_DAMAGED}::test_a_place_that_is_none_makes_a_profile_damaged",
        f"{_DAMAGED}::test_a_place_at_an_edge_is_one",
        f"{_DAMAGED}::test_a_point_that_is_none_is_no_place",
        f"{_DAMAGED}::test_a_radius_that_cannot_be_is_that_of_a_city",
        f"{_DAMAGED}::test_the_longest_way_is_half_around_the_earth",
    ),
    "devsess/risk/velocity.py": ("tests/unit/test_risk_velocity.py",),
    "devsess/skew.py": (
        *(*_LAWS, *_OPERATIONS, "tests/manager/test_levels.py"),
        "tests/manager/test_lifetimes.py",
    ),
    "devsess/adapters/_csrf.py": ("tests/web/test_csrf.py",),
    "devsess/adapters/_deciding.py": (
        "tests/web/test_ending_endpoints.py",
        "tests/web/test_young_endpoints.py",
        "tests/web/test_impersonation_endpoints.py",
    ),
    "devsess/web/forgery.py": (*_ENDING[:1], *_DESK[:1], "tests/pages/test_mounted_pages.py"),
    "devsess/web/account/visit.py": _ENDING,
    "devsess/web/account/ending.py": _ENDING,
    "devsess/web/account/answering.py": _ENDING,
    "devsess/web/account/device_changes.py": _ENDING,
    "devsess/web/admin/visit.py": _DESK,
    "devsess/web/admin/ending.py": _DESK,
    "devsess/web/admin/pages.py": _DESK,
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
        "tests/manager/test_touches_of_others.py",
        "tests/manager/test_metrics.py",
        "tests/integration/test_sqlite_forks.py::TestForking::test_a_worker_counts_from_nothing",
        *_LEASES,
    ),
    "devsess/_runtime/waits.py": _LEASES,
    "devsess/_runtime/leases.py": _LEASES,
    "devsess/_runtime/observed.py": _LEASES,
    "devsess/_runtime/feed.py": _LEASES,
    "devsess/_runtime/entries.py": (
        "tests/unit/test_cache.py",
        "tests/unit/test_cache_room.py",
        "tests/manager/test_touches_of_others.py",
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
    "devsess/tokens/ending.py": (
        "tests/unit/test_ending_tokens.py",
        f"{_DESK[1]}::test_an_old_preview_ends_nothing",
    ),
    "devsess/tokens/own.py": _TOKENS,
    "devsess/operations/plain.py": (
        "tests/unit/test_plain_rows.py",
        "tests/unit/test_touched_elsewhere.py",
    ),
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
        "tests/manager/test_risk.py",
        "tests/manager/test_impersonation.py",
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
    "devsess/operations/_rows.py": (
        "tests/unit/test_sign_in.py",
        *_OPERATIONS,
        "tests/manager/test_sessions.py",
        "tests/manager/test_impersonation.py",
    ),
    "devsess/operations/login.py": (
        "tests/unit/test_sign_in.py",
        *_OPERATIONS,
        "tests/manager/test_own_devices.py",
        "tests/manager/test_sessions.py",
        "tests/manager/test_risk.py",
        "tests/manager/test_new_device_events.py",
        "tests/manager/test_notices.py",
        "tests/manager/test_half_collected.py",
        "tests/manager/test_held.py",
        "tests/races/test_held_races.py",
    ),
    "devsess/operations/refresh.py": (
        "tests/unit/test_refreshing.py",
        "tests/unit/test_renewal.py",
        *_OPERATIONS,
        "tests/manager/test_refresh.py",
        "tests/manager/test_lost_answers.py",
        "tests/manager/test_surroundings.py",
        "tests/manager/test_risk.py",
        "tests/manager/test_impersonation.py",
    ),
    "devsess/operations/step_up.py": (
        "tests/unit/test_stepping_up.py",
        *_OPERATIONS,
        *_MANAGERS,
        "tests/manager/test_risk.py",
        "tests/manager/test_impersonation.py",
    ),
    "devsess/operations/validate.py": (
        "tests/manager/test_moved_sessions.py",
        "tests/unit/test_validation.py",
        *_OPERATIONS,
        *_MANAGERS,
        "tests/manager/test_clocks_ahead.py",
        "tests/manager/test_impersonation.py",
    ),
}
