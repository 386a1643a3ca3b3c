"""
The operations as flows: generators that ask for I/O and never do it.

A flow yields `Call`s, is sent their answers, and returns its result; a driver
(`_drivers.py`) runs it blocking or awaiting, a test by hand. Every flow takes
the context and the instant of the operation first.
"""

from devsess.flows._ask import Call, Flow
from devsess.flows.change import extend, update
from devsess.flows.context import Context
from devsess.flows.devices import (
    block_device,
    devices,
    end_trust,
    forget_device,
    rename_device,
    trust_device,
    unblock_device,
)
from devsess.flows.ending import AllEnded, revoke, revoke_all, revoke_everyone, settle
from devsess.flows.login import login
from devsess.flows.records import (
    erase_user,
    export_user,
    get,
    history,
    list_sessions,
    live,
    migrate,
    purge,
)
from devsess.flows.refresh import refresh
from devsess.flows.step_up import step_up
from devsess.flows.validate import Validated, validate

__all__ = [
    "AllEnded",
    "Call",
    "Context",
    "Flow",
    "Validated",
    "block_device",
    "devices",
    "end_trust",
    "erase_user",
    "export_user",
    "extend",
    "forget_device",
    "get",
    "history",
    "list_sessions",
    "live",
    "login",
    "migrate",
    "purge",
    "refresh",
    "rename_device",
    "revoke",
    "revoke_all",
    "revoke_everyone",
    "settle",
    "step_up",
    "trust_device",
    "unblock_device",
    "update",
    "validate",
]
