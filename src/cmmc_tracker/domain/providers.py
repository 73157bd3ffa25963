"""External service providers: what is said of one, and what follows from what it holds. Pure.

32 CFR 170.19(c)(2), 170.16(c)(2) and (c)(3), 170.17(c)(5) and (c)(6); DFARS 252.204-7012.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from cmmc_tracker.domain.scope import LONGEST_NAME, LONGEST_NOTE, Basis, Held, follows_from_provider
from cmmc_tracker.domain.typed import Typed

LONGEST_LINK = 1_000
LONGEST_STATUS = 100
HELD = {
    Held.CUI: "CUI (with or without security protection data)",
    Held.SPD: "Security protection data only: configurations, logs, passwords, vulnerability status",
    Held.NONE: "Neither",
}
BASES = {
    Basis.AUTHORIZED: "FedRAMP Moderate authorized, or higher",
    Basis.EQUIVALENT: "Equivalent to FedRAMP Moderate, under the DoD's policy",
    Basis.NOT_NEEDED: "None recorded, or none needed",
}
_NO_LINK = "Give an address that begins with https:// or http://, or leave it out."


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """All that is said of a provider.

    `basis_artifact_id` is the evidence of its FedRAMP basis, `matrix_artifact_id` the document of its matrix.
    """

    name: str
    is_cloud: bool = False
    holds: Held = Held.NONE
    services: str = ""
    contact: str = ""
    contract: str = ""
    basis: Basis = Basis.NOT_NEEDED
    basis_on: date | None = None
    basis_link: str = ""
    basis_artifact_id: int | None = None
    cmmc_status: str = ""
    matrix_on: date | None = None
    matrix_artifact_id: int | None = None
    note: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, Any], today: date) -> "ProviderEntry":
        """Read the form; raises `Invalid` naming every wrong field."""
        typed = Typed(given)
        entry = cls(
            name=typed.line("name", LONGEST_NAME, f"Give a name of at most {LONGEST_NAME} characters."),
            is_cloud=typed.switch("is_cloud"),
            holds=typed.choice("holds", Held, "Say what it holds of yours.") or Held.NONE,
            services=typed.text("services", LONGEST_NOTE),
            contact=typed.line("contact", LONGEST_NAME),
            contract=typed.line("contract", LONGEST_NAME),
            basis=typed.choice("basis", Basis) or Basis.NOT_NEEDED,
            basis_on=typed.day("basis_on", today),
            basis_link=typed.line("basis_link", LONGEST_LINK),
            basis_artifact_id=typed.number("basis_artifact_id"),
            cmmc_status=typed.line("cmmc_status", LONGEST_STATUS),
            matrix_on=typed.day("matrix_on", today),
            matrix_artifact_id=typed.number("matrix_artifact_id"),
            note=typed.text("note", LONGEST_NOTE),
        )
        if entry.basis_link and not _is_link(entry.basis_link):
            typed.wrong["basis_link"] = _NO_LINK
        typed.done()
        return entry

    @property
    def follows(self) -> str:
        """What follows from it, with the clause."""
        return follows(self.holds, is_cloud=self.is_cloud)

    def columns(self) -> dict[str, Any]:
        """The entry as its row keeps it."""
        return asdict(self)


def _is_link(text: str) -> bool:
    """Whether a page may make a link of it: nothing that a browser would run."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def follows(holds: Held, *, is_cloud: bool) -> str:
    """What follows from what a provider holds of ours, with the clause (32 CFR 170.19(c)(2))."""
    if holds is Held.NONE:
        return (
            "Neither CUI nor security protection data: it is no external service provider in the rule's sense, and "
            "nothing of it is assessed (32 CFR 170.19(c)(2), 170.4)."
        )
    return follows_from_provider(is_cloud=is_cloud, holds_cui=holds is Held.CUI)
