"""
The operations: each one `async def` over an `Operation`, which gives it instant, keys and store.

They judge and decide; nothing here waits, sleeps or reads a clock by itself.
"""

from devsess.operations.change import extend, update
from devsess.operations.collecting import collect
from devsess.operations.devices import (
    block_device,
    device,
    devices,
    end_trust,
    forget_device,
    rename_device,
    trust_device,
    unblock_device,
)
from devsess.operations.ending import AllEnded, revoke, revoke_all, revoke_everyone, settle
from devsess.operations.explaining import assess, explain, explain_session
from devsess.operations.failing import record_failure
from devsess.operations.holding import approve, held, refuse
from devsess.operations.impersonating import impersonate
from devsess.operations.login import login
from devsess.operations.login_history import login_history
from devsess.operations.noticing import answer, confirm, judge
from devsess.operations.operation import Operation
from devsess.operations.personal_data import erase_user, export_user
from devsess.operations.reading import get, history, list_sessions, live, poll
from devsess.operations.refresh import refresh
from devsess.operations.requiring import require_seniority
from devsess.operations.searching import (
    State,
    Wanted,
    acts,
    count,
    review_queue,
    revoke_found,
    search,
)
from devsess.operations.statistics import stats
from devsess.operations.step_up import step_up
from devsess.operations.tickets import redeem, ticket
from devsess.operations.upkeep import migrate, purge
from devsess.operations.validate import Validated, validate

__all__ = [
    "AllEnded",
    "Operation",
    "State",
    "Validated",
    "Wanted",
    "acts",
    "answer",
    "approve",
    "assess",
    "block_device",
    "collect",
    "confirm",
    "count",
    "device",
    "devices",
    "end_trust",
    "erase_user",
    "explain",
    "explain_session",
    "export_user",
    "extend",
    "forget_device",
    "get",
    "held",
    "history",
    "impersonate",
    "judge",
    "list_sessions",
    "live",
    "login",
    "login_history",
    "migrate",
    "poll",
    "purge",
    "record_failure",
    "redeem",
    "refresh",
    "refuse",
    "rename_device",
    "require_seniority",
    "review_queue",
    "revoke",
    "revoke_all",
    "revoke_everyone",
    "revoke_found",
    "search",
    "settle",
    "stats",
    "step_up",
    "ticket",
    "trust_device",
    "unblock_device",
    "update",
    "validate",
]
