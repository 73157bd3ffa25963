"""The scope of an assessment: assets in five categories, external service providers, the first rows of both. Pure.

32 CFR 170.19(c)(1) with its Table 3, and (c)(2); 170.16(c)(2), (c)(3); 170.17(c)(5), (c)(6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cmmc_tracker.domain.catalog import LEVELS, ObjectiveId
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid

CATEGORY_CLAUSE = "32 CFR 170.19(c)(1)"
PROVIDER_CLAUSE = "32 CFR 170.19(c)(2)"
OLD_MATRIX_MONTHS = 12  # our decision
LONGEST_NAME = 200  # characters of an asset's, a provider's and a system's name
LONGEST_NOTE = 4_000
# The most that one system holds of each: more is no inventory that people keep, and would make every page wait.
MOST_ASSETS = 10_000
MOST_PROVIDERS = 500
MOST_GROUPS = 1_000
MOST_ENTRIES = 5_000  # people, facilities and networks together
MOST_FLOWS = 2_000
OURS = "CMMC Artifact Tracker (the machine it runs on)"


class AssetCategory(StrEnum):
    """The categories of assets at Level 2 (32 CFR 170.19(c)(1), Table 3)."""

    CUI = "cui"
    SECURITY_PROTECTION = "security_protection"
    CONTRACTOR_RISK_MANAGED = "contractor_risk_managed"
    SPECIALIZED = "specialized"
    OUT_OF_SCOPE = "out_of_scope"

    @property
    def label(self) -> str:
        """The category as the rule names it."""
        return _CATEGORIES[self][0]

    @property
    def follows(self) -> str:
        """What it means for the assessment, with the clause."""
        return f"{_CATEGORIES[self][1]} ({CATEGORY_CLAUSE}, Table 3)."

    @property
    def in_scope(self) -> bool:
        """Whether it belongs to the assessment."""
        return self is not AssetCategory.OUT_OF_SCOPE


_LISTED = "It goes into the asset inventory, the system security plan and the network diagram"
_CATEGORIES = {
    AssetCategory.CUI: (
        "CUI Asset",
        f"{_LISTED}, and is assessed against all Level 2 requirements",
    ),
    AssetCategory.SECURITY_PROTECTION: (
        "Security Protection Asset",
        f"{_LISTED}, and is assessed against the requirements that concern the protection it gives",
    ),
    AssetCategory.CONTRACTOR_RISK_MANAGED: (
        "Contractor Risk Managed Asset",
        f"{_LISTED}; the assessor reads the plan, and may check it where the plan raises questions",
    ),
    AssetCategory.SPECIALIZED: (
        "Specialized Asset",
        f"{_LISTED}, with how its risk is managed; the assessor reads the plan only",
    ),
    AssetCategory.OUT_OF_SCOPE: (
        "Out-of-Scope Asset",
        "It is not assessed; be ready to say why it cannot hold CUI and protects nothing that does",
    ),
}


def category_for(*, holds_cui: bool) -> AssetCategory:
    """The category of the machine that the tracker runs on.

    Where CUI may be stored it may hold CUI; else it holds how the scope is protected (logs, configurations, findings):
    security protection data (32 CFR 170.4).
    """
    return AssetCategory.CUI if holds_cui else AssetCategory.SECURITY_PROTECTION


def follows_from_provider(*, is_cloud: bool, holds_cui: bool) -> str:
    """What follows from somebody else's machines, with the clause (32 CFR 170.19(c)(2), 170.16(c)(2) and (3))."""
    if is_cloud and holds_cui:
        return (
            "CUI in a cloud service: the service needs a FedRAMP Moderate authorization or higher, or what the DoD "
            "accepts as equivalent (32 CFR 170.19(c)(2), 170.16(c)(2); DFARS 252.204-7012). Keep the proof of it."
        )
    if holds_cui:
        return (
            "CUI on the machines of a provider that is no cloud service: its services are assessed within your own "
            "scope (32 CFR 170.19(c)(2), 170.16(c)(3)). Have a matrix of who is responsible for what."
        )
    return (
        "Security protection data only, no CUI: the provider's services are assessed within your own scope as Security "
        "Protection Assets (32 CFR 170.19(c)(2)). Have a matrix of who is responsible for what."
    )


class Place(StrEnum):
    """Where the tracker runs."""

    PREMISES = "premises"
    HOSTED = "hosted"
    CLOUD = "cloud"

    @property
    def label(self) -> str:
        """The place as a choice on the page."""
        return _PLACES[self]


_PLACES = {
    Place.PREMISES: "On our own machine, on our premises",
    Place.HOSTED: "On our own machine, or one rented for us alone, at a hosting provider",
    Place.CLOUD: "In a cloud service",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said after the set-up; `place` and `level` None: not said."""

    organization: str
    system_name: str
    cui_allowed: bool
    place: Place | None
    host: str
    level: int | None = None

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> "Answers":
        """Read the form; raises `Invalid` naming every wrong field."""
        wrong: dict[str, str] = {}
        organization, system_name = clean_line(form.get("organization", "")), clean_line(form.get("system_name", ""))
        host, place, cui = clean_line(form.get("host", "")), form.get("place", ""), form.get("cui", "")
        for name, text in (("organization", organization), ("system_name", system_name), ("host", host)):
            if len(text) > LONGEST_NAME:
                wrong[name] = f"This has at most {LONGEST_NAME} characters; this one has {len(text)}."
        if not system_name:
            wrong["system_name"] = "The system needs a name."
        if cui not in {"no", "yes"}:
            wrong["cui"] = "Say whether CUI may be stored here."
        if place not in {"", *Place}:
            wrong["place"] = "Choose one of the places, or leave it out."
        elif place in {Place.HOSTED, Place.CLOUD} and not host:
            wrong["host"] = "Say who hosts it: the provider goes into the scope by its name."
        level = form.get("level", "")
        if level not in {"", *map(str, LEVELS)}:
            wrong["level"] = "Choose one of the levels."
        if wrong:
            raise Invalid(wrong)
        chosen = int(level) if level else None
        return cls(organization, system_name, cui == "yes", Place(place) if place else None, host, chosen)


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """What is said of an asset."""

    name: str
    category: AssetCategory
    note: str

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> "AssetFacts":
        """Read the form; raises `Invalid` naming every wrong field."""
        name, note, wrong = _named(form)
        category = form.get("category", "")
        if category not in set(AssetCategory):
            wrong["category"] = "Choose one of the categories."
        if wrong:
            raise Invalid(wrong)
        return cls(name, AssetCategory(category), note)


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What is said of an external service provider."""

    name: str
    is_cloud: bool
    note: str

    @classmethod
    def parse(cls, form: Mapping[str, str]) -> "ProviderFacts":
        """Read the form, where an absent switch is off; raises `Invalid` naming every wrong field."""
        name, note, wrong = _named(form)
        if form.get("is_cloud", "") not in {"", "on"}:
            wrong["is_cloud"] = "This is either on or left out."
        if wrong:
            raise Invalid(wrong)
        return cls(name, form.get("is_cloud") == "on", note)


def _named(form: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    name, note = clean_line(form.get("name", "")), clean_text(form.get("note", ""))
    wrong = {}
    if not name or len(name) > LONGEST_NAME:
        wrong["name"] = f"Give a name of at most {LONGEST_NAME} characters."
    if len(note) > LONGEST_NOTE:
        wrong["note"] = f"A note has at most {LONGEST_NOTE:,} characters; this one has {len(note):,}."
    return name, note, wrong


def drafted(place: Place | None, host: str, *, holds_cui: bool) -> tuple[AssetFacts | None, ProviderFacts | None]:
    """The rows of the scope that follow from where the tracker runs: our machine, who hosts it, or both."""
    asset = provider = None
    if place in {Place.PREMISES, Place.HOSTED}:
        category = category_for(holds_cui=holds_cui)
        asset = AssetFacts(OURS, category, f"Runs the tracker. {category.follows}")
    if place in {Place.HOSTED, Place.CLOUD}:
        is_cloud = place is Place.CLOUD
        follows = follows_from_provider(is_cloud=is_cloud, holds_cui=holds_cui)
        provider = ProviderFacts(host, is_cloud, f"Hosts the tracker. {follows}")
    return asset, provider


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset: a machine, a service, a place, or a group of such that is treated alike."""

    id: int
    name: str
    category: AssetCategory | None
    in_plan: bool  # the security plan says how it is treated, by itself or by its group
    on_diagram: bool


class Held(StrEnum):
    """What a provider's assets hold of ours."""

    CUI = "cui"
    SPD = "spd"  # security protection data: configurations, logs, passwords, vulnerability status (170.4)
    NONE = "none"


class Basis(StrEnum):
    """On what a cloud service may hold CUI (170.16(c)(2); DFARS 252.204-7012)."""

    AUTHORIZED = "authorized"
    EQUIVALENT = "equivalent"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Provider:
    """An external service provider."""

    id: int
    name: str
    is_cloud: bool
    holds: Held
    basis: Basis
    matrix_on: date | None  # the date of its responsibility matrix
    lined: bool = False  # its matrix has lines here
    proved: bool = False  # a link or an artifact in use shows its basis


class Duty(StrEnum):
    """Who does what an objective asks."""

    PROVIDER = "provider"
    CUSTOMER = "customer"
    SHARED = "shared"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """One line of a customer responsibility matrix."""

    provider_id: int
    objective: ObjectiveId
    duty: Duty
    text: str
