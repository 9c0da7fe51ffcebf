"""One optimiser step, for one model or for many of the same shape at once.

Many models are stacked along a leading axis and run through `torch.func.vmap`: every matrix product becomes one
batched product, and the optimiser updates all of them in one fused call.

Shape letters: k model, b row, t position, v vocabulary.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.transformer import Transformer
from .batches import IGNORE, Batch
from .recipe import TrainingRecipe


@contextlib.contextmanager
def seeded(seed: int, step: int, needed: bool, device: torch.device) -> Iterator[None]:
    """Seed dropout by (seed, step) inside, and leave torch's global generators as they were.

    So no generator state has to be saved: a resumed run draws at step s what the uninterrupted one drew.
    """
    if not needed:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed((seed * 1_000_003 + step) % 2**63)
        yield


class Learner:
    """Models of one shape with their optimiser.

    Args:
        models: one or more transformers of equal config. They keep their own weights until `export`.
        recipe: objective-independent settings: betas, decay, clipping, precision, accumulation.
        seed: of dropout.
        device: where to train.
    """

    def __init__(
        self, models: Sequence[Transformer], recipe: TrainingRecipe, seed: int = 0, device: str = "cpu"
    ) -> None:
        self.models, self.recipe, self.seed = list(models), recipe, seed
        self.count = len(self.models)
        self.device = torch.device(device)
        self.template = self.models[0].to(self.device)
        self.forward: Any = self.template
        if self.count == 1:
            self.parameters: dict[str, Tensor] = dict(self.template.named_parameters())
        else:
            named = [dict(m.named_parameters()) for m in self.models]
            self.parameters = {
                name: torch.stack([n[name].detach() for n in named]).to(self.device).requires_grad_()
                for name in named[0]
            }
        plain_dims = {name: p.dim() for name, p in self.template.named_parameters()}
        groups = [
            {
                "params": [p for n, p in self.parameters.items() if plain_dims[n] >= 2],
                "weight_decay": recipe.weight_decay,
            },
            {"params": [p for n, p in self.parameters.items() if plain_dims[n] < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=recipe.learning_rate, betas=recipe.betas, fused=True
        )

    @property
    def autocast(self) -> Any:
        """The precision of the forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bf16")

    def losses_k(self, batch: Batch, count_k: Tensor) -> Tensor:
        """Cross-entropy summed over the targets and divided by `count_k`, one number per model.

        With `weigh: row` the targets of a row share a weight of 1, and `count_k` counts rows.
        """
        ids = torch.from_numpy(batch.ids_bt).to(self.device, non_blocking=True)
        targets = torch.from_numpy(batch.targets_bt[..., batch.first :]).to(self.device, non_blocking=True)
        index_bt = batch.index_bt
        if index_bt is not None and (index_bt == index_bt[..., :1, :]).all():
            index_bt = index_bt[..., 0, :]  # all rows are numbered alike: what follows from it is made once for all
        index = None if index_bt is None else torch.from_numpy(index_bt).to(self.device, non_blocking=True)
        keep = slice(batch.first, None)

        def one(weights: dict[str, Tensor], ids_bt: Tensor, index_bt: Tensor | None) -> Tensor:
            settings = {"keep": keep, "positions": index_bt}
            return torch.func.functional_call(self.template, weights, (ids_bt,), settings)

        with self.autocast:
            if self.count == 1:
                logits = self.forward(ids, positions=index, keep=keep)
            else:
                dims = (0, 0, None if index is None else 0)
                logits = torch.func.vmap(one, dims, randomness="different")(self.parameters, ids, index)
        each = F.cross_entropy(logits.float().flatten(0, -2), targets.flatten(), ignore_index=IGNORE, reduction="none")
        if self.recipe.weigh == "row":
            spoken = (targets != IGNORE).flatten(0, -2)
            each = each.view(spoken.shape) / spoken.sum(-1, keepdim=True).clamp(min=1)
        return each.view(self.count, -1).sum(1) / count_k

    def step(self, batch: Batch, step: int, learning_rate: float, share: tuple[int, int] = (0, 1)) -> list[float]:
        """Take one optimiser step.

        Args:
            batch: of one model (b, t), or of all (k, b, t).
            step: its number, for dropout.
            learning_rate: of this step.
            share: (rank, world): this process trains on every world-th row; gradients are averaged by DDP.

        Returns:
            The loss of each model on its whole share, before the update.
        """
        rank, world = share
        parts = self.recipe.accumulate
        spoken = batch.targets_bt != IGNORE
        counted = spoken.any(-1) if self.recipe.weigh == "row" else spoken
        count_k = torch.from_numpy(counted.reshape(self.count, -1).sum(1)).to(self.device).clamp(min=1)
        total_k = torch.zeros(self.count, device=self.device)
        self.template.train()
        for part in range(parts):
            rows = slice(rank * parts + part, None, world * parts)
            sub = batch if parts * world == 1 else batch.rows(rows)
            with seeded(self.seed + rank, step * parts + part, self.template.config.dropout > 0, self.device):
                losses_k = self.losses_k(sub, count_k)
            (losses_k.sum() * world).backward()  # DDP averages over processes; the loss is already a share of the whole
            total_k += losses_k.detach()
        if self.recipe.clip:
            self.clip(self.recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total_k.tolist()

    def clip(self, largest: float) -> None:
        """Scale each model's gradient so that its norm is at most `largest`."""
        grads = [p.grad for p in self.parameters.values() if p.grad is not None]
        if self.count == 1:
            torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), largest)
            return
        norm_k = torch.stack([g.flatten(1).square().sum(1) for g in grads]).sum(0).sqrt()
        scale_k = (largest / (norm_k + 1e-6)).clamp(max=1.0)
        for g in grads:
            g.mul_(scale_k.view(-1, *[1] * (g.dim() - 1)))

    @torch.no_grad()
    def export(self) -> list[Transformer]:
        """Copy the trained weights into the models, and return them in evaluation mode."""
        if self.count > 1:
            for index, model in enumerate(self.models):
                for name, parameter in model.named_parameters():
                    parameter.copy_(self.parameters[name][index])
        return [model.eval() for model in self.models]

    def state(self) -> dict[str, Tensor]:
        """Weights and optimiser moments, by name, for a checkpoint."""
        state = {f"weight.{name}": p.detach() for name, p in self.parameters.items()}
        for name, p in self.parameters.items():
            for key, value in self.optimizer.state.get(p, {}).items():
                state[f"{key}.{name}"] = value
        return state

    @torch.no_grad()
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up weights and moments saved by `state`."""
        for name, p in self.parameters.items():
            p.copy_(state[f"weight.{name}"])
            moments = {
                key: state[f"{key}.{name}"].to(p.device, copy=True)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{key}.{name}" in state
            }
            if moments:
                self.optimizer.state[p] = moments
