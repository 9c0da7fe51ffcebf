"""How often the package's 95 % intervals hold the truth, in simulated data sets: the tables of docs/statistics.md.

python benchmarks/coverage.py                              # the page
python benchmarks/coverage.py --page docs/statistics.md    # written there; seeds are fixed, so it never changes
"""

import argparse
import sys
from pathlib import Path

from algorism.evaluation.coverage import CASES, Case, wilson_coverage
from algorism.evaluation.statistics import Interval
from algorism.files import write_text

REPEATS = 2000
HEAD = """# What the intervals do

Written by `benchmarks/coverage.py`. Every accuracy of this package comes with a 95 % interval. If the experiment
were made again and again, 95 of 100 such intervals should hold the truth. Here data sets with a known truth are
simulated, {repeats:,} of each kind, and counted; the simulation itself is good to about one point.
`algorism.evaluation.coverage` does the same for a sample size and an accuracy of your own.

## Which interval is used where
- **wilson**: right answers to different questions. The default.
- **bootstrap**: means of other scores. **paired**: two models on the same questions; much narrower than two intervals.
- **cluster bootstrap**: several samples of each problem. They agree with each other, so that problems are resampled.
- **pass@k**: the unbiased estimate of each problem, problems resampled.
- **seeds**: a way of training, from one accuracy per seed (Student's t); Wilson's where all seeds agree.
- **mean**: Student's t.

## Where the level is kept
"""
MIDDLE = """
## Where it is not
Counts are whole numbers, so that no interval for a proportion can have exactly 95 % everywhere. Wilson's swings
about it, and the swings are widest where fewer than a handful of errors are expected: for every n it dips to 84 %
where n·(1 - p) is 0.18, because a single error, once it is seen, lifts the whole interval off the truth. From n =
50, with at least 5 errors and 5 right answers expected, it stays between 93 and 97.5 %. Percentile bootstraps of
few or nearly equal outcomes are too narrow: a hundred right answers resample to a hundred right answers. The
interval over seeds believes in a bell curve; networks of which a few never learn follow none.

"""
EXACT = """
Wilson's coverage needs no simulation, it follows from the binomial distribution:

"""


def row(case: Case, found: Interval) -> str:
    """One line of a table."""
    return f"| {case.method} | {case.data} | {100 * found.value:.1f} % |"


def page(measured: list[tuple[Case, Interval]]) -> str:
    """The page."""
    head = "| interval | data sets | hold the truth |\n| --- | --- | ---: |\n"
    tables = [
        head + "\n".join(row(*pair) for pair in measured if pair[0].nominal == nominal) + "\n"
        for nominal in (True, False)
    ]
    chosen = ((10, 20, 50, 100, 200, 1000), (0.5, 0.7, 0.9, 0.95, 0.99, 0.998))
    exact = "| accuracy | " + " | ".join(f"n = {n}" for n in chosen[0]) + " |\n"
    exact += "| --- |" + " ---: |" * len(chosen[0]) + "\n"
    for p in chosen[1]:
        exact += f"| {p} | " + " | ".join(f"{100 * wilson_coverage(n, p):.1f} %" for n in chosen[0]) + " |\n"
    return HEAD.format(repeats=REPEATS) + tables[0] + MIDDLE + tables[1] + EXACT + exact


def main() -> None:
    """Simulate, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, help="file to write")
    given = parser.parse_args()
    text = page([(case, case.coverage(REPEATS)) for case in CASES])
    if given.page is None:
        sys.stdout.write(text)
    else:
        write_text(given.page, text)


if __name__ == "__main__":
    main()
