"""Finds SQL that is put together from strings: `tools/sql_lint.py [FILE|FOLDER…]`, `src` when none is named.

Statements are SQLAlchemy expressions, or literal text with bound parameters. What is reported is a call that takes SQL
text (`execute`, `text`, `op.execute`, `DDL` and their like) whose text is an f-string with values, `%` or `.format`, a
`+` or `.join` with something that is no literal, or a name that was given such a value in the same function. Exit
status: 0 nothing found, 1 something found, each with file and line; 2 a file that cannot be read.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TAKERS = frozenset(
    {
        *("execute", "executemany", "executescript", "exec_driver_sql", "scalar", "scalars", "stream"),
        *("text", "DDL", "literal_column", "from_statement", "CheckConstraint", "Computed"),
        *("prefix_with", "suffix_with", "with_hint", "with_statement_hint"),
    }
)
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_TEXT_KEYWORDS = frozenset({"statement", "sql", "sqltext", "text", "clauseelement", "operation"})
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def findings(source: str) -> list[tuple[int, str]]:
    """Line and reason of each string-built statement in a module's source."""
    return sorted(_of_scope(ast.parse(source), {}))


def _of_scope(scope: Scope, outer: dict[str, str]) -> Iterator[tuple[int, str]]:
    """What a module or function holds; names of the scopes around it are known in it."""
    own = list(_own_nodes(scope))
    built = dict(outer)
    for _ in range(2):  # twice: a name may be made of one that is made further down, in a loop
        for node in own:
            built |= _given(node, built)
    for node in own:
        if isinstance(node, _SCOPES):
            yield from _of_scope(node, {**built, **dict.fromkeys(_parameters(node), "")})
        elif isinstance(node, ast.Call) and _name(node.func) in TAKERS:
            for text in _texts(node):
                if reason := _why(text, built):
                    yield node.lineno, f"{_name(node.func)}() is given {reason}"


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a scope in the order of the source; functions within it are named, not entered."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _own_nodes(child)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[str]:
    names = node.args
    return [one.arg for one in (*names.posonlyargs, *names.args, *names.kwonlyargs)]


def _given(node: ast.AST, built: dict[str, str]) -> dict[str, str]:
    """Names that this statement gives a string-built value."""
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        targets, value = [node.target], node.value
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Mod):
        targets, value = [node.target], ast.BinOp(node.target, node.op, node.value)
    else:
        return {}
    reason = _why(value, built)
    return {one.id: reason for one in targets if isinstance(one, ast.Name)} if reason else {}


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _texts(call: ast.Call) -> list[ast.expr]:
    """The arguments that may be SQL: the first one (of a hint the second), and any that is named."""
    return [
        *call.args[: 2 if "hint" in _name(call.func) else 1],
        *(one.value for one in call.keywords if one.arg in _TEXT_KEYWORDS),
    ]


def _why(node: ast.expr | None, built: dict[str, str]) -> str:
    """Why this expression is string-built SQL; empty when it is not."""
    if isinstance(node, ast.JoinedStr):
        return "an f-string" if any(isinstance(one, ast.FormattedValue) for one in node.values) else ""
    if isinstance(node, ast.Name):
        reason = built.get(node.id, "")
        return f"a name made from {reason.removeprefix('a name made from ')}" if reason else ""
    if isinstance(node, ast.BinOp):
        return _why_operator(node, built)
    if isinstance(node, ast.Call):
        return _why_call(node, built)
    if isinstance(node, ast.IfExp):
        return _why(node.body, built) or _why(node.orelse, built)
    return _why(node.value, built) if isinstance(node, ast.NamedExpr | ast.Await) else ""


def _why_operator(node: ast.BinOp, built: dict[str, str]) -> str:
    if isinstance(node.op, ast.Mod):
        return "text put together with %"
    if isinstance(node.op, ast.Add):
        return "" if _is_literal(node) else "text put together with +"
    return _why(node.left, built) or _why(node.right, built)


def _why_call(node: ast.Call, built: dict[str, str]) -> str:
    if not isinstance(node.func, ast.Attribute):
        return _why(node.args[0], built) if _name(node.func) == "str" and node.args else ""
    if node.func.attr in {"format", "format_map"}:
        return "text put together with .format"
    if node.func.attr in {"join", "replace"} and not all(map(_is_literal, (node.func.value, *node.args))):
        return f"text put together with .{node.func.attr}"
    return _why(node.func.value, built)


def _is_literal(node: ast.expr) -> bool:
    """Whether the value stands in the source as it is."""
    if isinstance(node, ast.BinOp):
        return _is_literal(node.left) and _is_literal(node.right)
    if isinstance(node, ast.Tuple | ast.List):
        return all(map(_is_literal, node.elts))
    return isinstance(node, ast.Constant)


def main(given: list[str]) -> int:
    """Look through files and folders; 1 when something was found."""
    files = [
        file for one in map(Path, given or ["src"]) for file in (sorted(one.rglob("*.py")) if one.is_dir() else [one])
    ]
    found = 0
    for file in files:
        try:
            seen = findings(file.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError) as error:
            print(f"{file}: cannot be read: {error}", file=sys.stderr)
            return 2
        for line, reason in seen:
            print(f"{file}:{line}: {reason}")
        found += len(seen)
    if found:
        print(f"{found} found. Use SQLAlchemy expressions, or literal text with bound parameters (:name).")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
