"""OSCAL catalogs of the shapes that are met in public, with invented prose: no sentence of a standard is kept here."""

import json
from typing import Any

from cmmc_tracker.domain.catalog import Requirement, load

REQUIREMENTS = load(2).requirements
SINGLE = [r.nist_id for r in REQUIREMENTS if len(r.objectives) == 1]


def statement(requirement: Requirement) -> str:
    """The invented wording of a requirement."""
    return f"Do what number {requirement.nist_id} of these samples says."


def objective(requirement: Requirement, letter: str) -> str:
    """The invented wording of an objective."""
    return f"the thing {letter} of sample {requirement.nist_id} is done."


def _label(value: str) -> dict[str, str]:
    return {"name": "label", "value": value, "class": "sp800-171a"}


def _document(title: str, version: str, controls: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"title": title, "version": version, "last-modified": "2026-01-02T03:04:05Z", "oscal-version": "1.1.3"}
    groups = [{"id": f"g{n}", "class": "family", "title": f"Family {n}", "controls": controls[n::7]} for n in range(7)]
    return {"catalog": {"uuid": "8ab2a4a4-3c0b-4a5e-9d5e-000000000001", "metadata": metadata, "groups": groups}}


def _control(
    requirement: Requirement, name: str, lead: str, letters: dict[str, str], prose: dict[str, str]
) -> dict[str, Any]:
    """A control called `name`, its identifiers with `lead` before them; a letter may be written otherwise."""
    leaves = [
        {
            "id": f"{lead}{name}_obj.{letters[one]}",
            "name": "assessment-objective",
            "props": [_label(f"{name}[{letters[one]}]")],
            "prose": prose[one],
        }
        for one in letters
    ]
    return {
        "id": f"{lead}{name}",
        "class": "SP800-171",
        "title": statement(requirement),
        "props": [{"name": "label", "value": name}, _label(name), {"name": "sort-id", "value": name}],
        "parts": [
            {"id": f"{lead}{name}_smt", "name": "statement", "prose": statement(requirement)},
            {
                "id": f"{lead}{name}_obj",
                "name": "assessment-objective",
                "props": [_label(name)],
                "parts": leaves,
            },
        ],
    }


def clean() -> dict[str, Any]:
    """The shape of a valid Rev 2 catalog: controls `_3.1.1`, objectives `_3.1.1_obj.a`, labels `3.1.1[a]`."""
    controls = []
    for r in REQUIREMENTS:
        letters = [o.letter for o in r.objectives]
        prose = {one: objective(r, one) for one in letters}
        controls.append(_control(r, r.nist_id, "_", dict(zip(letters, letters, strict=True)), prose))
    return _document("Sample of NIST SP 800-171 Rev 2", "2.0.0", controls)


def unclean() -> dict[str, Any]:
    """The same with the defects of the public file.

    Identifiers without the underscore; 3.2.1 with spaces, its letters lost and in its texts; the single objectives
    lettered D, their texts cut.
    """
    controls = []
    for r in REQUIREMENTS:
        letters = {o.letter: o.letter for o in r.objectives}
        prose = {one: objective(r, one) for one in letters}
        name = r.nist_id
        if name == "3.2.1":
            name = " 3.2.1 "
            letters = dict.fromkeys(letters, ".")
            prose = {one: f"1[{one}] {text}" for one, text in prose.items()}
        elif name in SINGLE:
            letters = {"a": "D"}
            prose = {"a": f"ermine if {prose['a']}"}
        controls.append(_control(r, name, "", letters, prose))
    return _document("Sample of SP 800-171 Requirements", "2.0.0", controls)


def padded() -> dict[str, Any]:
    """Rev 2 with zero-padded identifiers: `_03.01.01`, objectives as direct parts without labels."""
    controls = []
    for r in REQUIREMENTS:
        number = "_" + ".".join(f"{int(part):02}" for part in r.nist_id.split("."))
        parts = [{"id": f"{number}_smt", "name": "statement", "prose": statement(r)}]
        parts += [
            {"id": f"{number}_obj.{o.letter}", "name": "objective", "prose": objective(r, o.letter)}
            for o in r.objectives
        ]
        props = [{"name": "label", "value": r.nist_id}]
        controls.append({"id": number, "title": statement(r), "props": props, "parts": parts})
    return _document("Sample of 800-171r2", "1.0", controls)


def rev_3(title: str = "Sample of Protecting Information") -> dict[str, Any]:
    """The shape of a Rev 3 catalog: controls `SP_800_171_03.01.01`, lettered otherwise, 17 families."""
    controls = [
        {
            "id": f"SP_800_171_03.{family:02}.{n:02}",
            "class": "requirement",
            "title": f"Sample {family} {n}",
            "props": [{"name": "label", "value": f"Sample (03.{family:02}.{n:02})"}],
            "parts": [{"id": f"A.03.{family:02}.{n:02}.a[01]", "name": "assessment-objective", "prose": "is done."}],
        }
        for family in range(1, 18)
        for n in range(1, 9)
    ]
    return _document(title, "1.0.0", controls)


def control(document: dict[str, Any], nist_id: str) -> dict[str, Any]:
    """One control of a sample, to be spoilt."""
    for group in document["catalog"]["groups"]:
        for one in group["controls"]:
            if any(prop["value"].strip() == nist_id for prop in one["props"]):
                found: dict[str, Any] = one
                return found
    raise LookupError(nist_id)


def data(document: Any) -> bytes:
    """The bytes of a sample's file."""
    return json.dumps(document, indent=1).encode()
