"""Seconds and memory of the L-Mul matrix product on one thread: against the broadcast emulation and `torch.matmul`.

The naive peer is what L-Mul scripts do: all m · k · n sums of bit patterns at once, signs apart, then a sum over k. It
ignores zeros and results out of range, which ours gets right. "wrap-around" lets the sign bits add up, which is twice
as fast. Rows without a target show the slower cases: operands with zeros, without Numba, few bits by ordinary products.
Ratios against `torch.matmul` are below 1: L-Mul on a processor with a multiplier is always slower.
"""

import ctypes
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from _harness import Comparison, Worker, compare, main
from algorism.lowbit.lmul import FORMATS, LMulSpec, matmul

OFFSET = LMulSpec().offset_of(FORMATS["float32"])
NO_SIGN = 0x7FFFFFFF


def naive(a: Tensor, b: Tensor) -> Tensor:
    """All products at once, signs apart."""
    x, y = a.view(torch.int32)[:, :, None], b.view(torch.int32)[None]
    size = (x & NO_SIGN) + ((y & NO_SIGN) - OFFSET)
    return (size | ((x ^ y) & ~NO_SIGN)).view(torch.float32).sum(1)


def naive_wrapping(a: Tensor, b: Tensor) -> Tensor:
    """All products at once; the sum of the sign bits is their exclusive or."""
    return (a.view(torch.int32)[:, :, None] + (b.view(torch.int32)[None] - OFFSET)).view(torch.float32).sum(1)


PRODUCTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ours": matmul,
    "ours, torch": functools.partial(matmul, method="torch"),
    "naive": naive,
    "wrap-around": naive_wrapping,
}


def matrices(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two Gaussian matrices."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, n, generator=generator), torch.randn(n, n, generator=generator)


def check(n: int) -> None:
    """Ours equals the definition summed in order; and the naive sum to the bit where no sum is rounded."""
    a, b = matrices(n)
    ours = matmul(a, b)
    assert torch.equal(ours, matmul(a, b, method="reference")), "not the sum of its definition"
    assert (ours - naive(a, b)).abs().max() < 1e-5 * n, "further from the naive sum than rounding explains"
    a, b = (matrix.sign() * (1 + torch.rand(n, n)).bfloat16().float() for matrix in (a, b))
    assert torch.equal(matmul(a, b), naive(a, b)), "not the naive sum where that is exact"


def peak_meter(name: str) -> Callable[[int], float]:
    """In a process of its own: MB that a product adds to what the process holds, at its highest (Linux with glibc)."""
    torch.set_num_threads(1)
    multiply = PRODUCTS[name]
    multiply(*matrices(64))  # compiled, libraries loaded

    def measure(n: int) -> float:
        a, b = matrices(n)
        ctypes.CDLL(None).malloc_trim(0)  # memory freed earlier is given back, so that using it again counts
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        multiply(a, b)
        return max(status("VmHWM") - before, 4) / 1024

    return measure


def status(field: str) -> int:
    """A line of this process's status on Linux, in KiB."""
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def comparisons() -> Iterator[Comparison]:
    """Measure at 256³ and 512³."""
    torch.set_num_threads(1)
    for n in (256, 512):
        check(n)
        yield from seconds(n)
        with Worker(peak_meter, "ours") as ours, Worker(peak_meter, "naive") as peer:
            yield compare(
                f"{n}³, memory",
                functools.partial(ours, n),
                functools.partial(peer, n),
                peer_name="naive",
                unit="MB",
                quantity="value",
                target=50,
                packages=("torch", "numba"),
            )


def seconds(n: int) -> Iterator[Comparison]:
    """Time the products of one size."""
    a, b = matrices(n)
    zeros = a.relu()
    zeros_right = torch.where(b > 1.5, 0.0, b)

    def row(what: str, ours: Callable[[], Any], peer: Callable[[], Any], name: str, target: float | None) -> Comparison:
        settings: dict[str, Any] = {"quantity": "seconds", "clock": "cpu", "unit": "s", "packages": ("torch", "numba")}
        runs = 5 if "naive" in name else 25
        return compare(f"{n}³, {what}", ours, peer, peer_name=name, target=target, runs=runs, **settings)

    yield row("L-Mul", lambda: matmul(a, b), lambda: naive(a, b), "naive", 80)
    yield row("L-Mul", lambda: matmul(a, b), lambda: naive_wrapping(a, b), "naive, wrap-around", None)
    plain = "torch.matmul"
    yield row("L-Mul", lambda: matmul(a, b), lambda: a @ b, plain, 1 / 6)
    yield row("zeros on the left", lambda: matmul(zeros, b), lambda: zeros @ b, plain, 1 / 6)
    yield row("zeros on both sides", lambda: matmul(zeros, zeros_right), lambda: zeros @ zeros_right, plain, None)
    yield row("4 bits", lambda: matmul(a, b, bits=4), lambda: a @ b, plain, 1 / 6)
    yield row("without Numba", lambda: matmul(a, b, method="torch"), lambda: naive(a, b), "naive", None)
    yield row("without Numba", lambda: matmul(a, b, method="torch"), lambda: a @ b, plain, None)
    yield row("without Numba, zeros", lambda: matmul(zeros, zeros_right, method="torch"), lambda: a @ b, plain, None)
    for bits in (1, 2, 4):
        gemm = functools.partial(matmul, a, b, bits=bits, method="gemm")
        yield row(f"{bits} bits by ordinary products", gemm, lambda: a @ b, plain, None)


if __name__ == "__main__":
    main(__doc__, comparisons)
