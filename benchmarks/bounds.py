"""How near two of our benchmarks come to what this machine can do at all: the matrix products alone, nothing else.

The peer's column is a loop over the products that the work cannot do without, of the same sizes, in float32, on both
cores, with inputs that lie ready: no attention, no norm, no loss, no optimiser. A ratio of 0.7 says that seven tenths
of the machine's time would go into those products even if all the rest were free; no ratio can exceed 1.

- *Eight seeds* of `recipes/add3.yaml` (2 layers of width 64, 192 sums of 13 tokens, the last layer where loss is),
  forward and backward, one network per core: `training.py` compares them with one network after another.
- *Greedy decoding* of 512 prompts of 12 tokens, 8 new each, by 4 layers of width 128: `generation.py` compares it with
  `generate`.
"""

import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import generation
from _harness import Comparison, Worker, compare, main
from algorism.evaluation.decoding import generate
from training import SEED_STEPS, SEEDS, seeds_of_add3

SUMS, TOKENS, ANSWER = 192, 13, 5  # a sum's places, and those of its answer and the end


def only_products(steps: int) -> None:
    """Forward and backward products of one network of the recipe."""
    width, rows, few = 64, SUMS * TOKENS, SUMS * ANSWER
    # (rows, in, out); of the last layer, keys and values everywhere, all else where the loss looks
    shapes = [(rows, width, 3 * width), (rows, width, width), (rows, width, 4 * width), (rows, 4 * width, width)]
    shapes += [(rows, width, 2 * width), (few, width, width), (few, width, width)]
    shapes += [(few, width, 4 * width), (few, 4 * width, width)]
    inputs = [torch.randn(n, i) for n, i, _ in shapes]
    weights = [torch.randn(i, o) for _, i, o in shapes]
    gradients = [torch.randn(n, o) for n, _, o in shapes]
    for _ in range(steps):
        for x, w, g in zip(inputs, weights, gradients, strict=True):
            torch.mm(x, w)
            torch.mm(g, w.T)
            torch.mm(x.T, g)


def products_of_seeds() -> Callable[[], float]:
    """Steps per second of eight networks' products, two at a time."""
    torch.set_num_threads(1)

    def rate() -> float:
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(only_products, [SEED_STEPS] * SEEDS))
        return SEEDS * SEED_STEPS / (time.perf_counter() - start)

    return rate


def products_of_decoding(width: int = 128, layers: int = 4) -> Callable[[], float]:
    """The products of all prompts at once and of every further token; returns the number of new tokens."""
    sizes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    weights = [torch.randn(i, o) for _ in range(layers) for i, o in sizes]
    steps = (generation.PROMPTS * generation.LENGTH, *[generation.PROMPTS] * (generation.NEW - 1))
    inputs = {(rows, i): torch.randn(rows, i) for rows in set(steps) for i in (width, 4 * width)}

    def work() -> float:
        for rows in steps:
            for w in weights:
                torch.mm(inputs[rows, w.shape[0]], w)
        return generation.PROMPTS * generation.NEW

    return work


def comparisons() -> Iterator[Comparison]:
    """Both works against their products."""
    with Worker(seeds_of_add3) as ours, Worker(products_of_seeds) as bound:
        yield compare(
            f"{SEEDS} seeds of width 64, together",
            functools.partial(ours, "together"),
            bound,
            peer_name="the matrix products alone",
            unit="steps/s",
            runs=7,
            quantity="value",
            more_is_better=True,
            packages=("torch",),
        )
    torch.set_num_threads(2)
    model, _ = generation.shared_weights()
    prompts = list(np.random.default_rng(0).integers(0, 16, (generation.PROMPTS, generation.LENGTH)))

    def decode() -> float:
        return np.stack(generate(model, prompts, max_new=generation.NEW, batch=generation.PROMPTS)).size

    with torch.inference_mode():
        yield compare(
            f"greedy, {generation.PROMPTS} prompts at once",
            decode,
            products_of_decoding(),
            peer_name="the matrix products alone",
            unit="new tokens/s",
            runs=9,
            warmups=2,
            packages=("torch",),
        )


if __name__ == "__main__":
    main(__doc__, comparisons)
