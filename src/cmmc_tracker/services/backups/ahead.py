"""Many contents in several threads: hashing and the disk let the others run. Results come in the contents' order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 4
_WAITING = 2 * THREADS  # batches that are begun ahead of the one whose result is taken, at most
_MOST_BYTES = 16 * 1_048_576
Content = tuple[str, int]  # its hash, and its bytes
Batch = list[Content]
_T = TypeVar("_T")


def batches(contents: Iterable[Content], most: int) -> Iterator[Batch]:
    """Contents some together: `most`, and not so many bytes that one thread has all the work."""
    batch: Batch = []
    total = 0
    for sha256, size in contents:
        batch.append((sha256, size))
        total += size
        if len(batch) == most or total >= _MOST_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def done(act: Callable[[Batch], _T], contents: Iterable[Content], most: int = 32) -> Iterator[tuple[Batch, _T]]:
    """What `act` says of each batch of the contents. What it raises stops the whole: nothing more is begun then.

    `most` is how many contents a batch has at most: as many as are open or locked at once by each thread.
    """
    waiting: deque[tuple[Batch, Future[_T]]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for batch in batches(contents, most):
                waiting.append((batch, pool.submit(act, batch)))
                if len(waiting) > _WAITING:
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
        finally:
            for _, future in waiting:
                future.cancel()


def _first(waiting: deque[tuple[Batch, Future[_T]]]) -> tuple[Batch, _T]:
    batch, future = waiting.popleft()
    return batch, future.result()
