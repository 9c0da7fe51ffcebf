"""One sweep of heat-bath updates, neuron after neuron, for many replicas at once: in torch, or compiled.

The noise of a sweep is drawn before it (`dynamics`), so that both walk the same path up to rounding. A neuron's new
value is the sign of h_i + (T/2) L with L logistic, which is +1 with probability 1/(1 + e^{−2h_i/T}); where that is
exactly zero, at zero temperature, the sign of L decides.

The state beside σ are sums over neurons for every pattern and replica, from which one pass over patterns gives a field,
and which a flip changes by one row of the patterns. For P = 2 and 4 they are the odd power sums p_l = Σ_i (v_i σ_i)^l,
whole numbers for ±1. From P = 6 on they are the polynomials e_1 … e_{P−1} of u/N themselves, in double precision: to
take a neuron out of these is O(P), where Newton's identities would be O(P²).

Shape letters: b replica, j order of a polynomial, k pattern, l power, n neuron, s neuron of a block.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from . import compiled
from .couplings import Couplings

_ONE_THREAD = 1 << 22  # multiplications in a sweep below which a second thread costs more than it brings
_BLOCK = 1 << 20  # entries of v prepared at a time
REFRESH = 32  # sweeps after which rounding that flips have added to the power sums is forgotten


class Sweeper(Protocol):
    """States that can be swept."""

    def sweep(self, order_n: Tensor, noise_nb: Tensor, half_temperature: float) -> None:
        """Update every neuron once, in the given order."""

    def states(self) -> Tensor:
        """σ_bn, int8; shared with the sweeper, so copy what is to stay."""


class TorchSweeper:
    """Steps over neurons in Python, over replicas and patterns in torch; on any device.

    A step of few replicas costs what calling torch costs, so all that does not depend on the states is done before,
    for a block of neurons at a time, and the step is written in as few calls as possible.
    """

    def __init__(self, net: Couplings, sigma_bn: Tensor) -> None:
        self.net = net
        self.sigma_nb = sigma_bn.T.to(net.dtype).contiguous()
        self.spins = self.sigma_nb.unbind()
        self.one_b = torch.ones_like(self.spins[0])
        weights_k, scale = _weights(net)
        self.weights_k = weights_k.to(net.dtype)
        self.square_k = net.even_lk[0].to(net.dtype)
        self.scale = scale * {2: 1 / net.neurons, 4: 12 / net.neurons**3}.get(net.order, math.factorial(net.order) / 2)
        self.update = {2: self._pairwise, 4: self._quartic}.get(net.order, self._any_order)
        self.since = REFRESH

    def states(self) -> Tensor:
        """σ_bn, int8."""
        return self.sigma_nb.T.to(torch.int8)

    def sweep(self, order_n: Tensor, noise_nb: Tensor, half_temperature: float) -> None:
        """Update every neuron once."""
        if self.since == REFRESH:
            self.sums = _sums(self.net, self.states())
            self.since = 0
        self.since += 1
        # Fields are divided by their scale, and so is the noise.
        kicks_nb = (noise_nb * (half_temperature / self.scale)).to(self.net.dtype)
        size = max(1, _BLOCK // self.net.patterns)
        for first in range(0, self.net.neurons, size):
            block = slice(first, first + size)
            sites = order_n[block]
            v_sk = self.net.v_nk[sites.to(self.net.device)].to(self.net.dtype)
            weighted_sk = v_sk * self.weights_k
            own_s = (weighted_sk * v_sk ** (self.net.order - 1)).sum(1).tolist()
            self.ties = noise_nb[block].unbind() if half_temperature == 0 else None
            rows = zip(sites.tolist(), v_sk.unbind(), weighted_sk.unbind(), own_s, kicks_nb[block].unbind())
            for self.step, (neuron, v_k, weighted_k, own, kick_b) in enumerate(rows):
                self.update(self.spins[neuron], v_k, weighted_k, own, kick_b)

    def _pairwise(self, spin_b: Tensor, v_k: Tensor, weighted_k: Tensor, own: float, kick_b: Tensor) -> None:
        """From Σ_k c_k v_i (p_1 − v_i σ_i)."""
        x_b = torch.addmv(kick_b, self.sums[0], weighted_k).sub_(spin_b, alpha=own)
        self.sums[0].addr_(self._turn(spin_b, x_b), v_k)

    def _quartic(self, spin_b: Tensor, v_k: Tensor, weighted_k: Tensor, own: float, kick_b: Tensor) -> None:
        """From Σ_k c_k v_i e_3 = Σ_k c_k v_i (q_1³ − 3 q_1 q_2 + 2 q_3)/6, with q_l = p_l − (v_i σ_i)^l."""
        q_bk = torch.addr(self.sums[0], spin_b, v_k, alpha=-1)
        cubic_bk = torch.addcmul((v_k * v_k - self.square_k) * 3, q_bk, q_bk).mul_(q_bk)
        x_b = torch.addmv(kick_b, cubic_bk, weighted_k, alpha=1 / 6)
        x_b.addmv_(self.sums[-1], weighted_k, alpha=1 / 3).sub_(spin_b, alpha=own / 3)
        change_b = self._turn(spin_b, x_b)
        self.sums[0].addr_(change_b, v_k)
        if len(self.sums) > 1:
            self.sums[1].addr_(change_b, v_k**3)

    def _any_order(self, spin_b: Tensor, v_k: Tensor, weighted_k: Tensor, own: float, kick_b: Tensor) -> None:
        """From e_{P−1} without the neuron, f_j = e_j − (u_i/N) f_{j−1}; and back, e_j = f_j + (u_i/N) f_{j−1}."""
        u_k = v_k.double() / self.net.neurons
        u_bk = torch.outer(spin_b.double(), u_k)
        f_bk = torch.ones_like(u_bk)
        without = [f_bk := torch.addcmul(e_bk, u_bk, f_bk, value=-1) for e_bk in self.sums]
        x_b = torch.addmv(kick_b.double(), without[-1], weighted_k.double()).to(kick_b.dtype)
        self._turn(spin_b, x_b)
        u_bk = torch.outer(spin_b.double(), u_k)
        before = [torch.ones_like(u_bk), *without[:-1]]
        self.sums = [torch.addcmul(f_bk, u_bk, below_bk) for f_bk, below_bk in zip(without, before)]

    def _turn(self, spin_b: Tensor, x_b: Tensor) -> Tensor:
        """Set the spins to the sign of x, or of the noise where that is zero; return what they changed by."""
        if self.ties is not None:
            x_b = torch.where(x_b == 0, self.ties[self.step].to(x_b.dtype), x_b)
        new_b = torch.copysign(self.one_b, x_b)
        change_b = new_b - spin_b
        spin_b.copy_(new_b)
        return change_b


class CompiledSweeper:
    """The same, neuron by neuron and replica by replica in compiled code, replicas shared among torch's threads."""

    def __init__(self, net: Couplings, sigma_bn: Tensor) -> None:
        self.net, self.sigma_bn = net, sigma_bn.to(torch.int8).clone().contiguous()
        weights_k, self.scale = _weights(net)
        real = np.float32 if net.dtype == torch.float32 else np.float64
        self.weights_k, self.even_lk = weights_k.numpy().astype(real), net.even_lk.numpy()
        self.kernel = compiled.kernel(net.order, _dtypes(net))
        self.since = REFRESH

    def states(self) -> Tensor:
        """σ_bn, int8."""
        return self.sigma_bn

    def sweep(self, order_n: Tensor, noise_nb: Tensor, half_temperature: float) -> None:
        """Update every neuron once."""
        if self.since == REFRESH:
            self.sums = torch.stack(_sums(self.net, self.sigma_bn), dim=1).numpy()
            self.since = 0
        self.since += 1
        replicas = len(self.sigma_bn)
        work = replicas * self.net.v_nk.numel()
        parts = min(replicas, torch.get_num_threads(), 1 + work // _ONE_THREAD)
        ends = [replicas * part // parts for part in range(parts + 1)]
        arrays = (self.net.v_nk.numpy(), self.weights_k, self.even_lk, self.sums, self.sigma_bn.numpy())

        def walk(part: int) -> None:
            self.kernel(
                *arrays,
                order_n.numpy(),
                noise_nb.numpy(),
                half_temperature,
                self.scale,
                self.net.order,
                ends[part],
                ends[part + 1],
            )

        if parts == 1:
            walk(0)
        else:
            with ThreadPoolExecutor(parts) as pool:  # the compiled code holds no lock of Python's
                list(pool.map(walk, range(parts)))


def sweeper(net: Couplings, sigma_bn: Tensor, backend: str, steps: int) -> Sweeper:
    """The sweeper asked for; "auto" compiles where numba is there and the work is worth the seconds of compiling."""
    if backend == "auto" and net.device.type == "cpu":
        pays = compiled.pays(net.order, _dtypes(net), steps, len(sigma_bn) * net.patterns)
        backend = "compiled" if pays else "torch"
    if backend == "compiled":
        return CompiledSweeper(net, sigma_bn)
    return TorchSweeper(net, sigma_bn)


def _dtypes(net: Couplings) -> tuple[object, ...]:
    return net.v_nk.dtype, net.dtype


def _sums(net: Couplings, sigma_bn: Tensor) -> list[Tensor]:
    """The state of an order: odd power sums for P = 2 and 4, polynomials above. Odd powers of −1, 0 and 1 are alike."""
    if net.order > 4:
        return net.polynomials(sigma_bn, net.order - 1)[1:]
    sums = net.odd_powers(sigma_bn, net.order - 1)
    return sums[:1] if net.ternary else sums


def _weights(net: Couplings) -> tuple[Tensor, float]:
    """Weights with largest 1 and their common factor: equal weights become ones, and ties of fields stay exact."""
    largest = float(net.weights_k.abs().max()) or 1.0
    return net.weights_k / largest, largest
