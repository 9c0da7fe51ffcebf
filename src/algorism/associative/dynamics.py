"""Monte Carlo of associative networks: heat-bath (Glauber) updates, many replicas at once, at any temperature.

*Sequential* updates visit every neuron once a sweep in a fresh random order, and sample exp(−H/T). *Parallel* ones
renew all neurons from the same fields: right at low load, where fields hardly depend on single neurons, but with many
patterns they may alternate between two states.

Shape letters: b replica, k pattern, n neuron.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from algorism.errors import UsageError, nearest

from . import compiled
from .checks import checked_count, checked_rows, checked_temperatures, require_memory
from .couplings import Couplings
from .sweeps import sweeper

Update = Literal["sequential", "parallel"]
Backend = Literal["auto", "torch", "compiled"]
_ZERO = 4e-7  # of the largest field: what single precision cannot tell from a tie


def glauber(
    net: Couplings,
    sigma_bn: Tensor | ArrayLike,
    temperature: float | Sequence[float] | NDArray[Any] = 0.0,
    sweeps: int = 1,
    *,
    update: Update = "sequential",
    seed: int = 0,
    observe: Callable[[Tensor], None] | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """Run the dynamics: each new spin is +1 with probability 1/(1 + e^{−2h/T}); at T = 0 its sign, ties at random.

    Args:
        net: the couplings.
        sigma_bn: starting states of −1 and +1, one for each replica.
        temperature: T = 1/β of exp(−H/T), or one for each sweep (`annealing`).
        sweeps: updates of every neuron; at T = 0 the run ends early where nothing moves any more.
        update: "sequential" or "parallel".
        seed: of the order and of the noise.
        observe: called with σ_bn after every sweep; then the run never ends early.
        backend: of sequential updates: "torch", "compiled" (needs numba), or "auto".

    Returns:
        the states at the end, int8.

    Raises:
        UsageError, ShapeError: for bad states, a negative temperature, or an unknown update or backend.

    >>> from algorism.associative.couplings import stored
    >>> xi_kn = 2 * (torch.arange(24).reshape(2, 12) % 5 > 1).to(torch.int8) - 1
    >>> damaged_bn = xi_kn.clone(); damaged_bn[:, 3] *= -1
    >>> bool((glauber(stored(xi_kn, order=4), damaged_bn, sweeps=5) == xi_kn).all())
    True
    """
    _known("update", update, ("sequential", "parallel"))
    _known("backend", backend, ("auto", "torch", "compiled"))
    states_bn = net.states(sigma_bn)
    sweeps = checked_count("sweeps", sweeps, least=0)
    temperatures = checked_temperatures(temperature, sweeps)
    replicas, neurons = states_bn.shape
    # noise twice while it is made, states as floating point, and one to P/2 kinds of power sums
    kinds = 1 if net.ternary else net.order // 2
    require_memory(4 * replicas * (3 * neurons + 2 * kinds * net.patterns), f"{replicas} replicas of {neurons} neurons")
    streams = np.random.SeedSequence(checked_count("seed", seed, least=0)).generate_state(2)
    order_rng = torch.Generator().manual_seed(int(streams[0]))
    noise_rng = torch.Generator(device=net.device).manual_seed(int(streams[1]))
    walker = sweeper(net, states_bn, backend, sweeps * neurons) if update == "sequential" else None
    for index, t in enumerate(temperatures):
        noise_nb = _logistic(neurons, replicas, noise_rng)
        downhill = observe is None and not temperatures[index:].any()
        before_bn = states_bn.clone() if downhill else states_bn
        if walker is None:
            states_bn = _parallel(net, states_bn, noise_nb, t)
        else:
            walker.sweep(torch.randperm(neurons, generator=order_rng), noise_nb, t / 2)
            states_bn = walker.states()
        if observe is not None:
            observe(states_bn)
        if downhill and torch.equal(before_bn, states_bn):
            break
    return states_bn.clone()


def annealing(start: float, end: float, sweeps: int, *, geometric: bool = False) -> NDArray[np.float64]:
    """Temperatures from `start` to `end`, in equal steps or, with `geometric`, in equal ratios.

    >>> annealing(1.0, 0.0, 5).tolist(), annealing(1.0, 0.01, 3, geometric=True).round(6).tolist()
    ([1.0, 0.75, 0.5, 0.25, 0.0], [1.0, 0.1, 0.01])
    """
    sweeps = checked_count("sweeps", sweeps)
    if min(start, end) < 0 or (geometric and min(start, end) <= 0):
        raise UsageError(f"annealing: temperatures must be ≥ 0 (> 0 for equal ratios), got {start} to {end}.")
    return np.geomspace(start, end, sweeps) if geometric else np.linspace(start, end, sweeps)


@dataclass(frozen=True)
class Average:
    """Averages over the sweeps after burning in.

    Attributes:
        overlaps_bk: (1/N) Σ_i ξ_i^k σ_i with each reference, for each replica.
        spread_bk: their standard deviation from sweep to sweep.
        energy_b: mean energy per neuron.
        sigma_bn: the states at the end.
    """

    overlaps_bk: NDArray[np.float64]
    spread_bk: NDArray[np.float64]
    energy_b: NDArray[np.float64]
    sigma_bn: Tensor


def sample(
    net: Couplings,
    sigma_bn: Tensor | ArrayLike,
    references_kn: Tensor | ArrayLike,
    temperature: float,
    *,
    burn_in: int = 30,
    sweeps: int = 30,
    update: Update = "sequential",
    seed: int = 0,
    backend: Backend = "auto",
) -> Average:
    """Burn in, then average the overlaps with some references (archetypes, average examples) over sweeps.

    Args:
        net: the couplings.
        sigma_bn: starting states, one for each replica.
        references_kn: real vectors.
        temperature: T = 1/β.
        burn_in: sweeps before averaging.
        sweeps: sweeps averaged over.
        update: "sequential" or "parallel".
        seed: of the order and of the noise.
        backend: as for `glauber`.

    Raises:
        UsageError, ShapeError: as `glauber`.

    >>> from algorism.associative.couplings import stored
    >>> net = stored([[1] * 50])
    >>> float(sample(net, [[1] * 50], [[1] * 50], 1e-6, sweeps=3).overlaps_bk[0, 0])
    1.0
    """
    references = checked_rows("references_kn", references_kn, neurons=net.neurons).to(net.device, net.dtype)
    sweeps = checked_count("sweeps", sweeps)
    states_bn = net.states(sigma_bn)
    seen: list[Tensor] = []
    energies: list[Tensor] = []
    done = 0

    def observe(now_bn: Tensor) -> None:
        nonlocal done
        done += 1
        if done > burn_in:
            seen.append(now_bn.to(net.dtype) @ references.T / net.neurons)
            energies.append(net.energy(now_bn) / net.neurons)

    total = checked_count("burn_in", burn_in, least=0) + sweeps
    end_bn = glauber(net, states_bn, temperature, total, update=update, seed=seed, observe=observe, backend=backend)
    overlaps_sbk = torch.stack(seen).double().cpu().numpy()
    return Average(
        overlaps_sbk.mean(0), overlaps_sbk.std(0), torch.stack(energies).mean(0).double().cpu().numpy(), end_bn
    )


@dataclass(frozen=True)
class Estimate:
    """A mean over independent disorder samples.

    Attributes:
        mean: over samples.
        standard_error: of the mean, from the spread between samples.
        values: one row for each sample.
    """

    mean: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    values: NDArray[np.float64]


def over_disorder(measure: Callable[[int], ArrayLike], samples: int = 5, seed: int = 0) -> Estimate:
    """Repeat a measurement with fresh patterns, and average.

    The standard error comes from the spread between samples of the disorder; replicas and sweeps of one sample share
    its patterns and must be averaged inside `measure`.

    Args:
        measure: called with a seed of its own for each sample; returns a number or an array.
        samples: at least 2.
        seed: base seed.

    >>> estimate = over_disorder(lambda seed: [1.0, seed % 2], samples=4)
    >>> float(estimate.mean[0]), float(estimate.standard_error[0])
    (1.0, 0.0)
    """
    samples = checked_count("samples", samples, least=2)
    seeds = np.random.SeedSequence(seed).generate_state(samples)
    values = np.array([np.asarray(measure(int(s)), dtype=np.float64) for s in seeds])
    return Estimate(values.mean(0), values.std(0, ddof=1) / np.sqrt(samples), values)


def _logistic(neurons: int, replicas: int, rng: torch.Generator) -> Tensor:
    """Logistic noise log(u/(1 − u)); u keeps half a step away from 0 and 1, so that it is finite."""
    u_nb = torch.rand(neurons, replicas, generator=rng, device=rng.device)
    return u_nb.clamp_(2**-25, 1 - 2**-24).logit_()


def _parallel(net: Couplings, sigma_bn: Tensor, noise_nb: Tensor, temperature: float) -> Tensor:
    h_bn, noise_bn = net.fields(sigma_bn), noise_nb.T
    x_bn = h_bn + (temperature / 2) * noise_bn
    if temperature == 0:
        x_bn = torch.where(h_bn.abs() <= _ZERO * h_bn.abs().amax(), noise_bn.to(h_bn.dtype), h_bn)
    return (x_bn > 0).to(torch.int8).mul_(2).sub_(1)


def _known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise UsageError(f"There is no {what} {name!r}. {nearest(name, known)}")
    if name == "compiled" and not compiled.available():
        compiled.kernel(2)  # says what to install
