"""The published wording out of an OSCAL catalog (JSON) of NIST SP 800-171 Rev 2.

Real files are not clean: identifiers with spaces, stray letters before a text, single objectives lettered [D] whose
text lost its beginning. What is mended is listed; what cannot be matched wholly, or says two things of one objective,
is refused. Rev 3 numbers other requirements and is never matched by number: Level 2 is Rev 2 (32 CFR 170.14(c)(3)).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmmc_tracker.domain.catalog import Catalog, Requirement
from cmmc_tracker.errors import Invalid

LARGEST = 20_000_000  # bytes
LONGEST = 10_000  # characters of one wording; the standard's longest has under a thousand
_DEEPEST = 10
_NAMED = 5
_SHOWN = 80
# 3.1.1, " 3.2.1 ", _3.1.1, _03.01.01, AC.L2-3.1.1; then for objectives: _obj.a, [a], [.]
_NUMBER = r"\s*_?(?:[A-Za-z]{2}\.L2-)?0?(\d)\.0?(\d{1,2})\.0?(\d{1,2})\s*"
_REQUIREMENT = re.compile(_NUMBER)
_OBJECTIVE = re.compile(_NUMBER + r"(?:_obj\.|\[)\s*([A-Za-z.])\s*\]?\s*")
_STRAY = re.compile(r"\d{0,2}\s?\[([a-z])\]\s+")  # "1[a] ", cut out of an identifier
_LEAD_IN = re.compile(r"^(?:(?:D?e)?t)?ermine if:?\s+")  # of "Determine if", which stands before all objectives
_REV_2, _REV_3 = (re.compile(rf"(?:\brev(?:ision|\.)?\s*|171\s?r(?:ev)?\.?\s?){n}\b", re.IGNORECASE) for n in "23")
_ONLY_REV_3 = ("3.15.", "3.16.", "3.17.")  # families that Rev 2 has not
_PARTS = ("assessment-objective", "objective")  # no set: the file may have a list for a name
_OTHER_MODELS = {
    *("profile", "component-definition", "system-security-plan", "assessment-plan", "assessment-results"),
    *("plan-of-action-and-milestones", "mapping-collection"),
}


@dataclass(frozen=True, slots=True)
class Repair:
    """Something in the file that was read otherwise than it stands: of which id, and the beginnings of both."""

    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """What an import would show: the wording by requirement and objective id, each of them, as plain text.

    `unknown` names what the file has beyond the level's requirements and objectives; it is left out.
    """

    title: str
    version: str
    last_modified: str
    source_sha256: str
    requirements: Mapping[str, str]
    objectives: Mapping[str, str]
    repaired: tuple[Repair, ...]
    unknown: tuple[str, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """The plan in lines. It is whole: a catalog that lacks one was refused."""
        lines = (
            f"{len(self.requirements)} of {len(self.requirements)} requirements matched",
            f"{len(self.objectives)} of {len(self.objectives)} objectives matched",
            f"{len(self.repaired)} repaired",
        )
        return (*lines, f"{len(self.unknown)} not known and left out: {_some(self.unknown)}") if self.unknown else lines


@dataclass(slots=True)
class _Found:
    requirements: dict[str, str] = field(default_factory=dict)
    objectives: dict[str, str] = field(default_factory=dict)
    repaired: list[Repair] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def plan(data: bytes, catalog: Catalog) -> CatalogPlan:
    """Read an OSCAL catalog for the requirements and objectives of `catalog`; changes nothing.

    Raises `Invalid` naming `file`, in plain words, for anything but a whole catalog of Rev 2.
    """
    document = _document(data)
    metadata = document.get("metadata")
    about = metadata if isinstance(metadata, dict) else {}
    title = _text(about.get("title"))[:300]
    controls = list(_controls(document, 0))
    by_number = {r.nist_id: r for r in catalog.requirements}
    numbers = [_number(control) for control in controls]
    _refuse_rev_3(title, about, controls, numbers)
    if by_number.keys().isdisjoint(numbers):
        raise _refused(f"This catalog ({title[:80] or 'without a title'}) is not NIST SP 800-171 Revision 2.")
    found = _Found()
    for control, number in zip(controls, numbers, strict=True):
        requirement = by_number.get(number)
        if requirement is None:
            found.unknown.append(number or _quoted(control.get("id")))
        else:
            _take(control, requirement, found)
    _refuse_gaps(found, catalog)
    return CatalogPlan(
        title=title or "an OSCAL catalog without a title",
        version=_text(about.get("version"))[:100] or "not stated",
        last_modified=_text(about.get("last-modified"))[:100],
        source_sha256=hashlib.sha256(data).hexdigest(),
        requirements=found.requirements,
        objectives=found.objectives,
        repaired=tuple(found.repaired),
        unknown=tuple(found.unknown),
    )


def _refused(why: str) -> Invalid:
    return Invalid({"file": f"{why} Nothing was changed."})


def _document(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise _refused(f"This file is too large for a catalog: {len(data):,} bytes of at most {LARGEST:,}.")
    if not data.strip():
        raise _refused("This file is empty.")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise _refused(
            "This file is not JSON, or was cut short; choose the OSCAL catalog of SP 800-171 Rev 2 in JSON."
        ) from None
    if isinstance(found, dict) and isinstance(found.get("catalog"), dict):
        document: dict[str, Any] = found["catalog"]
        return document
    other = next((name for name in _OTHER_MODELS if isinstance(found, dict) and name in found), "")
    if other:
        raise _refused(f"This is an OSCAL document ({other.replace('-', ' ')}), but no catalog.")
    raise _refused("This file is JSON, but no OSCAL catalog.")


def _controls(group: Any, depth: int) -> Iterator[dict[str, Any]]:
    if not isinstance(group, dict) or depth > _DEEPEST:
        return
    for control in _objects(group.get("controls")):
        yield control
        yield from _controls(control, depth + 1)
    for inner in _objects(group.get("groups")):
        yield from _controls(inner, depth + 1)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A text on one line, without control characters, marks of direction and halves of characters."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(c for c in value if c.isprintable() or c.isspace()).split())


def _refuse_rev_3(title: str, about: Mapping[str, Any], controls: list[dict[str, Any]], numbers: list[str]) -> None:
    stated = [_text(prop.get("value")) for prop in _objects(about.get("props"))]
    if (
        any(_text(control.get("id")).upper().startswith("SP_800_171_03") for control in controls)
        or any(value.startswith("SP_800_171_3") for value in stated)
        or any(number.startswith(_ONLY_REV_3) for number in numbers)
        or (_REV_3.search(title) and not _REV_2.search(title))
    ):
        raise _refused(
            "This is Revision 3 of SP 800-171; CMMC Level 2 is assessed by Revision 2 (32 CFR 170.14(c)(3)), and the "
            "numbers mean other requirements."
        )


def _names(thing: Mapping[str, Any]) -> list[str]:
    """What a control or part is called: its labels, then its identifier, as they stand."""
    labels = [prop.get("value") for prop in _objects(thing.get("props")) if prop.get("name") == "label"]
    return [name for name in (*labels, thing.get("id")) if isinstance(name, str)]


def _plain(match: re.Match[str]) -> str:
    return ".".join(str(int(part)) for part in match.groups()[:3])


def _number(control: Mapping[str, Any]) -> str:
    """The NIST number of a control, "" when it has none."""
    numbers = {_plain(match) for name in _names(control) if (match := _REQUIREMENT.fullmatch(name))}
    if len(numbers) > 1:
        raise _refused(f"This catalog gives one control two numbers: {_some(sorted(numbers))}.")
    return next(iter(numbers), "")


def _take(control: Mapping[str, Any], requirement: Requirement, found: _Found) -> None:
    identifier = control.get("id")
    if isinstance(identifier, str) and identifier != identifier.strip():
        found.repaired.append(Repair(requirement.id, identifier[:_SHOWN], identifier.strip()[:_SHOWN]))
    parts = _objects(control.get("parts"))
    statement = next((_text(part.get("prose")) for part in parts if part.get("name") == "statement"), "")
    _keep(found.requirements, requirement.id, statement or _text(control.get("title")))
    for part in parts:
        for leaf in _leaves(part, 0):
            _take_objective(leaf, requirement, found)


def _leaves(part: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    if part.get("name") not in _PARTS or depth > _DEEPEST:
        return
    inner = [one for one in _objects(part.get("parts")) if one.get("name") in _PARTS]
    if not inner and _text(part.get("prose")):
        yield part
    for one in inner:
        yield from _leaves(one, depth + 1)


def _take_objective(leaf: Mapping[str, Any], requirement: Requirement, found: _Found) -> None:
    was = _text(leaf.get("prose"))
    stray = _STRAY.match(was)
    now = _LEAD_IN.sub("", was[stray.end() :] if stray else was)
    stated = _letters(leaf, requirement)
    given = stated | ({stray[1]} if stray else set())
    letters = [objective.letter for objective in requirement.objectives]
    if len(letters) == 1:
        letter = letters[0]  # whatever the file calls it
    elif len(given) > 1:
        raise _refused(f"This catalog letters one objective of {requirement.id} twice: {_some(sorted(given))}.")
    else:
        letter = "".join(given)
    name = next(iter(_names(leaf)), "")
    if letter not in letters:
        found.unknown.append(_quoted(name or was))
        return
    identifier = f"{requirement.id}[{letter}]"
    _keep(found.objectives, identifier, now)
    if now != was or stated - {letter}:
        mended = f"{requirement.nist_id}[{letter}] {now}"
        found.repaired.append(Repair(identifier, f"{name} {was}"[:_SHOWN], mended[:_SHOWN]))


def _letters(leaf: Mapping[str, Any], requirement: Requirement) -> set[str]:
    """The letters that the labels and the identifier of a part give, without [.], which is none."""
    matches = [match for name in _names(leaf) if (match := _OBJECTIVE.fullmatch(name))]
    strangers = [_plain(match) for match in matches if _plain(match) != requirement.nist_id]
    if strangers:
        raise _refused(f"This catalog has an objective of {strangers[0]} under {requirement.nist_id}.")
    return {match[4].lower() for match in matches} - {"."}


def _keep(place: dict[str, str], identifier: str, prose: str) -> None:
    if len(prose) > LONGEST:
        raise _refused(
            f"This catalog's wording of {identifier} is {len(prose):,} characters long, which is no wording."
        )
    if prose and place.setdefault(identifier, prose) != prose:
        raise _refused(f"This catalog has {identifier} twice, with different wording.")


def _refuse_gaps(found: _Found, catalog: Catalog) -> None:
    missing = [r.id for r in catalog.requirements if r.id not in found.requirements]
    missing += [o.id for r in catalog.requirements for o in r.objectives if o.id not in found.objectives]
    if missing:
        raise _refused(f"This catalog is not whole: it lacks {_some(missing)}.")


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _quoted(value: Any) -> str:
    return f"“{_text(value)[:60]}”"
