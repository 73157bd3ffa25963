"""What was found as OSCAL `assessment-results`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.reports.oscal.parts import (
    kept,
    line,
    metadata,
    objective_id,
    prop,
    resources,
    uid,
    words,
    written,
)

_METHODS = {"examine": "EXAMINE", "interview": "INTERVIEW", "test": "TEST"}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The document of a snapshot: a finding for each objective that was judged, an observation behind each."""
    plan, evidence = _plan(snapshot), _evidence(snapshot)
    judged = [one for one in snapshot["findings"] if one["status"] != Status.NOT_ASSESSED]
    result = kept(
        uuid=uid(snapshot, "result", snapshot["frozen_at"]),
        title=line(f"Assessment of {snapshot['system']['name']}"),
        description=f"What was found up to {snapshot['frozen_at']} (UTC).",
        start=min((one["judged_at"] for one in judged if one["judged_at"]), default=snapshot["frozen_at"]),
        end=snapshot["frozen_at"],
        props=_score(snapshot),
        reviewed_controls={"control-selections": [_selection(snapshot)]},
        observations=[
            _observation(snapshot, one, evidence.get((one["requirement"], one["letter"]), [])) for one in judged
        ],
        findings=[_finding(snapshot, one) for one in judged],
    )
    document = kept(
        uuid=uid(snapshot, "document", f"results {snapshot['frozen_at']}"),
        metadata=metadata(snapshot, "Assessment Results"),
        import_ap={"href": f"#{plan['uuid']}"},
        results=[result],
        back_matter=resources(snapshot, plan),
    )
    return written("assessment-results", document)


def _plan(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uuid": uid(snapshot, "resource", "assessment-plan"),
        "title": "The assessment",
        "description": "Every objective of the level, by examine, interview and test (NIST SP 800-171A).",
    }


def _score(snapshot: Mapping[str, Any]) -> list[dict[str, str]]:
    score = snapshot["score"]
    return [
        prop("score", "none" if score["score"] is None else score["score"]),
        prop("supports", score["supports"]),
    ]


def _selection(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    requirements = load(snapshot["system"]["level"]).requirements
    return {"include-controls": [{"control-id": one.id} for one in requirements]}


def _evidence(snapshot: Mapping[str, Any]) -> Mapping[tuple[str, str], list[dict[str, Any]]]:
    """For each objective the artifacts that it rests on, and where in them."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for artifact in snapshot["artifacts"]:
        href = f"#{uid(snapshot, 'artifact', artifact['id'])}"
        for link in artifact["links"]:
            located = [prop("locator", link["locator"])] if link["locator"] else []
            told = kept(href=href, description=words(link["shows"] or artifact["title"]), props=located)
            found[link["requirement"], link["letter"]].append(told)
    return found


def _observation(
    snapshot: Mapping[str, Any], finding: Mapping[str, Any], evidence: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    at = objective_id(finding["requirement"], finding["letter"])
    said = [finding[name] for name in ("examined", "interviewed", "tested", "note") if finding[name].strip()]
    return kept(
        uuid=uid(snapshot, "observation", at),
        description=words("\n".join(said), "Nothing was written about it."),
        methods=[_METHODS[one] for one in finding["methods"]] or ["UNKNOWN"],
        relevant_evidence=evidence,
        collected=finding["judged_at"] or snapshot["frozen_at"],
    )


def _finding(snapshot: Mapping[str, Any], finding: Mapping[str, Any]) -> dict[str, Any]:
    at = objective_id(finding["requirement"], finding["letter"])
    status = Status(finding["status"])
    return kept(
        uuid=uid(snapshot, "finding", at),
        title=line(f"{finding['requirement']}[{finding['letter']}]: {status.label}"),
        description=words(finding["note"], "No note was written."),
        target={
            "type": "objective-id",
            "target-id": at,
            "props": [prop("finding", status.value.replace("_", "-"))],
            "status": {"state": "not-satisfied" if status is Status.NOT_MET else "satisfied"},
        },
        related_observations=[{"observation-uuid": uid(snapshot, "observation", at)}],
    )
