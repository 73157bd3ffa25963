"""Both plans as OSCAL `plan-of-action-and-milestones`."""

from collections.abc import Mapping
from typing import Any

from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.oscal.parts import kept, line, metadata, prop, resources, uid, words, written

_RISK = {"open": "open", "in_progress": "remediating", "ready": "remediating", "closed": "closed"}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The document of a snapshot. Raises `Conflict` where no item is planned: OSCAL knows no empty POA&M."""
    if not snapshot["items"]:
        raise Conflict("There is no item on either plan, and OSCAL knows no plan of action without one.")
    document = kept(
        uuid=uid(snapshot, "document", f"poam {snapshot['frozen_at']}"),
        metadata=metadata(snapshot, "Plan of Action and Milestones"),
        system_id={"id": snapshot["system"]["slug"]},
        risks=[_risk(snapshot, one) for one in snapshot["items"]],
        poam_items=[_item(snapshot, one) for one in snapshot["items"]],
        back_matter=resources(snapshot) if snapshot["artifacts"] else None,
    )
    return written("plan-of-action-and-milestones", document)


def _item(snapshot: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    return kept(
        uuid=uid(snapshot, "item", item["id"]),
        title=line(f"{item['requirement']}: {item['weakness']}")[:300].strip(),
        description=words(item["weakness"]),
        props=[
            prop("requirement", item["requirement"]),
            prop("plan", "poam" if item["kind"] == "poam" else "operational"),
            prop("status", item["status"].replace("_", "-")),
            prop("owner", item["owner"] or "not said"),
        ],
        related_risks=[{"risk-uuid": uid(snapshot, "risk", item["id"])}],
    )


def _risk(snapshot: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    return kept(
        uuid=uid(snapshot, "risk", item["id"]),
        title=line(f"{item['requirement']} is not met")[:300],
        description=words(item["weakness"]),
        statement=words(item["weakness"]),
        status=_RISK[item["status"]],
        deadline=f"{item['planned_completion']}T00:00:00Z" if item["planned_completion"] else None,
        remediations=[_remediation(snapshot, item)],
    )


def _remediation(snapshot: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    steps = [
        kept(
            uuid=uid(snapshot, "step", f"{item['id']}/{one['position']}"),
            type="milestone",
            title=line(one["text"])[:300],
            description=words(one["text"]),
            props=[prop("done-on", one["done_on"])] if one["done_on"] else [],
            timing={"on-date": {"date": f"{one['due_on']}T00:00:00Z"}} if one["due_on"] else None,
        )
        for one in item["milestones"]
    ]
    return kept(
        uuid=uid(snapshot, "remediation", item["id"]),
        lifecycle="planned",
        title=line(f"Mend {item['requirement']}"),
        description=words(item["resources"], "What is planned stands in the tasks."),
        tasks=steps,
    )
