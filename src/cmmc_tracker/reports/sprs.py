"""The worksheet for SPRS as JSON: every field that the entry screens ask for, in one file (170.16(a)(1)(i)).

SPRS has no way to take a file in: a person types from this. What only SPRS knows (the status date) is not made up.
`sprs_sheet.py` says the same as a workbook and as pages to type from.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load

_TYPES = {1: "Level 1 (Self)", 2: "Level 2 (Self)", 3: "Level 3 (DIBCAC)"}
_EMAIL = re.compile(r"[^\s,;<>]+@[^\s,;<>]+")


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The worksheet of a snapshot; `score` is null where the rules give none, and `reason` says why."""
    return json.dumps(told(snapshot), indent=1, ensure_ascii=False).encode() + b"\n"


def told(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by name, as JSON holds them."""
    score, system = snapshot["score"], snapshot["system"]
    partial = {one["requirement"] for one in snapshot["implementations"] if one["partial"]}
    open_ = [one for one in snapshot["items"] if one["kind"] == "poam" and one["status"] != "closed"]
    on_poam = {one["requirement"] for one in open_}
    completed = [one["planned_completion"] for one in open_]
    return {
        "schema": 1,
        "as_of": snapshot["frozen_at"],
        "system": system["name"],
        "level": system["level"],
        "assessment_type": _TYPES[system["level"]],
        "scope": {"kind": system.get("scope_kind") or None, "name": system.get("scope_name") or system["name"]},
        "cage_codes": system["cage_codes"].split(),
        "employees": system.get("employees"),
        "assessed_on": max((one["judged_at"][:10] for one in snapshot["findings"] if one["judged_at"]), default=None),
        "ssp": _plan(snapshot),
        "score": score["score"],
        "max": score["max"],
        "reason": score["reason"],
        "provisional": score["provisional"],
        "unassessed_objectives": score["unassessed_objectives"],
        "requirements": [
            {
                "id": one.id,
                "finding": score["statuses"][one.id],
                "points_lost": score["losses"].get(one.id, 0),
                "partial": one.id in partial and score["statuses"][one.id] == Status.NOT_MET,
                "poam": one.id in on_poam,
            }
            for one in load(system["level"]).requirements
        ],
        # The day by which everything is MET: only where every item says when it is done.
        "poam": {**score["poam"], "items": len(on_poam)},
        "poam_completed_by": max(completed) if completed and all(completed) else None,
        "supports": score["supports"],
        "affirming_official": _official(snapshot),
    }


def _plan(snapshot: Mapping[str, Any]) -> dict[str, Any] | None:
    """The newest approved version of the security plan, else the newest; None where there is none."""
    versions = snapshot["plan_versions"]
    found = next((one for one in reversed(versions) if one["approved_at"]), versions[-1] if versions else None)
    if found is None:
        return None
    name = f"System Security Plan, {snapshot['system']['name']}"
    return {"name": name, "version": str(found["number"]), "date": (found["approved_at"] or found["made_at"])[:10]}


def _official(snapshot: Mapping[str, Any]) -> dict[str, Any] | None:
    """The affirming official; SPRS asks for email and phone apart (170.22(a)(2)), which stand in one line here."""
    for one in snapshot["assignments"]:
        if one["duty"] == "affirming_official":
            email = _EMAIL.search(one["contact"])
            rest = _EMAIL.sub("", one["contact"]).strip(" ,;<>")
            return {
                "name": one["user"],
                "title": one["title"],
                "contact": one["contact"],
                "email": email[0] if email else None,
                "phone": rest if any(sign.isdigit() for sign in rest) else None,
            }
    return None
