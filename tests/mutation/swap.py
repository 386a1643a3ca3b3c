"""Put a mutant in the place of code that this process has imported already."""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from mutants import Mutant

ROOT = Path(__file__).parents[2]


class Swap:
    """
    Swaps the code of one function of a module, or one of the module's constants.

    Everybody who has imported a function has the same object, so its new code is
    everybody's. Code in the body of a class, or of an argument's default,
    is evaluated once and cannot be swapped so.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        parts = path.relative_to(ROOT).with_suffix("").parts
        self._module = importlib.import_module(".".join(parts))
        self._functions = dict(_functions(self._module, str(path)))
        self._constants = _constants(source, path)

    def can(self, mutant: Mutant) -> bool:
        """Whether it is one that can be swapped."""
        if not mutant.where:
            return bool(self._changed(mutant))
        return self.function(mutant) is not None and self._code(mutant) is not None

    def function(self, mutant: Mutant) -> FunctionType | None:
        """The function or method that a mutant is in, the outermost one."""
        parts = mutant.where.split(".")
        for length in range(1, len(parts) + 1):
            found = self._functions.get(".".join(parts[:length]))
            if found is not None:
                return found
        return None

    def do(self, mutant: Mutant) -> None:
        """Swap; for the rest of this process."""
        function = self.function(mutant) if mutant.where else None
        if function is not None:
            function.__code__ = self._code(mutant) or function.__code__
        else:
            for name, value in self._changed(mutant).items():
                _replace(name, getattr(self._module, name), value)
        for each in gc.get_objects():
            if isinstance(each, functools._lru_cache_wrapper):
                each.cache_clear()

    def _code(self, mutant: Mutant) -> CodeType | None:
        function = self.function(mutant)
        assert function is not None
        old = function.__code__
        for code in _codes(_compiled(mutant.source, self._path)):
            if code.co_qualname == old.co_qualname and code.co_firstlineno == old.co_firstlineno:
                same = code.co_freevars == old.co_freevars
                return code if same and not _equal(code, old) else None
        return None

    def _changed(self, mutant: Mutant) -> dict[str, object]:
        found = _constants(mutant.source, self._path)
        return {
            name: value
            for name, value in found.items()
            if name in self._constants and value != self._constants[name]
        }


def _compiled(source: str, path: Path) -> CodeType:
    return compile(source, str(path), "exec", dont_inherit=True)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _equal(one: CodeType, other: CodeType) -> bool:
    """Whether a default was changed and not the code."""
    parts = ("co_code", "co_consts", "co_names", "co_varnames")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def _functions(module: ModuleType, path: str) -> Iterator[tuple[str, FunctionType]]:
    for value in vars(module).values():
        members = vars(value).values() if isinstance(value, type) else ()
        for each in (value, *members):
            function = _bare(each)
            if function is not None and function.__code__.co_filename == path:
                yield function.__qualname__, function


def _bare(value: object) -> FunctionType | None:
    """The function within a method, a property, or what wraps it."""
    for name in ("__wrapped__", "__func__", "fget", "func"):
        inner = getattr(value, name, None)
        if isinstance(inner, FunctionType):
            return inner
    return value if isinstance(value, FunctionType) else None


def _constants(source: str, path: Path) -> dict[str, object]:
    """The module's own constants: numbers, texts, patterns and collections of them."""
    namespace: dict[str, object] = {"__name__": "devsess._a_mutant", "__file__": str(path)}
    module = ModuleType("devsess._a_mutant")
    sys.modules["devsess._a_mutant"] = module
    try:
        exec(_compiled(source, path), vars(module) | {}, namespace := vars(module))
    except Exception:  # noqa: BLE001 - it cannot be imported: somebody would notice
        return {}
    finally:
        del sys.modules["devsess._a_mutant"]
    return {
        name: value
        for name, value in namespace.items()
        if name.isupper() and not isinstance(value, (type, ModuleType))
    }


def _replace(name: str, old: object, new: object) -> None:
    """Give everybody who has imported *old* by that name the new one."""
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] == "devsess" and vars(module).get(name) is old:
            setattr(module, name, new)
