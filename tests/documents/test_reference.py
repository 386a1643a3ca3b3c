"""The reference leaves nothing out: each name, field, setting and type has its line."""

from __future__ import annotations

import enum
import re
from importlib import import_module
from inspect import getdoc, getsource, signature

import _documents
import pytest

import devsess
from devsess.adapters.wsgi import SessionMiddleware

NAMES = _documents.public_names()
FIELDS = [(record, name) for record in _documents.RECORDS for name in _documents.fields_of(record)]
ENUMS = [each for each in vars(devsess).values() if isinstance(each, enum.EnumMeta)]
PARAMETERS = [
    name
    for name in signature(SessionMiddleware).parameters
    if name not in ("self", "args", "kwargs")
]


def entry(record: object, name: str) -> bool:
    """Whether a docstring has a line for a field or an argument."""
    return bool(re.search(rf"^ +{name}: \S", getdoc(record) or "", re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    """A name that can be imported is described on a page of the reference."""
    assert name in _documents.reference()


# The others of Django need a project to be imported in: the build of the site is one.
IMPORTED = [name for name in _documents.reference() if not name.startswith("devsess.django.")]


@pytest.mark.parametrize("name", [*sorted(IMPORTED), "devsess.django.manager"])
def test_the_reference_describes_what_there_is(name: str) -> None:
    """A name on a page of the reference can be imported from there."""
    module, _, last = name.rpartition(".")
    assert hasattr(import_module(module), last)


@pytest.mark.parametrize(("record", "name"), FIELDS)
def test_every_field_says_what_it_is(record: str, name: str) -> None:
    """A field of a record, or a setting, has its line in the docstring that the reference shows."""
    assert entry(getattr(devsess, record), name)


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: str(kind.__name__))
def test_every_member_says_what_it_is(kind: enum.EnumMeta) -> None:
    """A type of event, a decision or an outcome has its line, from which the reference is made."""
    described = re.findall(r"^    #: .+\n    (\w+) = ", getsource(kind), re.MULTILINE)
    assert list(kind.__members__) == described


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_option_of_the_middleware_says_what_it_is(name: str) -> None:
    """An option has its line in the docstring that the reference shows."""
    assert entry(SessionMiddleware, name)


def test_there_is_something_to_describe() -> None:
    """The lists above are not empty."""
    assert len(NAMES) > 80
    assert len(FIELDS) > 120
    assert len(PARAMETERS) > 10
    assert devsess.EventType in ENUMS
