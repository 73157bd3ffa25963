"""Codes that people type or say aloud: sixteen random letters and digits in fours, kept as a hash only."""

import secrets

from cmmc_tracker.services import sessions

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else


def made() -> str:
    """A new code of 79 random bits, such as `k3mp-x7qa-9ts4-bwhe`."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def hashed(owner: int | str, code: str) -> str:
    """What the database keeps of somebody's code, however it is typed; 79 random bits need no slow hash."""
    typed = "".join(character for character in code[:200].lower() if character in _ALPHABET)
    return sessions.token_hash(f"{owner}:{typed}")
