"""The two managers differ only in `async`, `await`, and how a store is opened."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import devsess

ROOT = Path(devsess.__file__).parent
# Names of the awaited manager's parts, and of the blocking one's.
RENAMED = {
    "AsyncSessionManager": "SessionManager",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}
# The constructors differ: only one takes a coroutine function for `on_event`.
APART = {"__init__"}


class Blocking(ast.NodeTransformer):
    """Take `async` and `await` away."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        name = RENAMED.get(node.name, node.name)
        return ast.FunctionDef(name, node.args, node.body, node.decorator_list, node.returns)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(RENAMED.get(node.id, node.id), node.ctx)


def methods(file: str) -> dict[str, str]:
    """The text of each method of the one class in *file*, as blocking code."""
    tree = ast.parse((ROOT / file).read_text())
    (manager,) = (each for each in tree.body if isinstance(each, ast.ClassDef))
    found = [Blocking().visit(each) for each in manager.body if not isinstance(each, ast.Expr)]
    return {each.name: ast.unparse(ast.fix_missing_locations(each)) for each in found}


ONE, OTHER = methods("manager.py"), methods("async_manager.py")


def test_the_managers_have_the_same_methods() -> None:
    """In the same order, so that they are read side by side."""
    assert [*ONE] == [*OTHER]
    assert {"login", "validate", "revoke_all", "__enter__", "close"} <= ONE.keys()


@pytest.mark.parametrize("name", [name for name in ONE if name not in APART])
def test_a_method_is_one_text(name: str) -> None:
    """Documentation, arguments and body are the same once nothing is awaited."""
    assert ONE[name] == OTHER[name]
