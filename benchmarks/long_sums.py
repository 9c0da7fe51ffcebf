"""Sums of 1,000 and 10,000 digits: greedy decoding within a band of 32 against decoding without one.

The network is the recipe `add-long`, trained first (a minute or so). Times are of `generate` alone, reading of
the prompts included; float32, two threads. 100 sums of 1,000 digits: the same problems with and without a band, and
every answer must be the same, or it stops. 10 sums of 10,000 digits take minutes without a band, so the peer there is
the same network within the same band on 10 sums of 1,000 digits: how much of its speed is left at ten times the length.
"""

import functools
from collections.abc import Iterator
from pathlib import Path

import torch

from _harness import Comparison, compare, main
from algorism.evaluation import evaluate
from algorism.evaluation.asking import Evaluation
from algorism.tasks import Task
from algorism.training import load_recipe, train

RECIPE = Path(__file__).parents[1] / "recipes" / "add-long.yaml"
BAND = 32


def comparisons() -> Iterator[Comparison]:
    """Ask 100 sums of 1,000 digits with and without the band, and 10 of 10,000 and of 1,000 within it."""
    torch.set_num_threads(2)
    run = train(load_recipe(RECIPE))
    m = run.material

    def ask(digits: int, n: int, band: int | None) -> Evaluation:
        problems = Task("+", digits=(digits, digits)).sample(n, seed=1)
        return evaluate(run.model, m.format, m.tokenizer, problems, indexing=m.indexing, band=band)

    seen: dict[int | None, list[str]] = {}

    def seconds(band: int | None) -> float:
        found = ask(1_000, 100, band)
        seen[band] = found.completions
        if len(seen) == 2 and seen[BAND] != seen[None]:
            differing = sum(a != b for a, b in zip(seen[BAND], seen[None], strict=True))
            raise SystemExit(f"{differing} of 100 answers differ with and without a band of {BAND}")
        return found.seconds

    def rate(digits: int) -> float:
        found = ask(digits, 10, BAND)
        return sum(map(len, found.completions)) / found.seconds

    yield compare(
        f"100 sums of 1,000 digits, band {BAND}",
        functools.partial(seconds, BAND),
        functools.partial(seconds, None),
        peer_name="the same without a band",
        unit="s",
        runs=3,
        warmups=0,
        quantity="value",
        packages=("torch",),
        target=5.0,
    )
    yield compare(
        f"10 sums of 10,000 digits, band {BAND}",
        functools.partial(rate, 10_000),
        functools.partial(rate, 1_000),
        peer_name="10 sums of 1,000 digits, the same band",
        unit="characters/s",
        runs=3,
        quantity="value",
        more_is_better=True,
        packages=("torch",),
        target=0.75,
    )


if __name__ == "__main__":
    main(__doc__, comparisons)
