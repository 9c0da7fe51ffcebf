"""Keep freed memory for the next step of a loop, instead of giving it back to the system after each.

A training step frees and asks again for the same few hundred megabytes. The C library returns large blocks to the
system at once, which must then hand out zeroed pages anew: a quarter of a small model's training step on a CPU.
"""

import contextlib
import ctypes
import sys
import threading
from collections.abc import Iterator

# Names of `mallopt` in glibc's malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
LARGEST_MMAP_THRESHOLD = 32 << 20  # where glibc's own adjustment ends up once a program has freed large blocks
_lock = threading.Lock()
_inside = 0


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed inside until the end, then give it back. Does nothing where the C library is not glibc.

    >>> with freed_memory_kept():
    ...     pass
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            libc.mallopt(MMAP_MAX, 0)
            libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                libc.mallopt(MMAP_MAX, 65536)
                libc.mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
                libc.mallopt(TRIM_THRESHOLD, 2 * LARGEST_MMAP_THRESHOLD)
                libc.malloc_trim(0)


def give_back() -> None:
    """Give freed memory back to the system now, between two parts of a task that need much of it for a short time."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    known = hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")
    return libc if known else None
