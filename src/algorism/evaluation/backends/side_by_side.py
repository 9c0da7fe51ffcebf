"""Several batches at once, one per thread; what each finds is given on as soon as it is there."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Job = TypeVar("Job")
Found = TypeVar("Found")


def side_by_side(work: Callable[[Job], Iterable[Found]], jobs: Sequence[Job], threads: int) -> Iterator[Found]:
    """Do all jobs, `threads` at a time, each with one thread of torch's own; yield what they give, in any order.

    Args:
        work: does one job, and yields what it finds.
        jobs: what to do.
        threads: 1 to do them one after another, with all of torch's threads.

    Whoever stops reading early waits until the jobs at work have found their next value; no other job is begun.

    Raises:
        Exception: whatever `work` raises; jobs that have not begun are then left undone.

    >>> sorted(side_by_side(lambda job: (job, 10 * job), [1, 2, 3], threads=2))
    [1, 2, 3, 10, 20, 30]
    """
    if threads == 1 or len(jobs) < 2:
        for job in jobs:
            yield from work(job)
        return
    given_up = threading.Event()
    results: queue.SimpleQueue[tuple[bool, Found | BaseException | None]] = queue.SimpleQueue()

    def one(job: Job) -> None:
        try:
            for value in work(job):
                results.put((False, value))
                if given_up.is_set():
                    return
        except BaseException as error:  # raised again where the results are read
            results.put((True, error))
        else:
            results.put((True, None))

    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for job in jobs:
            pool.submit(one, job)
        ended = 0
        while ended < len(jobs):
            last, value = results.get()
            ended += last
            if isinstance(value, BaseException):
                raise value
            if not last:
                yield value  # type: ignore[misc]
    finally:
        given_up.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)  # the pool's setting would be what later threads start with
