"""Which request is sent when: how many at a time, what is tried again, how long is waited.

Knows neither network nor clock: `now` is what the caller says, in seconds, on a clock that never goes back.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from algorism.errors import UsageError
from algorism.evaluation.backends.endpoint.verdicts import Answered, Faulty, Hopeless, Refused, Verdict

_FIRST_WINDOW = 4
_TRIES_TO_REACH = 3  # of a server that never answered anything: a wrong address is to be noticed soon
_REFUSED_ALIKE = 10  # requests refused with the same words before any was answered
_LOST_IN_A_ROW = 10  # requests that used up their attempts on a server that is down or overloaded


@dataclass(frozen=True, slots=True)
class Pace:
    """The bounds within which requests are sent.

    Args:
        concurrency: most requests in flight.
        attempts: most times that one request is sent.
        first_wait: seconds before the second attempt; doubled before each further one.
        longest_wait: where the doubling ends, in seconds.
        patience: longest wait that a server may ask for, in seconds; the run stops if it asks for more.

    Raises:
        UsageError: numbers out of range.
    """

    concurrency: int = 16
    attempts: int = 8
    first_wait: float = 0.5
    longest_wait: float = 60.0
    patience: float = 600.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.concurrency < 1 or self.attempts < 1:
            raise UsageError(
                f"Expected concurrency and attempts of at least 1, got {self.concurrency} and {self.attempts}."
            )
        if not 0 < self.first_wait <= self.longest_wait or not self.patience >= 0:
            raise UsageError(
                "Expected 0 < first_wait <= longest_wait and patience >= 0, got "
                f"{self.first_wait}, {self.longest_wait} and {self.patience} seconds."
            )

    def back_off(self, name: object, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th try of a request: the same whenever it is asked for.

        Exponential, with jitter over the upper half, so that requests which failed together come back apart.

        >>> 0.5 <= Pace(first_wait=0.5).back_off("a", 2) == Pace(first_wait=0.5).back_off("a", 2) <= 1.0
        True
        """
        full = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt - 1, 64))
        return full * random.Random(f"wait {name!r} {attempt}").uniform(0.5, 1.0)


class Window:
    """How many requests may be in flight: grows with every answer, is halved by overload, as TCP's window (RFC 5681).

    Args:
        largest: which it never exceeds.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self._size = float(min(_FIRST_WINDOW, largest))
        self._turning = float("inf")  # from here on it grows by one a round instead of doubling
        self._shrunk_at = float("-inf")

    @property
    def limit(self) -> int:
        """Requests that may be in flight, at least 1."""
        return int(self._size)

    def grow(self) -> None:
        """After an answer."""
        step = 1.0 if self._size < self._turning else 1.0 / self._size
        self._size = min(float(self.largest), self._size + step)

    def shrink(self, sent: float, now: float) -> None:
        """After an overload met by a request that was sent at `sent`.

        Requests sent before the last halving met the same overload: they do not halve again.
        """
        if sent < self._shrunk_at:
            return
        self._size = self._turning = max(1.0, self._size / 2)
        self._shrunk_at = now


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to send a request now.

    Args:
        index: of the request.
        attempt: 1 for the first.
        sent: when.
    """

    index: int
    attempt: int
    sent: float


class Dispatch:
    """The state of a run: what waits, what is in flight, what is done.

    Args:
        names: one for each request; they seed its back-off.
        pace: the bounds.

    >>> run = Dispatch(["a"], Pace())
    >>> first = run.start(now=0.0)
    >>> run.end(first, Faulty("busy", "overload", wait=7.0), now=1.0), run.wait(now=1.0), run.start(now=7.9)
    (None, 7.0, None)
    >>> run.end(run.start(now=8.0), Answered("2"), now=9.0), run.finished
    (Answered(text='2', finish='stop', tokens=None), True)
    """

    def __init__(self, names: Sequence[object], pace: Pace) -> None:
        self.pace = pace
        self.window = Window(pace.concurrency)
        self.in_flight = 0
        self._names = names
        self._fresh = 0  # requests from here on have never been sent
        self._retries: list[tuple[float, int, int]] = []  # heap of (not before, index, attempts made)
        self._closed_until = float("-inf")
        self._reached = self._answered = False
        self._refusals: list[str] = []
        self._lost_in_a_row = 0

    @property
    def finished(self) -> bool:
        """Whether every request has its outcome."""
        return not self.in_flight and not self._retries and self._fresh == len(self._names)

    def start(self, now: float) -> Ticket | None:
        """The request to be sent now, or None if none may be."""
        if self.in_flight >= self.window.limit or now < self._closed_until:
            return None
        if self._retries and self._retries[0][0] <= now:
            _, index, attempts = heapq.heappop(self._retries)
        elif self._fresh < len(self._names):
            index, attempts = self._fresh, 0
            self._fresh += 1
        else:
            return None
        self.in_flight += 1
        return Ticket(index, attempts + 1, now)

    def wait(self, now: float) -> float | None:
        """Seconds until `start` may give something; None if that depends on what is in flight."""
        if self.in_flight >= self.window.limit:
            return None
        if self._fresh < len(self._names):
            ready = self._closed_until
        elif self._retries:
            ready = max(self._closed_until, self._retries[0][0])
        else:
            return None
        return max(0.0, ready - now)

    def end(self, ticket: Ticket, verdict: Verdict, now: float) -> Answered | Refused | None:
        """Take what an attempt came to.

        Returns:
            The request's outcome, or None if it will be sent again.

        Raises:
            UsageError: no request can be expected to succeed.
        """
        self.in_flight -= 1
        if isinstance(verdict, Hopeless):
            raise UsageError(verdict.reason)
        if isinstance(verdict, Faulty):
            return self._fault(ticket, verdict, now)
        self._reached = True
        self._lost_in_a_row = 0
        if isinstance(verdict, Answered):
            self._answered = True
            self.window.grow()
        elif not self._answered and not verdict.own:
            self._refusals.append(verdict.reason)
            if len(self._refusals) >= _REFUSED_ALIKE and len(set(self._refusals)) == 1:
                raise UsageError(f"The first {_REFUSED_ALIKE} requests were all refused alike: {verdict.reason}")
        return verdict

    def _fault(self, ticket: Ticket, fault: Faulty, now: float) -> Refused | None:
        self._reached |= fault.trouble != "unreachable"
        if not self._reached and ticket.attempt >= min(_TRIES_TO_REACH, self.pace.attempts):
            raise UsageError(f"{fault.reason}. Is the server running, and is its address right?")
        if fault.wait > self.pace.patience:
            raise UsageError(
                f"{fault.reason}. The server asks to wait {fault.wait:.0f} s, more than "
                f"patience={self.pace.patience:g}; run the same later."
            )
        if fault.trouble == "overload":
            self.window.shrink(ticket.sent, now)
            if fault.wait > 0:  # what a server asks of one request holds for all: they share its limit
                self._closed_until = max(self._closed_until, now + fault.wait)
        if ticket.attempt < self.pace.attempts:
            back_off = self.pace.back_off(self._names[ticket.index], ticket.attempt)
            heapq.heappush(self._retries, (now + max(back_off, fault.wait), ticket.index, ticket.attempt))
            return None
        if fault.trouble != "fault":
            self._lost_in_a_row += 1
            if self._lost_in_a_row >= _LOST_IN_A_ROW:
                raise UsageError(
                    f"The last {_LOST_IN_A_ROW} requests all failed, after {ticket.attempt} attempts each; at last: "
                    f"{fault.reason}. Run the same when the server is well again."
                )
        return Refused(fault.reason)
