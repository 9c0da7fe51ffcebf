"""A coroutine run in a thread with an event loop of its own, and what it gives away yielded here, one by one.

The thread makes it work where a loop is running already (a notebook), and keeps requests going while the caller writes
answers to disk.
"""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Give = Callable[[T], None]
_PATIENCE = 10.0  # seconds for a cancelled coroutine to end; its thread does not keep the interpreter alive


@dataclass(frozen=True)
class _End:
    """The last thing in the queue."""

    error: BaseException | None


class _Stop:
    """Asks the coroutine to end, from another thread, at any time: before it began, while it runs, after it ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def attach(self) -> bool:
        """Called by the coroutine as it begins; False if it should not."""
        with self._lock:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            return not self._wanted

    def detach(self) -> None:
        """Called by the coroutine as it ends."""
        with self._lock:
            self._loop = self._task = None

    def set(self) -> None:
        """Called by the other thread."""
        with self._lock:
            self._wanted = True
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)


class Outcomes(Generic[T]):
    """Iterator over what `main` gives away.

    Args:
        main: gets a function that it calls with every outcome; what it raises is raised after the last one.

    >>> async def main(give):
    ...     give("a")
    ...     await asyncio.sleep(0)
    ...     give("b")
    >>> with Outcomes(main) as outcomes:
    ...     list(outcomes)
    ['a', 'b']
    """

    def __init__(self, main: Callable[[Give[T]], Awaitable[None]]) -> None:
        self._box: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._stop = _Stop()
        self._main = main
        self._thread = threading.Thread(target=self._run, name="algorism-endpoint", daemon=True)

    def __enter__(self) -> Iterator[T]:
        """Begin."""
        self._thread.start()
        return self._outcomes()

    def __exit__(self, *_: object) -> None:
        """Cancel what is still running and wait until it has ended."""
        self._stop.set()
        self._thread.join(_PATIENCE)

    def _outcomes(self) -> Iterator[T]:
        while not isinstance(got := self._box.get(), _End):
            yield got
        if got.error is not None:
            raise got.error

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.run(self._guarded())
        except BaseException as raised:  # everything is the other thread's to see
            error = raised
        self._box.put(_End(error))

    async def _guarded(self) -> None:
        try:
            if self._stop.attach():
                await self._main(self._box.put)
        finally:
            self._stop.detach()
