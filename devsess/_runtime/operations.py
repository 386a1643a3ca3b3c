"""
The operations by name, loaded when the first manager is made.

They are half of devsess, and a program that imports it may need but its records and errors. They
cannot be asked for in `devsess.operations` itself: some of its modules have the name of their
operation, and to import such a module would put it in the operation's place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from devsess._runtime.fork import importing

if TYPE_CHECKING:
    from devsess.operations.change import extend as extend
    from devsess.operations.change import update as update
    from devsess.operations.collecting import collect as collect
    from devsess.operations.devices import block_device as block_device
    from devsess.operations.devices import device as device
    from devsess.operations.devices import devices as devices
    from devsess.operations.devices import end_trust as end_trust
    from devsess.operations.devices import forget_device as forget_device
    from devsess.operations.devices import rename_device as rename_device
    from devsess.operations.devices import trust_device as trust_device
    from devsess.operations.devices import unblock_device as unblock_device
    from devsess.operations.ending import revoke as revoke
    from devsess.operations.ending import revoke_all as revoke_all
    from devsess.operations.ending import revoke_everyone as revoke_everyone
    from devsess.operations.ending import settle as settle
    from devsess.operations.explaining import assess as assess
    from devsess.operations.explaining import explain as explain
    from devsess.operations.explaining import explain_session as explain_session
    from devsess.operations.failing import record_failure as record_failure
    from devsess.operations.holding import approve as approve
    from devsess.operations.holding import held as held
    from devsess.operations.holding import refuse as refuse
    from devsess.operations.impersonating import impersonate as impersonate
    from devsess.operations.login import login as login
    from devsess.operations.login_history import login_history as login_history
    from devsess.operations.noticing import answer as answer
    from devsess.operations.noticing import confirm as confirm
    from devsess.operations.noticing import judge as judge
    from devsess.operations.personal_data import erase_user as erase_user
    from devsess.operations.personal_data import export_user as export_user
    from devsess.operations.reading import get as get
    from devsess.operations.reading import history as history
    from devsess.operations.reading import list_sessions as list_sessions
    from devsess.operations.reading import live as live
    from devsess.operations.reading import poll as poll
    from devsess.operations.refresh import refresh as refresh
    from devsess.operations.requiring import require_seniority as require_seniority
    from devsess.operations.searching import State as State
    from devsess.operations.searching import Wanted as Wanted
    from devsess.operations.searching import acts as acts
    from devsess.operations.searching import count as count
    from devsess.operations.searching import review_queue as review_queue
    from devsess.operations.searching import revoke_found as revoke_found
    from devsess.operations.searching import search as search
    from devsess.operations.statistics import stats as stats
    from devsess.operations.step_up import step_up as step_up
    from devsess.operations.tickets import redeem as redeem
    from devsess.operations.tickets import ticket as ticket
    from devsess.operations.upkeep import migrate as migrate
    from devsess.operations.upkeep import purge as purge
    from devsess.operations.validate import validate as validate

# By module; the same names as above, which a type checker reads.
_NAMES = {
    "change": "extend update",
    "collecting": "collect",
    "devices": "block_device device devices end_trust forget_device rename_device trust_device"
    " unblock_device",
    "ending": "revoke revoke_all revoke_everyone settle",
    "explaining": "assess explain explain_session",
    "failing": "record_failure",
    "holding": "approve held refuse",
    "impersonating": "impersonate",
    "login": "login",
    "login_history": "login_history",
    "noticing": "answer confirm judge",
    "personal_data": "erase_user export_user",
    "reading": "get history list_sessions live poll",
    "refresh": "refresh",
    "requiring": "require_seniority",
    "searching": "State Wanted acts count review_queue revoke_found search",
    "statistics": "stats",
    "step_up": "step_up",
    "tickets": "redeem ticket",
    "upkeep": "migrate purge",
    "validate": "validate",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    found = getattr(import_module(f"devsess.operations.{_MODULES[name]}"), name)
    globals()[name] = found  # asked for once
    return found


def load() -> None:
    """Load them all: no call of a manager waits for a module, nor is cut off within one."""
    with importing:
        for name in _MODULES:
            __getattr__(name)
