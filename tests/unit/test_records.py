"""Records show no secret, and can be pickled and copied."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import re
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import devsess
from devsess import Client, Policy, SessionManager, errors
from devsess._frozen import FrozenDict, FrozenList
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# Fields that hold tokens, secrets, or parts of a request with either.
SECRETS = re.compile(
    r"(^|_)(token|secret|salt|password|cookie|signing|verifying|args|kwargs|headers|body)$"
)


def records() -> Iterator[tuple[str, attrs.Attribute[Any]]]:
    """Every field of every attrs class of the package."""
    for found in pkgutil.walk_packages(devsess.__path__, "devsess."):
        if found.name.startswith(("devsess.adapters.django", "devsess.django", "devsess.__main__")):
            continue  # runs, or wants settings, when it is imported; the app's are tested there
        module = importlib.import_module(found.name)
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if attrs.has(kind) and kind.__module__ == found.name:
                yield from ((f"{found.name}.{name}", field) for field in attrs.fields(kind))


def test_no_record_shows_a_secret() -> None:
    """A repr ends up in logs and tracebacks: it shows neither token nor secret."""
    shown = [f"{where}.{it.name}" for where, it in records() if it.repr and SECRETS.search(it.name)]

    assert [] == shown


def test_no_repr_of_a_sign_in_shows_a_token() -> None:
    """Neither do grants, clients and internal calls, nor the errors that tokens cause."""
    sessions = SessionManager("memory://", keys=SECRET)
    grant = sessions.login("ada", Client(user_agent=AGENT, headers={"Cookie": "a=secret"}))
    client = Client(device_token=grant.device_token, headers={"Cookie": grant.refresh_token})
    found = [grant, client, sessions.metrics()]
    found += [grant.session]
    assert grant.device_token is not None
    for wrong in (grant.refresh_token, f"{grant.access_token}x", grant.device_token):
        with pytest.raises(errors.BadTokenError) as caught:
            sessions.validate(wrong, client)
        found.append(caught.value)
    text = f"{found!r} {[str(it) for it in found]}"
    for token in (grant.access_token, grant.refresh_token, grant.device_token):
        assert token not in text
        assert token.rpartition(".")[2] not in text
    assert "a=secret" not in text


def test_records_travel() -> None:
    """Records of a manager can be pickled and copied, and are equal to the originals."""
    sessions = SessionManager(MemoryStore(), keys=SECRET, policy=Policy(max_sessions=5))
    grant = sessions.login("ada", Client(user_agent=AGENT), claims={"seats": [1, {"row": 2}]})
    given = [grant, sessions.history("ada"), *sessions.devices("ada"), sessions.metrics()]
    for record in (*given, sessions.list("ada"), Client(ip="198.51.100.7"), Policy()):
        for copied in (
            pickle.loads(pickle.dumps(record)),
            copy.copy(record),
            copy.deepcopy(record),
        ):
            assert record == copied


OTHERS = {"self", "message", "sessions", "args", "kwargs"}
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.DevsessError)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.__name__)
def test_errors_travel(kind: type[errors.DevsessError]) -> None:
    """A worker's error reaches its parent with its message and attributes."""
    named = inspect.signature(kind.__init__).parameters.keys() - OTHERS
    error = kind("why", **dict.fromkeys(named, ("x",)))
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(error) is type(copied)
        assert (str(error), vars(error)) == (str(copied), vars(copied))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
@pytest.mark.parametrize("frozen", [FrozenDict(a=[1]), FrozenList([1, {}])], ids=["dict", "list"])
def test_a_frozen_value_is_its_own_copy(frozen: Any, copied: Callable[[Any], Any]) -> None:
    """Claims that nobody can change need no second copy in memory."""
    assert copied(frozen) is frozen
