"""What every benchmark shares: timing ours and a peer in turn, medians, versions, device, and one way to print.

A benchmark hands over two functions that each do some work and return how many items they did (or, with
`quantity="seconds"`, return nothing that matters; or, with `quantity="value"`, return the measured number itself).

    from _harness import compare, main

    def comparisons() -> Iterator[Comparison]:
        yield compare("adds", ours, peer, peer_name="peer 1.2", unit="items/s", packages=("numpy",))

    if __name__ == "__main__":
        main(__doc__, comparisons)
"""

import argparse
import dataclasses
import importlib.metadata
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

Quantity = Literal["rate", "seconds", "value"]
Clock = Literal["wall", "cpu"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One row: medians of ours and the peer's, ratio > 1 where ours is better, and every run for the spread."""

    name: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    unit: str
    versions: dict[str, str]
    device: str
    ours_runs: list[float]
    peer_runs: list[float]
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the ratio reaches the target; None where no target was set."""
        return None if self.target is None else self.ratio >= self.target


def pin(cores: int = 1) -> None:
    """Keep this process on its first `cores` allowed cores, so that a neighbour's load moves it less."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def device() -> str:
    """Name the processor and how many of its cores this process may use, e.g. "Xeon ... (1 of 2 cores)"."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        name = next(lines, f": {name}").split(":", 1)[1].strip()
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name} ({allowed} of {os.cpu_count()} cores)"


def versions(packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and of the named distributions; "absent" for one that is not installed."""
    found = {"python": platform.python_version()}
    for package in ("algorism", *packages):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def measure(work: Callable[[], float | None], quantity: Quantity = "rate", clock: Clock = "wall") -> float:
    """Do `work` once: items per second, seconds, or the number it returns itself.

    `clock="cpu"` counts only this process's own processor time (all its threads together).
    """
    now = time.perf_counter if clock == "wall" else time.process_time
    start = now()
    result = work()
    seconds = now() - start
    if quantity == "seconds":
        return seconds
    if result is None:
        raise ValueError(f"measure: with quantity={quantity!r} the function must return a number, got None")
    return float(result) if quantity == "value" else float(result) / seconds


def compare(
    name: str,
    ours: Callable[[], float | None],
    peer: Callable[[], float | None],
    *,
    peer_name: str,
    unit: str,
    runs: int = 5,
    warmups: int = 1,
    quantity: Quantity = "rate",
    clock: Clock = "wall",
    more_is_better: bool | None = None,
    packages: Sequence[str] = (),
    where: str | None = None,
    target: float | None = None,
) -> Comparison:
    """Run ours and the peer in turn `runs` times after `warmups` unmeasured rounds, and compare the medians.

    Args:
        name: what is compared.
        ours: does the work; returns items done ("rate"), anything ("seconds") or the measured number ("value").
        peer: the same for the peer, on the same inputs.
        peer_name: the peer and how it was set.
        unit: of the printed numbers, e.g. "examples/s", "s", "MB".
        runs: measured rounds; each round runs ours, then the peer.
        warmups: rounds before them that are not measured.
        quantity: what a run yields: a rate, its seconds, or a value of its own.
        clock: "wall", or "cpu" for one-core work on a shared machine.
        more_is_better: default: yes for rates, no for seconds and values.
        packages: distributions whose versions matter for this row.
        where: the device; default: this machine's processor.
        target: the ratio promised, shown beside the ratio reached.
    """
    for _ in range(warmups):
        ours(), peer()
    ours_runs, peer_runs = [], []
    for _ in range(runs):
        ours_runs.append(measure(ours, quantity, clock))
        peer_runs.append(measure(peer, quantity, clock))
    mine, theirs = statistics.median(ours_runs), statistics.median(peer_runs)
    better_is_more = quantity == "rate" if more_is_better is None else more_is_better
    ratio = mine / theirs if better_is_more else theirs / mine
    return Comparison(
        name, mine, theirs, peer_name, ratio, unit, versions(packages), where or device(), ours_runs, peer_runs, target
    )


class Worker:
    """A function in a process of its own, so that what one side sets for its process never helps the other.

    Where a process happens to lie in memory can cost it a fifth of its speed for as long as it lives, so a new one
    is started now and then, and the median is over several.

    Args:
        make: a function of a module's top level; called once in the new process, returns the function to call.
        arguments: of `make`.
        renew: calls after which a new process takes over; None for never.
        warm_up: arguments of a first call in a new process, whose result is thrown away.
    """

    def __init__(
        self,
        make: Callable[..., Callable[..., Any]],
        *arguments: object,
        renew: int | None = None,
        warm_up: tuple[object, ...] | None = None,
    ) -> None:
        self.make, self.arguments, self.renew, self.warm_up = make, arguments, renew, warm_up
        self.start()

    def start(self) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.make, self.arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.calls = 0
        if self.warm_up is not None:
            self.ask(self.warm_up)

    def ask(self, arguments: tuple[object, ...]) -> Any:
        """Call the function over there and wait for its result."""
        self.pipe.send(arguments)
        return self.pipe.recv()

    def __call__(self, *arguments: object) -> Any:
        """Call the function, in a new process if it is time."""
        if self.calls == self.renew:
            self.stop()
            self.start()
        self.calls += 1
        return self.ask(arguments)

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.join()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _serve(pipe: Any, make: Callable[..., Callable[..., Any]], arguments: tuple[object, ...]) -> None:
    work = make(*arguments)
    while True:
        pipe.send(work(*pipe.recv()))


def to_json(rows: Sequence[Comparison]) -> str:
    """The rows as a JSON list: name, ours, peer, peer_name, ratio, unit, versions, device, every run, target."""
    return json.dumps([dataclasses.asdict(row) for row in rows], indent=2)


def print_table(title: str, rows: Sequence[Comparison]) -> None:
    """The rows as a table for people, with the spread of the runs and what they ran on."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=title)
    table.add_column("what", overflow="fold")
    for column in ("ours", "peer", "ratio", "target"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    table.add_column("peer name", overflow="fold")
    for row in rows:
        table.add_row(
            row.name,
            f"{_short(row.ours)} ({_short(min(row.ours_runs))}-{_short(max(row.ours_runs))})",
            f"{_short(row.peer)} ({_short(min(row.peer_runs))}-{_short(max(row.peer_runs))})",
            f"{row.ratio:.2f}x" if row.ratio < 100 else f"{row.ratio:.0f}x",
            "" if row.target is None else f"{row.target:g}x {'met' if row.met else 'missed'}",
            row.unit,
            row.peer_name,
        )
    console.print(table)
    if rows:
        merged = {package: version for row in rows for package, version in row.versions.items()}
        console.print("medians of runs made in turn (min-max); " + "; ".join(sorted({row.device for row in rows})))
        console.print(", ".join(f"{package} {version}" for package, version in merged.items()))


def main(title: str | None, comparisons: Callable[[], Iterable[Comparison]]) -> None:
    """Command line of a benchmark: a table, or with --json the list on standard output and nothing else there."""
    first = (title or "benchmark").strip().splitlines()[0]
    parser = argparse.ArgumentParser(description=title, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    as_json = parser.parse_args().json
    rows = []
    for row in comparisons():
        rows.append(row)
        print(f"measured: {row.name}", file=sys.stderr)
    if as_json:
        print(to_json(rows))
    else:
        print_table(first, rows)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"
