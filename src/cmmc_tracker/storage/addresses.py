"""How stores and places of backups are written down: a folder, or `s3://bucket/prefix`."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmmc_tracker.errors import Conflict, Invalid

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/-]{0,500}", re.ASCII)  # what needs no escaping in any tool


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of a bucket: everything whose key begins with `prefix`, which is empty or ends with a slash."""

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    def overlaps(self, other: "Bucket") -> bool:
        """Whether one of the two holds the other."""
        same = self.name == other.name
        return same and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))


Address = Path | Bucket


def parse(text: str) -> Address:
    """A folder, absolute, or a bucket; raises `ValueError` with what is wrong, for a message that names whose it is."""
    if "\0" in text:
        raise ValueError("it must be a folder, or s3://bucket/prefix")
    if "://" not in text:
        return Path(text).absolute()
    scheme, _, rest = text.partition("://")
    name, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if scheme != "s3" or not _BUCKET.fullmatch(name) or not _PREFIX.fullmatch(prefix):
        raise ValueError("it must be a folder, or s3://bucket/prefix")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise ValueError("its prefix has a part that is empty, . or ..")
    return Bucket(name, f"{prefix}/" if prefix else "")


def place(text: str) -> Address:
    """Where backups go or come from; raises `Invalid`."""
    try:
        return parse(text)
    except ValueError as error:
        raise Invalid({"place": f"{text[:200]} cannot be used for backups: {error}."}) from None


def below(address: Bucket) -> Bucket:
    """The part of a bucket that holds what the last name of an address names."""
    parent = str(PurePosixPath(address.prefix).parent)
    return Bucket(address.name, "" if parent == "." else f"{parent}/")


def refuse_own_store(place: Address, store: Address) -> None:
    """Raise `Conflict` for a place of backups in the store, or around it: a backup there would be lost with it."""
    if isinstance(place, Bucket) and isinstance(store, Bucket):
        nested = place.overlaps(store)
    elif isinstance(place, Path) and isinstance(store, Path):
        nested = same_or_inside(place, store)
    else:
        nested = False
    if nested:
        raise Conflict(f"{place} and the store {store} lie in each other; name another place. Nothing was done.")


def same_or_inside(one: Path, other: Path) -> bool:
    """Whether one of two folders is the other, or lies in it."""
    a, b = one.resolve(), other.resolve()
    return a.is_relative_to(b) or b.is_relative_to(a)
