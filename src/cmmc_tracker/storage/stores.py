"""Opening what an address means: the place that backups go to and come from."""

from pathlib import Path

from cmmc_tracker.domain.backups import instant_of
from cmmc_tracker.errors import Conflict
from cmmc_tracker.storage.addresses import Address, Bucket
from cmmc_tracker.storage.places import FolderPlace, Place


def place_of(address: Address) -> tuple[Place, str]:
    """The place that an address of a backup, or of backups, means, and the backup's name where it names one."""
    if isinstance(address, Bucket):
        raise Conflict(f"{address}: this version keeps backups in folders. Nothing was done.")
    return _folder(address)


def _folder(path: Path) -> tuple[Place, str]:
    whole = path.resolve()
    if instant_of(whole.name) is not None and whole.is_dir():
        return FolderPlace(whole.parent), whole.name
    return FolderPlace(path), ""
