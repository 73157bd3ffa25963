"""Opening what an address means: the store, and the place that backups go to and come from."""

from pathlib import Path, PurePosixPath

from sqlalchemy import Engine

from cmmc_tracker.domain.backups import instant_of
from cmmc_tracker.storage.addresses import Address, below
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.blobs_s3 import S3Blobs
from cmmc_tracker.storage.locks import locks_of
from cmmc_tracker.storage.places import FolderPlace, Place
from cmmc_tracker.storage.s3 import Objects
from cmmc_tracker.storage.s3_places import S3Place
from cmmc_tracker.storage.store import Blobs


def place_of(address: Address) -> tuple[Place, str]:
    """The place that an address of a backup, or of backups, means, and the backup's name where it names one."""
    if isinstance(address, Path):
        return _folder(address)
    name = PurePosixPath(address.prefix).name
    if instant_of(name) is not None:
        return S3Place(Objects(below(address))), name
    return S3Place(Objects(address)), ""


def store_of(address: Address, engine: Engine, data_dir: Path) -> Blobs:
    """The store that an address means.

    `data_dir` is where a store in a bucket keeps uploads under way. Raises `Misconfigured` for one that cannot be used.
    """
    if isinstance(address, Path):
        return FolderBlobs(address)
    folder = data_dir / "incoming"
    return S3Blobs(Objects(address), folder, locks_of(engine, folder / "locks"))


def _folder(path: Path) -> tuple[Place, str]:
    whole = path.resolve()
    if instant_of(whole.name) is not None and whole.is_dir():
        return FolderPlace(whole.parent), whole.name
    return FolderPlace(path), ""
