"""Count where L-Mul differs from its formula: random bfloat16 pairs by the hundred million, and every special pair.

    python benchmarks/lmul_exact.py --pairs 100000000

The other side is `tests/_lmul_reference.py`, which works on values in float64 and adds no bit patterns. Special pairs
are all 65,536 patterns with each that lies within 4 of an edge: zero, the ends of the subnormal and the normal range,
infinity, NaN, powers of two, carries; of either sign.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from algorism.lowbit.lmul import FORMATS, from_patterns, multiply

BLOCK = 1_000_000
EDGES = (0x0000, 0x0080, 0x0100, 0x1FBC, 0x2000, 0x3F80, 0x3FBC, 0x4000, 0x5F80, 0x7F00, 0x7F80, 0x7FC0, 0x7FFF)


def load_reference() -> Any:
    """The formula on values, from the tests."""
    path = Path(__file__).parents[1] / "tests" / "_lmul_reference.py"
    spec = importlib.util.spec_from_file_location("_lmul_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def differing(reference: Any, x: np.ndarray, y: np.ndarray) -> int:
    """How many pairs of patterns give another product than the formula; shapes broadcast."""
    a, b = (from_patterns(torch.from_numpy(pattern), FORMATS["bfloat16"]) for pattern in (x, y))
    expected = reference.by_values(a.double().numpy(), b.double().numpy(), "bfloat16")
    return int(reference.mismatches(multiply(a, b).double().numpy(), expected))


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000_000, help="random pairs")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    reference, start = load_reference(), time.perf_counter()
    every = np.arange(1 << 16)
    edges = {edge + step for edge in EDGES for step in range(-4, 5)}
    specials = np.array(sorted(edge | sign for edge in edges if 0 <= edge < 1 << 15 for sign in (0, 1 << 15)))
    wrong = sum(differing(reference, every[:, None], some) for some in np.array_split(specials, len(specials) // 12))
    print(f"{len(every) * len(specials):,} pairs with a special number: {wrong} differ", flush=True)
    rng, wrong = np.random.default_rng(told.seed), 0
    for done in range(0, told.pairs, BLOCK):
        wrong += differing(reference, *rng.integers(0, 1 << 16, (2, min(BLOCK, told.pairs - done))))
    print(f"{told.pairs:,} random pairs (seed {told.seed}): {wrong} differ; {time.perf_counter() - start:.0f} s")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
