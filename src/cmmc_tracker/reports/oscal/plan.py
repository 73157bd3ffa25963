"""The security plan as OSCAL `system-security-plan`."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Requirement, load
from cmmc_tracker.reports.oscal.parts import (
    NAMESPACE,
    kept,
    line,
    metadata,
    objective_id,
    profile,
    prop,
    resources,
    uid,
    words,
    written,
)

_STATES = {
    "implemented": "implemented",
    "partial": "partial",
    "planned": "planned",
    "inherited": "implemented",
    "alternative": "alternative",
    "not_applicable": "not-applicable",
}
_UNSAID = "Not described yet."
_IN_ADDRESSES = ":/?#[]@!$&'()*+,;=%"  # what stays as it was typed; the rest is no part of an address


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The document of a snapshot."""
    reference = profile(snapshot)
    document = kept(
        uuid=uid(snapshot, "document", f"ssp {snapshot['frozen_at']}"),
        metadata=metadata(snapshot, "System Security Plan"),
        import_profile={"href": f"#{reference['uuid']}"},
        system_characteristics=_characteristics(snapshot),
        system_implementation=_implementation(snapshot),
        control_implementation={
            "description": "How each requirement is implemented, as the organization wrote it.",
            "implemented-requirements": [
                _implemented(snapshot, one) for one in load(snapshot["system"]["level"]).requirements
            ],
        },
        back_matter=resources(snapshot, reference),
    )
    return written("system-security-plan", document)


def _characteristics(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    system = snapshot["system"]
    said = {one["section"]: one["text"] for one in snapshot["sections"]}
    level = system["level"]
    kind = "Federal Contract Information" if level == 1 else "Controlled Unclassified Information"
    return kept(
        system_ids=[{"identifier-type": f"{NAMESPACE}/slug", "id": system["slug"]}],
        system_name=line(system["name"]),
        description=words(said.get("description", ""), _UNSAID),
        props=[prop("cage-code", one) for one in system["cage_codes"].split()],
        system_information={
            "information-types": [
                {
                    "uuid": uid(snapshot, "information", kind),
                    "title": kind,
                    "description": f"What CMMC Level {level} is there to protect (32 CFR part 170).",
                }
            ]
        },
        status={"state": "operational" if system["in_use_since"] else "other", **_other(system)},
        authorization_boundary={"description": words(said.get("boundary", ""), _UNSAID)},
    )


def _other(system: Mapping[str, Any]) -> dict[str, str]:
    """The schema wants a remark where the state is none of its own."""
    return {} if system["in_use_since"] else {"remarks": "Nobody said since when the system is in use."}


def _implementation(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    this = {
        "uuid": uid(snapshot, "component", "this"),
        "type": "this-system",
        "title": line(snapshot["system"]["name"]),
        "description": "The system as a whole.",
        "status": {"state": "operational"},
    }
    assets = [_asset(snapshot, one) for one in snapshot["assets"]]
    providers = [_provider(snapshot, one) for one in snapshot["providers"]]
    people = sorted({one["user"] for one in snapshot["assignments"] if one["user"]})
    users = [
        {"uuid": uid(snapshot, "user", one), "title": line(one), "props": [prop("answers-for-a-duty", "yes")]}
        for one in people
    ]
    return kept(users=users, components=[this, *providers, *assets])


def _asset(snapshot: Mapping[str, Any], asset: Mapping[str, Any]) -> dict[str, Any]:
    return kept(
        uuid=uid(snapshot, "asset", asset["id"]),
        type="system",
        title=line(asset["name"]),
        description=words(asset["treatment"] or asset["note"], _UNSAID),
        props=[
            prop("asset-category", asset["category"] or "not said"),
            prop("owner", asset["owner"] or "not said"),
            *(prop(f"asset-{one}", asset[one]) for one in ("kind", "model", "serial") if asset.get(one)),
        ],
        status={"state": "operational"},
    )


def _provider(snapshot: Mapping[str, Any], provider: Mapping[str, Any]) -> dict[str, Any]:
    return kept(
        uuid=uid(snapshot, "provider", provider["id"]),
        type="service",
        title=line(provider["name"]),
        description=words(provider["services"] or provider["note"], _UNSAID),
        props=[
            prop("cloud-service", "yes" if provider["is_cloud"] else "no"),
            prop("holds", provider["holds"]),
            prop("fedramp-basis", provider["basis"]),
        ],
        links=_proofs(snapshot, provider),
        status={"state": "operational"},
    )


def _proofs(snapshot: Mapping[str, Any], provider: Mapping[str, Any]) -> list[dict[str, str]]:
    """Where the FedRAMP basis is shown: an address, an artifact of the back matter."""
    number, address = provider.get("basis_artifact_id"), provider["basis_link"]
    known = {one["id"] for one in snapshot["artifacts"]}
    found = [quote(address, safe=_IN_ADDRESSES)] if address else []
    found += [f"#{uid(snapshot, 'artifact', number)}"] if number in known else []
    return [{"href": one, "rel": "fedramp-basis"} for one in found]


def _implemented(snapshot: Mapping[str, Any], requirement: Requirement) -> dict[str, Any]:
    said = next(one for one in snapshot["implementations"] if one["requirement"] == requirement.id)
    texts = [one for one in snapshot["objective_texts"] if one["requirement"] == requirement.id]
    status = Status(snapshot["score"]["statuses"][requirement.id])
    return kept(
        uuid=uid(snapshot, "implemented", requirement.id),
        control_id=requirement.id,
        props=[prop("finding", status.value.replace("_", "-")), prop("responsibility", said["responsibility"])],
        by_components=_by(snapshot, requirement.id, said),
        statements=[_statement(snapshot, requirement.id, one) for one in texts if one["text"].strip()],
    )


def _by(snapshot: Mapping[str, Any], requirement: str, said: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    return [
        {
            "component-uuid": uid(snapshot, "component", "this"),
            "uuid": uid(snapshot, "by", requirement),
            "description": words(said["narrative"], _UNSAID),
            "implementation-status": {"state": _STATES[said["status"]]},
        }
    ]


def _statement(snapshot: Mapping[str, Any], requirement: str, text: Mapping[str, Any]) -> dict[str, Any]:
    at = objective_id(requirement, text["letter"])
    return {
        "statement-id": at,
        "uuid": uid(snapshot, "statement", at),
        "by-components": [
            {
                "component-uuid": uid(snapshot, "component", "this"),
                "uuid": uid(snapshot, "by-statement", at),
                "description": words(text["text"]),
            }
        ],
    }
