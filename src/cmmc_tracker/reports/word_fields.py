"""Fields of a Word document that fetch or run something: found however their code is cut into pieces.

A field's code stands in runs between its begin and its separator or end (ECMA-376-1, 17.16.5, 17.16.18), and may hold
other fields. Word joins the runs, so they are joined here, each field's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_RUNS = re.compile(r"\b(DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|IMPORT|LINK|MACROBUTTON|DATABASE)\b", re.IGNORECASE)
# By their first word only: elsewhere in a code these are ordinary words.
_KINDS = {"CONTROL", "EMBED", "HTMLACTIVEX", "INCLUDE", "PRINT", "RD"}
_HAS_KIND = re.compile(r"\s*\S+\s")
_BRANCHES = {"Choice", "Fallback"}  # of what a program chooses one by what it knows
_DELETED = {"del", "moveFrom"}


@dataclass(slots=True)
class _Field:
    """A field that is open: the pieces of its code, each with whether a tracked change deleted it."""

    pieces: list[tuple[str, bool]] = field(default_factory=list)
    is_told: bool = False  # its code is over, its result follows

    def codes(self) -> Iterator[str]:
        """The code as it stands, and as it stands once deletions are accepted."""
        yield "".join(text for text, _ in self.pieces)
        yield "".join(text for text, is_deleted in self.pieces if not is_deleted)


def reach_out(root: Any) -> bool:
    """Whether an XML part has a field that fetches or runs something, or one whose kind cannot be told from it."""
    scopes = [root, *(one for one in root.iter() if _local(one) in _BRANCHES)]
    return any(_reaches_out(one, is_branch=one is not root) for one in scopes)


def _local(one: Any) -> str:
    return str(one.tag).rpartition("}")[2]


def _within(scope: Any) -> Iterator[tuple[Any, bool]]:
    """The elements of a scope in their order, without its branches; each with whether it was deleted."""
    waiting = [(scope, False)]
    while waiting:
        one, is_deleted = waiting.pop()
        yield one, is_deleted
        below = is_deleted or _local(one) in _DELETED
        waiting += [(child, below) for child in reversed(one) if _local(child) not in _BRANCHES]


def _reaches_out(scope: Any, *, is_branch: bool) -> bool:
    outside = _Field()
    open_ = [outside]
    found = False
    for one, is_deleted in _within(scope):
        kind = _local(one)
        if kind in {"instrText", "delInstrText"}:
            open_[-1].pieces.append((one.text or "", is_deleted or kind == "delInstrText"))
        elif kind == "fldSimple":
            found = _is_bad(_given(one, "instr")) or _makes_kind(open_)
        elif kind == "fldChar":
            found = _stepped(open_, _given(one, "fldCharType"))
        if found:
            return True
    # A piece of a code in a branch without its field there: what the whole is depends on who reads it.
    is_cut = is_branch and (bool(outside.pieces) or len(open_) > 1)
    return is_cut or any(_is_bad(code) for one in open_ for code in one.codes())


def _stepped(open_: list[_Field], step: str) -> bool:
    """Open, turn or close a field; tells whether it is one that reaches out."""
    if step == "begin":
        if _makes_kind(open_):
            return True
        open_.append(_Field())
    elif step == "separate":
        open_[-1].is_told = True
    elif step == "end" and len(open_) > 1:
        return any(map(_is_bad, open_.pop().codes()))
    return False


def _makes_kind(open_: list[_Field]) -> bool:
    """Whether a field that begins here would say what kind the one around it is."""
    around = open_[-1]
    return len(open_) > 1 and not around.is_told and not all(map(_HAS_KIND.match, around.codes()))


def _given(one: Any, name: str) -> str:
    return next((value for key, value in one.items() if key.rpartition("}")[2] == name), "")


def _is_bad(code: str) -> bool:
    words = code.split(maxsplit=1)
    return bool(_RUNS.search(code)) or (bool(words) and words[0].upper() in _KINDS)
