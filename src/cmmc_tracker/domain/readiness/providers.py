"""CUI in a cloud service without the basis that the rule asks for."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import Basis, Held
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for one in snapshot.providers:
        if one.is_cloud and one.holds is Held.CUI and one.basis is Basis.NOT_NEEDED:
            sentence = f"{one.name} is a cloud service that holds CUI, and no FedRAMP basis is recorded."
            yield Finding(14, sentence, subject=f"provider:{one.id}")


CHECK = Check(
    14,
    "CUI in a cloud service",
    Level.STOPS,
    "It is FedRAMP Moderate authorized or equivalent (32 CFR 170.16(c)(2), 170.17(c)(5); DFARS 252.204-7012).",
    _look,
)
