"""Small changes to a source text, each of which a test should notice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from attrs import frozen

COMPARED: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
COMPUTED: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "//",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.BitOr: "&",
    ast.BitAnd: "|",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
# Messages to people are no law: errors, logs, warnings, and the text of a repr.
SAID = re.compile(r"^(raise\b|bad\(|log\.|warnings\.)")


@frozen
class Mutant:
    """
    One change.

    Attributes:
        where: The function or class it is in, "" for the module itself.
        line: Its line.
        change: Old text, arrow, new text; with a number behind it where a place has it again.
        source: The whole text with the change made.
    """

    where: str
    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of *source*, from top to bottom; those that are no Python are left out."""
    seen: Counter[tuple[str, str]] = Counter()
    text = Text(source)
    for where, node, new in _changes(ast.parse(source), "", text):
        old = text.of(node)
        change = f"{_one_line(old)} → {_one_line(new)}"
        seen[where, change] += 1
        again = seen[where, change]
        changed = text.with_other(node, new)
        if old != new and _is_python(changed):
            label = change if again == 1 else f"{change} #{again}"
            yield Mutant(where, node.lineno, label, changed)  # type: ignore[attr-defined]


class Text:
    """A source text, looked up by the places that syntax trees name, which count bytes."""

    def __init__(self, source: str) -> None:
        self._raw = source.encode()
        self._starts = [0]
        for line in self._raw.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.AST) -> str:
        """The text of *node*."""
        begin, end = self._span(node)
        return self._raw[begin:end].decode()

    def with_other(self, node: ast.AST, new: str) -> str:
        """The whole text with *new* in the place of *node*."""
        begin, end = self._span(node)
        return (self._raw[:begin] + new.encode() + self._raw[end:]).decode()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        begin = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return begin, end


def _changes(node: ast.AST, where: str, text: Text) -> Iterator[tuple[str, ast.AST, str]]:
    for child in _children(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from _changes(child, f"{where}.{child.name}".lstrip("."), text)
            continue
        if not (isinstance(child, ast.stmt) and SAID.match(text.of(child))):
            for new in _others(child, text):
                yield where, child, new
            yield from _changes(child, where, text)
        elif isinstance(child, ast.Raise) or text.of(child).startswith("bad("):
            yield where, child, "pass"


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of *node* that run: no docstrings, types, decorators or imports for types."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_idle(child):
                yield child


def _is_idle(node: ast.AST) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.FunctionDef) and node.name == "__repr__":
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "field":
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _others(node: ast.AST, text: Text) -> Iterator[str]:
    """The replacements of *node*."""
    if isinstance(node, ast.stmt):
        yield from _statements(node, text)
    elif isinstance(node, ast.Call):
        yield from _calls(node, text)
    else:
        yield from _expressions(node, text)


def _expressions(node: ast.AST, text: Text) -> Iterator[str]:
    match node:
        case ast.Compare():
            yield from _comparisons(node, text)
        case ast.BoolOp(op=op, values=values):
            yield from _logic(op, [f"({text.of(value)})" for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"({text.of(operand)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in COMPUTED:
            yield f"({text.of(left)} {COMPUTED[type(op)]} {text.of(right)})"
        case ast.IfExp(body=body, orelse=orelse):
            yield f"({text.of(body)})"
            yield f"({text.of(orelse)})"
        case ast.Constant(value=value):
            yield from _constants(value)


def _calls(node: ast.Call, text: Text) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=args):
            yield f"{'max' if name == 'min' else 'min'}({', '.join(map(text.of, args))})"
            if len(args) == 2:
                yield from (f"({text.of(arg)})" for arg in args)
        case ast.Call(func=ast.Name(id="any" | "all" as name), args=[arg]):
            yield f"{'all' if name == 'any' else 'any'}({text.of(arg)})"


def _comparisons(node: ast.Compare, text: Text) -> Iterator[str]:
    """A comparison, or a chain of them, with one of its signs changed at a time."""
    parts = [text.of(each) for each in (node.left, *node.comparators)]
    signs = [_sign(op) for op in node.ops]
    for place, op in enumerate(node.ops):
        for other in COMPARED[type(op)]:
            said = [*signs[:place], other, *signs[place + 1 :]]
            rest = (f"{sign} {part}" for sign, part in zip(said, parts[1:], strict=True))
            yield f"({parts[0]} {' '.join(rest)})"


def _sign(op: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[2:-2]


def _logic(op: ast.boolop, values: list[str]) -> Iterator[str]:
    own, other = (" and ", " or ") if isinstance(op, ast.And) else (" or ", " and ")
    yield f"({other.join(values)})"
    for place in range(len(values)):
        yield f"({own.join(values[:place] + values[place + 1 :])})"


def _constants(value: object) -> Iterator[str]:
    match value:
        case bool():
            yield str(not value)
        case int() | float():
            yield repr(value + 1)
        case str() if value:
            yield repr(f"XX{value}")
        case bytes() if value:
            yield repr(b"XX" + value)


def _statements(node: ast.stmt, text: Text) -> Iterator[str]:
    match node:
        case ast.If(test=test) | ast.While(test=test):
            said = text.of(node)
            place = said.index(text.of(test))
            rest = said[place + len(text.of(test)) :]
            if not isinstance(test, (ast.UnaryOp, ast.Compare, ast.Constant)):
                yield f"{said[:place]}not ({text.of(test)}){rest}"
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in COMPUTED:
            yield "pass"
            yield f"{text.of(target)} {COMPUTED[type(op)]}= {text.of(value)}"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield() | ast.Await()):
            yield "pass"
        case ast.Return(value=ast.AST()) if not isinstance(node.value, ast.Constant):
            yield "return None"
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "continue"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _is_python(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
