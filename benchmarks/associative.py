"""Glauber updates per second against a NumPy loop over spins, and the phase diagram's seconds.

N = 2,000 neurons, K = 100 patterns, orders 2 and 4. Both sides keep power sums and change them at each flip; before
anything is timed, both have to find the same stationary overlap with the pattern they start from. The loop that walks
all replicas at once is the strongest NumPy we know, and is shown without a target; so is our torch fallback, which
serves where numba is not installed.
"""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from _harness import Comparison, compare, main, pin
from algorism.associative import Couplings, archetypes, glauber, sample
from algorism.associative.compiled import available
from algorism.associative.theory import phase_diagram

NEURONS, PATTERNS, REPLICAS = 2_000, 100, 64
TEMPERATURE = {2: 0.5, 4: 0.8}  # retrieval, with a few percent of the spins against the pattern


def loop_over_spins(
    xi_nk: NDArray[np.float32],
    sigma_bn: NDArray[np.float32],
    order: int,
    temperature: float,
    sweeps: int,
    rng: np.random.Generator,
) -> None:
    """Sequential updates of σ in place, a spin at a time, for the chains given (all of them in every step)."""
    neurons, patterns = xi_nk.shape
    sums_bk = sigma_bn @ xi_nk
    chains = len(sigma_bn)
    for _ in range(sweeps):
        for i in rng.permutation(neurons):
            row_k, spin_b = xi_nk[i], sigma_bn[:, i]
            if order == 2:
                h_b = (sums_bk @ row_k - patterns * spin_b) / neurons
            else:  # entries are ±1: p_2 = N, p_3 = p_1
                q_bk = sums_bk - spin_b[:, None] * row_k
                h_b = ((q_bk * q_bk - (3 * (neurons - 1) - 2)) * q_bk) @ row_k * (2 / neurons**3)
            new_b = np.where(rng.random(chains) * (1 + np.exp(-2 * h_b / temperature)) < 1, 1.0, -1.0)
            change_b = (new_b - spin_b).astype(np.float32)
            if change_b.any():
                sums_bk += change_b[:, None] * row_k
                sigma_bn[:, i] = new_b


def loop_over_one_chain(
    xi_nk: NDArray[np.float32],
    sigma_n: NDArray[np.float32],
    order: int,
    temperature: float,
    sweeps: int,
    rng: np.random.Generator,
) -> None:
    """The same for one chain, with vectors where the other needs matrices: what most people write."""
    neurons, patterns = xi_nk.shape
    sums_k = sigma_n @ xi_nk
    for _ in range(sweeps):
        uniform_n = rng.random(size=(neurons,))
        for step, i in enumerate(rng.permutation(neurons)):
            row_k, spin = xi_nk[i], sigma_n[i]
            if order == 2:
                h = (row_k @ sums_k - patterns * spin) / neurons
            else:
                q_k = sums_k - spin * row_k
                h = ((q_k * q_k - (3 * (neurons - 1) - 2)) * q_k) @ row_k * (2 / neurons**3)
            new = 1.0 if uniform_n[step] * (1 + np.exp(-2 * h / temperature)) < 1 else -1.0
            if new != spin:
                sums_k += 2 * new * row_k
                sigma_n[i] = new


def same_overlaps(net: Couplings, xi_kn: NDArray[np.int8], order: int) -> None:
    """Refuse to time what does not agree."""
    ours = sample(net, np.repeat(xi_kn[:1], 16, 0), xi_kn[:1], TEMPERATURE[order], burn_in=10, sweeps=10).overlaps_bk
    xi_nk = np.ascontiguousarray(xi_kn.T, dtype=np.float32)
    for chains in (1, 16):
        sigma_bn = np.repeat(xi_kn[:1], chains, 0).astype(np.float32)
        rng, seen = np.random.default_rng(1), []
        for sweep in range(20):
            if chains == 1:
                loop_over_one_chain(xi_nk, sigma_bn[0], order, TEMPERATURE[order], 1, rng)
            else:
                loop_over_spins(xi_nk, sigma_bn, order, TEMPERATURE[order], 1, rng)
            if sweep >= 10:
                seen.append(sigma_bn @ xi_kn[0] / NEURONS)
        theirs = float(np.mean(seen))
        error = np.sqrt((ours.var() + np.array(seen).std(0).max() ** 2) / chains)
        if abs(ours.mean() - theirs) > 4 * error:
            raise AssertionError(f"order {order}: overlaps {ours.mean():.4f} and {theirs:.4f} ± {error:.4f}.")


def comparisons() -> Iterator[Comparison]:
    """Measure both orders, one thread on both sides."""
    pin()
    torch.set_num_threads(1)
    for order, temperature in TEMPERATURE.items():
        xi_kn = archetypes(NEURONS, PATTERNS, seed=1)
        xi_nk = np.ascontiguousarray(xi_kn.T, dtype=np.float32)
        net = Couplings(xi_kn, order)
        same_overlaps(net, xi_kn, order)
        start_bn = np.repeat(xi_kn[:1], REPLICAS, 0)

        def ours(backend: str, sweeps: int, net: Couplings = net, start=start_bn, t: float = temperature) -> float:  # type: ignore[no-untyped-def]
            glauber(net, start, t, sweeps, backend=backend)  # type: ignore[arg-type]
            return float(sweeps * start.size)

        def one_chain(order: int = order, t: float = temperature, xi_nk=xi_nk, xi_kn=xi_kn) -> float:  # type: ignore[no-untyped-def]
            loop_over_one_chain(xi_nk, xi_kn[0].astype(np.float32), order, t, 4, np.random.default_rng(2))
            return 4.0 * NEURONS

        def all_chains(order: int = order, t: float = temperature, xi_nk=xi_nk, start=start_bn) -> float:  # type: ignore[no-untyped-def]
            loop_over_spins(xi_nk, start.astype(np.float32), order, t, 1, np.random.default_rng(2))
            return float(start.size)

        backends = ("compiled", "torch") if available() else ("torch",)
        for backend in backends:
            sweeps = 20 if backend == "compiled" else 2
            for peer, name, goal in (
                (one_chain, "NumPy loop over spins", 20.0 if backend == backends[0] else None),
                (all_chains, f"NumPy loop over spins, {REPLICAS} chains a step", None),
            ):
                yield compare(
                    f"P = {order}, {REPLICAS} replicas, {backend}",
                    lambda backend=backend, sweeps=sweeps: ours(backend, sweeps),  # type: ignore[misc]
                    peer,
                    peer_name=name,
                    unit="updates/s",
                    packages=("torch", "numpy", "numba"),
                    target=goal,
                )

    yield phase_diagram_of_3600()


def phase_diagram_of_3600() -> Comparison:
    """Seconds of a diagram of 60 × 60 points, P = 4, beside the minute it is allowed."""
    loads, temperatures = np.linspace(0.0, 0.6, 60), np.linspace(0.05, 1.2, 60)

    def seconds() -> float:
        start = time.perf_counter()
        phase_diagram(4, 0.1, loads, temperatures)
        return time.perf_counter() - start

    return compare(
        "phase diagram, P = 4, 60 × 60 points",
        seconds,
        lambda: 60.0,
        peer_name="the time allowed",
        unit="s",
        quantity="value",
        runs=3,
        warmups=0,
        packages=("numpy", "scipy"),
        target=1.0,
    )


if __name__ == "__main__":
    main(__doc__, comparisons)
