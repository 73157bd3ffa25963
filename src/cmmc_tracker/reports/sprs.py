"""The worksheet for SPRS as JSON: every field that the entry screens ask for, in one file (170.16(a)(1)(i)).

SPRS has no way to take a file in: a person types from this. What only SPRS knows (the status date) is not made up.
"""

import json
from collections.abc import Mapping
from typing import Any

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load

_TYPES = {1: "Level 1 (Self)", 2: "Level 2 (Self)", 3: "Level 3 (DIBCAC)"}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The worksheet of a snapshot; `score` is null where the rules give none, and `reason` says why."""
    score, system = snapshot["score"], snapshot["system"]
    partial = {one["requirement"] for one in snapshot["implementations"] if one["partial"]}
    on_poam = {one["requirement"] for one in snapshot["items"] if one["kind"] == "poam" and one["status"] != "closed"}
    told = {
        "schema": 1,
        "as_of": snapshot["frozen_at"],
        "system": system["name"],
        "level": system["level"],
        "assessment_type": _TYPES[system["level"]],
        "scope": {"kind": None, "name": system["name"]},
        "cage_codes": system["cage_codes"].split(),
        "employees": None,
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
        "poam": {**score["poam"], "items": len(on_poam)},
        "supports": score["supports"],
        "affirming_official": _official(snapshot),
    }
    return json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n"


def _plan(snapshot: Mapping[str, Any]) -> dict[str, Any] | None:
    """The newest approved version of the security plan, else the newest; None where there is none."""
    versions = snapshot["plan_versions"]
    found = next((one for one in reversed(versions) if one["approved_at"]), versions[-1] if versions else None)
    if found is None:
        return None
    name = f"System Security Plan, {snapshot['system']['name']}"
    return {"name": name, "version": str(found["number"]), "date": (found["approved_at"] or found["made_at"])[:10]}


def _official(snapshot: Mapping[str, Any]) -> dict[str, Any] | None:
    for one in snapshot["assignments"]:
        if one["duty"] == "affirming_official":
            return {"name": one["user"], "title": one["title"], "contact": one["contact"]}
    return None
