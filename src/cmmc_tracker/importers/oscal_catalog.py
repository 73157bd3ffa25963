"""The published wording out of an OSCAL catalog (JSON) of NIST SP 800-171 Rev 2.

Real files are not clean: identifiers with spaces, stray letters before a text, single objectives lettered [D]
whose text lost its beginning. What is mended is listed; what cannot be matched wholly is refused. Rev 3 numbers
other requirements and is never matched by number: Level 2 is Rev 2 (32 CFR 170.14(c)(3)).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cmmc_tracker.domain.catalog import Catalog, Requirement
from cmmc_tracker.errors import Invalid

LARGEST = 20_000_000
_NUMBER = re.compile(r"\s*_?0?(\d)\.0?(\d{1,2})\.0?(\d{1,2})\s*")
_OBJECTIVE = re.compile(r"\s*_?0?(\d)\.0?(\d{1,2})\.0?(\d{1,2})(?:_obj\.|\s*\[)\s*([A-Za-z])\s*\]?\s*")
_STRAY = re.compile(r"^\d?\s*\[[a-z]\]\s+")
_CUT = "ermine if "
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PARTS = {"assessment-objective", "objective"}


@dataclass(frozen=True, slots=True)
class Repair:
    """Something in the file that was read otherwise than it stands."""

    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """What an import would show: the wording by requirement and objective id."""

    title: str
    version: str
    source_sha256: str
    requirements: Mapping[str, str]
    objectives: Mapping[str, str]
    repaired: tuple[Repair, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """The plan in three lines."""
        return (
            f"{len(self.requirements)} of {len(self.requirements)} requirements matched",
            f"{len(self.objectives)} of {len(self.objectives)} objectives matched",
            f"{len(self.repaired)} repaired",
        )


@dataclass(slots=True)
class _Found:
    requirements: dict[str, str] = field(default_factory=dict)
    objectives: dict[str, str] = field(default_factory=dict)
    repaired: list[Repair] = field(default_factory=list)


def plan(data: bytes, catalog: Catalog) -> CatalogPlan:
    """Read a catalog; raises `Invalid` in one sentence for anything but a whole Rev 2 catalog."""
    document = _document(data)
    metadata = document.get("metadata")
    title = _text(metadata.get("title")) if isinstance(metadata, dict) else ""
    version = _text(metadata.get("version")) if isinstance(metadata, dict) else ""
    controls = list(_controls(document, 0))
    _refuse_others(title, controls)
    known = {r.nist_id: r for r in catalog.requirements}
    found = _Found()
    for control in controls:
        requirement = known.get(_number(control, found))
        if requirement is not None:
            _take(control, requirement, found)
    _refuse_gaps(found, catalog)
    return CatalogPlan(
        title or "an OSCAL catalog without a title",
        version or "without a version",
        hashlib.sha256(data).hexdigest(),
        found.requirements,
        found.objectives,
        tuple(found.repaired),
    )


def _refused(why: str) -> Invalid:
    return Invalid({"file": f"{why} Nothing was changed."})


def _document(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise _refused(f"This file is too large for a catalog ({len(data):,} bytes).")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise _refused("This file is not JSON that can be read; choose the OSCAL catalog in JSON.") from None
    if isinstance(found, dict) and isinstance(found.get("catalog"), dict):
        document: dict[str, Any] = found["catalog"]
        return document
    kind = next(iter(found), "") if isinstance(found, dict) else ""
    if kind in {"profile", "system-security-plan", "component-definition", "assessment-plan", "assessment-results"}:
        raise _refused(f"This is an OSCAL {kind}, not a catalog.")
    raise _refused("This file is JSON, but no OSCAL catalog.")


def _controls(group: Any, depth: int) -> Iterator[dict[str, Any]]:
    if not isinstance(group, dict) or depth > 10:
        return
    for control in _list(group.get("controls")):
        if isinstance(control, dict):
            yield control
            yield from _controls(control, depth + 1)
    for inner in _list(group.get("groups")):
        yield from _controls(inner, depth + 1)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return " ".join(_CONTROL.sub(" ", value).split()) if isinstance(value, str) else ""


def _refuse_others(title: str, controls: list[dict[str, Any]]) -> None:
    identifiers = [_text(control.get("id")) for control in controls]
    rev3 = any(i.upper().startswith("SP_800_171_03") for i in identifiers)
    if rev3 or re.search(r"\brev(ision|\.)?\s*3\b", title, re.IGNORECASE):
        raise _refused(
            "This is Revision 3 of SP 800-171; CMMC Level 2 is assessed by Revision 2 (32 CFR 170.14(c)(3)), and the "
            "numbers mean other requirements."
        )
    if not any(_NUMBER.fullmatch(i) or _labels(c) for i, c in zip(identifiers, controls, strict=True)):
        raise _refused(f"This catalog ({title[:80] or 'without a title'}) is not NIST SP 800-171 Revision 2.")


def _labels(thing: Mapping[str, Any]) -> list[str]:
    props = [p for p in _list(thing.get("props")) if isinstance(p, dict) and p.get("name") == "label"]
    return [value for p in props if isinstance(value := p.get("value"), str) and _any(value)]


def _any(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text) or _OBJECTIVE.fullmatch(text))


def _number(control: Mapping[str, Any], found: _Found) -> str:
    """The NIST number of a control, from its label or its identifier."""
    raw = control.get("id") if isinstance(control.get("id"), str) else ""
    for text in (*_labels(control), raw):
        match = _NUMBER.fullmatch(str(text))
        if match:
            number = ".".join(str(int(part)) for part in match.groups())
            if isinstance(raw, str) and raw != raw.strip():
                found.repaired.append(Repair("identifier with spaces", raw, number))
            return number
    return ""


def _take(control: Mapping[str, Any], requirement: Requirement, found: _Found) -> None:
    parts = [p for p in _list(control.get("parts")) if isinstance(p, dict)]
    statement = next((_text(p.get("prose")) for p in parts if p.get("name") == "statement"), "")
    statement = statement or _text(control.get("title"))
    if statement:
        _keep(found.requirements, requirement.id, statement)
    leaves = [leaf for part in parts if part.get("name") in _PARTS for leaf in _leaves(part, 0)]
    single = len(requirement.objectives) == 1
    for leaf in leaves:
        letter = requirement.objectives[0].letter if single else _letter(leaf)
        if letter in {o.letter for o in requirement.objectives}:
            identifier = f"{requirement.id}[{letter}]"
            _keep(found.objectives, identifier, _mended(leaf, identifier, letter, found))


def _leaves(part: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    inner = [p for p in _list(part.get("parts")) if isinstance(p, dict) and p.get("name") in _PARTS]
    if not inner and _text(part.get("prose")):
        yield part
    for one in inner if depth < 5 else []:
        yield from _leaves(one, depth + 1)


def _letter(leaf: Mapping[str, Any]) -> str:
    for text in (*_labels(leaf), leaf.get("id")):
        match = _OBJECTIVE.fullmatch(text) if isinstance(text, str) else None
        if match:
            return match[4].lower()
    return ""


def _mended(leaf: Mapping[str, Any], identifier: str, letter: str, found: _Found) -> str:
    was = _text(leaf.get("prose"))
    now = _STRAY.sub("", was)
    if now.startswith(_CUT):
        now = now.removeprefix(_CUT)
    if now != was:
        found.repaired.append(Repair(f"text of {identifier}", was[:60], now[:60]))
    stands = _letter(leaf)
    if stands and stands != letter:
        found.repaired.append(Repair(f"letter of {identifier}", f"[{stands}]", f"[{letter}]"))
    return now


def _keep(place: dict[str, str], identifier: str, prose: str) -> None:
    if place.setdefault(identifier, prose) != prose:
        raise _refused(f"This catalog has {identifier} twice, with different wording.")


def _refuse_gaps(found: _Found, catalog: Catalog) -> None:
    missing = [r.id for r in catalog.requirements if r.id not in found.requirements]
    missing += [o.id for r in catalog.requirements for o in r.objectives if o.id not in found.objectives]
    if missing:
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise _refused(f"This catalog is not whole: it lacks {named}.")
