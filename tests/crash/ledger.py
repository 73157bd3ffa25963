"""What was sent, what was acknowledged, and what was under way when everything died."""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sent:
    """A file that became an artifact."""

    sha256: str
    size: int


@dataclass
class Archive:
    """An archive that the server took in: the hashes of its files, and what it said of the import."""

    members: frozenset[str]
    done: bool = False
    kept: bool = False  # every file, by a turn that a kill cut short before it could say that it is done

    @property
    def is_open(self) -> bool:
        """Whether there is anything left to choose."""
        return not (self.done or self.kept)


@dataclass
class Register:
    """A register that says of every artifact of `Ledger.registered` that it is `said`."""

    said: str
    done: bool = False


@dataclass
class Ledger:
    """What the drill knows. Artifacts and imports go by the numbers that the server gave them."""

    uploads: dict[int, Sent] = field(default_factory=dict)
    attempted: set[str] = field(default_factory=set)  # every content that was ever sent
    small: list[bytes] = field(default_factory=list)  # contents that may come a second time
    judged: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)  # objective -> (version, note)
    deleting: set[int] = field(default_factory=set)  # artifacts that somebody asked to put into the trash
    deleted: set[int] = field(default_factory=set)  # and those that are surely there
    archives: dict[int, Archive] = field(default_factory=dict)
    registered: dict[int, Sent] = field(default_factory=dict)  # artifacts that nothing but registers changes
    registers: dict[int, Register] = field(default_factory=dict)  # confirmed one after the other
    frozen: dict[int, str] = field(default_factory=dict)  # packages that were acknowledged -> hash of their manifest
    lock: threading.Lock = field(default_factory=threading.Lock)
    register_turn: threading.Lock = field(default_factory=threading.Lock)
