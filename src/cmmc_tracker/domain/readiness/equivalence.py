"""CUI in a cloud service that is said to be equivalent to FedRAMP Moderate, with nothing that shows it."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import Basis, Held
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for one in snapshot.providers:
        if one.is_cloud and one.holds is Held.CUI and one.basis is Basis.EQUIVALENT and not one.proved:
            sentence = (
                f"{one.name} is said to be equivalent to FedRAMP Moderate, and nothing shows it: neither a link nor an "
                "artifact that is in use."
            )
            yield Finding(31, sentence, subject=f"provider:{one.id}")


CHECK = Check(
    31,
    "Equivalency without proof",
    Level.RISK,
    "Equivalency is as the DoD's policy defines it, and is shown by the provider's evidence "
    "(32 CFR 170.16(c)(2), 170.17(c)(5); our decision).",
    _look,
)
