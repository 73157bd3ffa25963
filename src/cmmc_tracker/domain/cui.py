"""May controlled information (CUI) be stored here. Pure.

All systems share one database, one store, one search and one backup, so the installation decides; a system may only be
stricter.
"""

from cmmc_tracker.domain.settings import Preferences


def may_be_stored(rules: Preferences, *, never: bool) -> bool:
    """Whether CUI may be stored in a system: the installation allows it, and the system does not forbid it.

    `never` is what an administrator said of the system. Everything that asks, asks here.
    """
    return rules.cui_allowed and not never


def is_held_back(rules: Preferences, *, never: bool) -> bool:
    """Whether new evidence of a system that carries a marking waits in quarantine."""
    return rules.cui_quarantine and not may_be_stored(rules, never=never)
