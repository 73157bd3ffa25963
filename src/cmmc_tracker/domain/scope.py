"""The scope of an assessment: assets in five categories, external service providers and their matrices. Pure.

32 CFR 170.19(c)(1) with its Table 3, and (c)(2); 170.16(c)(2), (c)(3); 170.17(c)(5), (c)(6).
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cmmc_tracker.domain.catalog import ObjectiveId

CATEGORY_CLAUSE = "32 CFR 170.19(c)(1)"
PROVIDER_CLAUSE = "32 CFR 170.19(c)(2)"
OLD_MATRIX_MONTHS = 12  # our decision


class Category(StrEnum):
    """What an asset is to the assessment (170.19(c)(1), Table 3)."""

    CUI = "cui"
    SECURITY_PROTECTION = "security_protection"
    RISK_MANAGED = "risk_managed"
    SPECIALIZED = "specialized"
    OUT_OF_SCOPE = "out_of_scope"

    @property
    def label(self) -> str:
        """The name that the rule gives it."""
        return _CATEGORIES[self][0]

    @property
    def asks(self) -> str:
        """What the organization does about such an asset."""
        return _CATEGORIES[self][1]

    @property
    def assessed(self) -> str:
        """How far it is assessed."""
        return _CATEGORIES[self][2]

    @property
    def in_scope(self) -> bool:
        """Whether it belongs to the assessment."""
        return self is not Category.OUT_OF_SCOPE


_DOCUMENTED = "An inventory row, its treatment in the security plan, its place on the network diagram."
_CATEGORIES = {
    Category.CUI: ("CUI Asset", _DOCUMENTED, "Against all Level 2 requirements."),
    Category.SECURITY_PROTECTION: (
        "Security Protection Asset",
        _DOCUMENTED,
        "Against the requirements relevant to the function that it gives.",
    ),
    Category.RISK_MANAGED: (
        "Contractor Risk Managed Asset",
        _DOCUMENTED,
        "By review of the security plan; a limited check where documents or findings raise questions.",
    ),
    Category.SPECIALIZED: (
        "Specialized Asset",
        f"{_DOCUMENTED} The plan shows its risk-based management.",
        "By review of the security plan only.",
    ),
    Category.OUT_OF_SCOPE: ("Out-of-Scope Asset", "Be ready to say why it cannot hold CUI.", "Not at all."),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset: a machine, a service, a place, or a group of such that is treated alike."""

    id: int
    name: str
    category: Category | None
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

    @property
    def treatment(self) -> str:
        """How the rule treats it, in one sentence."""
        if self.holds is Held.NONE:
            return "It holds neither CUI nor security protection data, so it is no external service provider."
        if self.holds is Held.CUI and self.is_cloud:
            return "It must be FedRAMP Moderate authorized, or equivalent under DoD policy (32 CFR 170.16(c)(2))."
        if self.holds is Held.CUI:
            return "Its services are assessed within our scope (32 CFR 170.16(c)(3))."
        return f"Its services are assessed within our scope as Security Protection Assets ({PROVIDER_CLAUSE})."


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
