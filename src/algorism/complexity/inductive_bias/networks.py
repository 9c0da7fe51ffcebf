"""Networks trained from many seeds, all in one pass: a sample of what training finds that fits the data.

Shape letters: s seed, n training point, t test point, b batch, c output.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from algorism.errors import TrainingError, UsageError

from .hypotheses import Data, Sample, fitting
from .losses import Floats

Build = Callable[[tuple[int, ...], int], nn.Module]


@dataclass(frozen=True)
class NetworkSpace:
    """Hypotheses are networks trained on the data by Adam on the squared error, one per seed.

    Args:
        architecture: `MLP(...)`, `CNN(...)`, or any function (shape of one input, outputs) → module without buffers
            that are written in training (no batch norm); its forward must work under `torch.func.vmap`, or
            `together` be 1.
        epochs: passes over the training data.
        batch: rows of one step, drawn anew for each seed; None for all.
        learning_rate: of Adam.
        cosine: let the learning rate fall to 0 along a cosine, by which small batches fit exactly; the paper does not.
        fits_below: training MSE above which a seed counts as failed. It is left out and counted, never silently kept.
        together: seeds trained in one stack; less needs less memory, and 1 does without `vmap`.
        device: "cpu", "cuda", ...
        label: name in curves; the architecture by default.

    The released script sums batch means and divides by the number of samples; losses here are true means.

    Source: arXiv 2406.15941, neural network hypothesis space.
    """

    architecture: Any
    epochs: int = 600
    batch: int | None = None
    learning_rate: float = 1e-3
    cosine: bool = False
    fits_below: float = 1e-4
    together: int = 100
    device: str = "cpu"
    label: str = ""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.together < 1 or (self.batch is not None and self.batch < 1):
            raise UsageError(f"NetworkSpace: epochs, together and batch must be at least 1, got {self}.")
        if not 0 < self.learning_rate < math.inf:
            raise UsageError(f"NetworkSpace: learning_rate must be above 0, got {self.learning_rate!r}.")
        if not callable(self.architecture):
            raise UsageError(
                f"NetworkSpace: architecture must build a module, got {self.architecture!r}; see MLP, CNN."
            )

    @property
    def name(self) -> str:
        """What curves and tables call it."""
        return self.label or str(self.architecture)

    def sample(self, data: Data, number: int, seed: int = 0) -> Sample:
        """Train `number` networks and give the test losses of those that fit the training data.

        Raises:
            DataError: fewer than two fit.
            TrainingError: the architecture does not give one value per output and point.
        """
        losses = [
            self._train(data, range(start, min(start + self.together, number)), seed)
            for start in range(0, number, self.together)
        ]
        test_s, train_s = (np.concatenate(part) for part in zip(*losses))
        return fitting(test_s, train_s, self.fits_below, f"Train {self.name} longer, or raise fits_below knowingly.")

    def _train(self, data: Data, which: range, seed: int) -> tuple[Floats, Floats]:
        """Test and training losses of some of the seeds."""
        x_n, y_nc, x_t, y_tc = (
            torch.as_tensor(a, dtype=torch.float32, device=self.device)
            for a in (data.x_train, data.y_train, data.x_test, data.y_test)
        )
        networks = self._initialised(data, which, seed)
        params = self._stacked([dict(network.named_parameters()) for network in networks])
        buffers = self._stacked([dict(network.named_buffers()) for network in networks])
        for p in params.values():
            p.requires_grad_()
        skeleton = networks[0].to(self.device).to("meta")

        def one(params: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(skeleton, (params, buffers), (x,))

        def losses_s(x: Tensor, y: Tensor, own: bool = False) -> Tensor:
            if self.together == 1:
                first = ({name: p[0] for name, p in params.items()}, {name: b[0] for name, b in buffers.items()})
                f = one(*first, x[0] if own else x)[None]
            else:
                f = vmap(one, in_dims=(0, 0, 0 if own else None))(params, buffers, x)
            if f.shape[-2:] != y.shape[-2:]:
                raise TrainingError(
                    f"{self.name} gives {tuple(f.shape[1:])} values per seed; expected {tuple(y.shape[-2:])}."
                )
            return (f - y).square().mean(dim=(-2, -1))

        batch = min(self.batch or len(x_n), len(x_n))
        steps = self.epochs * math.ceil(len(x_n) / batch)
        adam = torch.optim.Adam(params.values(), lr=self.learning_rate)
        for step, rows in enumerate(self._batches(len(x_n), batch, which, seed)):
            if self.cosine:
                adam.param_groups[0]["lr"] = self.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
            # Seeds share no parameter, so the gradient of the sum is each network's own.
            loss_s = losses_s(x_n, y_nc) if rows is None else losses_s(x_n[rows], y_nc[rows], own=True)
            adam.zero_grad(set_to_none=True)
            loss_s.sum().backward()
            adam.step()
        with torch.no_grad():
            found = [losses_s(x, y).double().cpu().numpy() for x, y in ((x_t, y_tc), (x_n, y_nc))]
        return found[0], found[1]

    def _stacked(self, tensors: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The tensors of all networks, seeds first."""
        return {name: torch.stack([one[name].detach() for one in tensors]).to(self.device) for name in tensors[0]}

    def _initialised(self, data: Data, which: range, seed: int) -> list[nn.Module]:
        """One network per seed. Modules draw from torch's own generator, which is put back afterwards."""
        networks = []
        with torch.random.fork_rng(devices=[]):
            for k in which:
                torch.manual_seed(seed * 1_000_003 + k)
                networks.append(self.architecture(data.x_train.shape[1:], data.y_train.shape[1]))
        if len(networks) > 1 and all(map(torch.equal, networks[0].parameters(), networks[1].parameters())):
            raise UsageError(
                f"{self.name} starts from the same weights for every seed; draw them with torch's generator."
            )
        return networks

    def _batches(self, points: int, batch: int, which: range, seed: int) -> Iterator[Tensor | None]:
        """Row numbers (s, b) of every step, each seed in an order of its own; None for all rows."""
        # Every seed has its own stream, so that the size of a stack changes nothing.
        streams = [torch.Generator().manual_seed((seed * 1_000_003 + k) * 2 + 1) for k in which]
        for _ in range(self.epochs):
            if batch == points:
                yield None
                continue
            order_sn = torch.stack([torch.randperm(points, generator=g) for g in streams]).to(self.device)
            yield from order_sn.split(batch, dim=1)
