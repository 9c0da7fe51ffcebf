"""Training an image classifier, on whatever is known about groups of its images.

A group is a fixed set of images about which one thing is known: the class of a single image, or the sum of the numbers
that 200 of them show. What is known enters as a loss on the group's log-probabilities; this file does not ask where it
comes from. Pixels are shifted, turned and scaled a little, which changes no class, and the weights that come out are an
average over the last steps.

As in `loop`, batches, distortions, dropout and learning rate follow from (seed, step), so that a run resumed after a
kill ends with the same bits.

Shape letters: g group, m image of a group, n image, h row, w column, v class.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import CheckpointError, ShapeError, TrainingError, UsageError
from ..memory import freed_memory_kept
from .checkpoint import load_checkpoint, save_checkpoint
from .learner import seeded
from .loop import Progress, Report
from .schedule import learning_rate

Loss = Callable[[Tensor, Tensor], Tensor]  # log-probabilities (g, m, v) and the groups' numbers (g,) to one number


@dataclass(frozen=True)
class ImageTraining:
    """Settings of a training run.

    Args:
        epochs: how often each group is seen.
        images: of a step, about: as many whole groups as fit, at least one.
        learning_rate, weight_decay, clip: of AdamW, and the greatest norm of the gradient.
        warmup: share of the steps in which the learning rate grows.
        average: each step, the averaged weights keep this share of themselves. It grows to this from 0.
        shift, turn, scale: greatest distortion, in pixels, degrees, and as a share of the size.
        precision: "bf16" or "fp32", of the forward pass.
        checkpoint_every: steps between checkpoints.

    Raises:
        UsageError: settings that cannot work.
    """

    epochs: float = 10
    images: int = 200
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    clip: float = 5.0
    warmup: float = 0.1
    average: float = 0.998
    shift: float = 2.0
    turn: float = 10.0
    scale: float = 0.1
    precision: str = "bf16"
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        """Check the settings."""
        if not (self.epochs > 0 and self.images >= 1 and self.learning_rate > 0 and self.checkpoint_every >= 1):
            raise UsageError(f"epochs, images, learning_rate and checkpoint_every must be above 0: {self}.")
        if not (0 <= self.average < 1 and 0 <= self.warmup <= 1 and 0 <= self.scale < 1):
            raise UsageError(f"average and scale lie from 0 to below 1, warmup from 0 to 1: {self}.")
        if self.precision not in ("bf16", "fp32"):
            raise UsageError(f"precision is 'bf16' or 'fp32', got {self.precision!r}.")


@freed_memory_kept()
def fit_images(
    network: nn.Module,
    x_n1hw: Tensor,
    groups_gm: Tensor,
    loss: Loss,
    settings: ImageTraining,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    report: Report | None = None,
    device: str = "cpu",
) -> Progress:
    """Train a classifier in place; it ends with the averaged weights, in evaluation mode.

    Args:
        network: from images to log-probabilities of classes.
        x_n1hw: the images, floats from 0 to 1.
        groups_gm: places of each group's images.
        loss: of some groups: their log-probabilities, (g, m, v), and their numbers, (g,), to one number.
        settings: how long, how fast.
        seed: of batches, distortions and dropout.
        checkpoint: file to resume from if it exists, and to save into; None keeps nothing.
        report: called about 200 times with the step and a row of loss, learning rate and images per second.
        device: where to train.

    Returns:
        The progress: steps, seconds, history.

    Raises:
        ShapeError: groups that are none, or name images that do not exist.
        CheckpointError: the checkpoint is damaged, or of another network.
        TrainingError: the loss is no longer a number; the last checkpoint is left as it is.
    """
    if groups_gm.dim() != 2 or 0 in groups_gm.shape or bool(((groups_gm < 0) | (groups_gm >= len(x_n1hw))).any()):
        raise ShapeError(
            f"Groups are places of {len(x_n1hw):,} images, (groups, images of each), at least one; got "
            f"{tuple(groups_gm.shape)}."
        )
    run = _Run(network.to(device), settings)
    progress = run.resume(checkpoint)
    size = max(1, min(len(groups_gm), settings.images // groups_gm.shape[1]))
    per_epoch = len(groups_gm) // size
    steps = max(1, round(settings.epochs * per_epoch))
    warmup, every = round(settings.warmup * steps), max(1, steps // 200)
    started, before, first = time.perf_counter(), progress.seconds, progress.step
    order_g, epoch = torch.empty(0), -1
    network.train()
    while progress.step < steps:
        step = progress.step
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order_g = torch.randperm(len(groups_gm), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        rows_g = order_g[step % per_epoch * size :][:size]
        rate = learning_rate(step, steps=steps, peak=settings.learning_rate, end=0.0, warmup=warmup)
        with seeded(seed, step, True, torch.device(device)):
            x = distorted(x_n1hw[groups_gm[rows_g].flatten()], settings).to(device)
            with torch.autocast(run.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                log_p_nv = network(x.to(memory_format=torch.channels_last))
            value = loss(log_p_nv.view(len(rows_g), groups_gm.shape[1], -1), rows_g.to(device))
        found = run.step(value, rate, step)
        if not math.isfinite(found):
            raise TrainingError(f"Step {step + 1}: the loss is {found}. Lower learning_rate (it is {rate:.2g} here).")
        progress.step += 1
        if step % every == 0 or progress.step == steps:
            progress.seconds = before + time.perf_counter() - started
            speed = (progress.step - first) * len(x) / (time.perf_counter() - started)
            row: dict[str, Any] = {
                "step": progress.step,
                "loss": found,
                "learning_rate": rate,
                "images_per_second": speed,
            }
            progress.history.append(row)
            if report is not None:
                report(progress.step, row | {"steps": steps})
        if checkpoint is not None and (progress.step % settings.checkpoint_every == 0 or progress.step == steps):
            progress.seconds = before + time.perf_counter() - started
            save_checkpoint(checkpoint, run.state(), vars(progress))
    run.finish()
    return progress


def distorted(x_n1hw: Tensor, settings: ImageTraining) -> Tensor:
    """Each image shifted, turned, scaled by its own random amounts; draws from torch's global generator."""
    if not (settings.shift or settings.turn or settings.scale):
        return x_n1hw
    count, size = len(x_n1hw), x_n1hw.shape[-1]
    shift_n2, angle_n, scale_n2 = (torch.rand(count, *more) * 2 - 1 for more in ((2,), (), (2,)))
    angle_n = angle_n * math.radians(settings.turn)
    turn_n22 = torch.stack((angle_n.cos(), -angle_n.sin(), angle_n.sin(), angle_n.cos()), -1).view(-1, 2, 2)
    turn_n22 = turn_n22 * (1 + settings.scale * scale_n2).unsqueeze(-1)
    affine_n23 = torch.cat((turn_n22, (shift_n2 * settings.shift * 2 / size).unsqueeze(-1)), -1)
    grid_nhw2 = F.affine_grid(affine_n23, list(x_n1hw.shape), align_corners=False)
    return F.grid_sample(x_n1hw, grid_nhw2, align_corners=False)


class _Run:
    """A network with its optimiser and the average of its weights."""

    def __init__(self, network: nn.Module, settings: ImageTraining) -> None:
        self.network, self.settings = network, settings
        self.device = next(network.parameters()).device
        self.parameters = dict(network.named_parameters())
        groups = [
            {"params": [p for p in self.parameters.values() if p.dim() >= 2], "weight_decay": settings.weight_decay},
            {"params": [p for p in self.parameters.values() if p.dim() < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.learning_rate, fused=True)
        self.average = {name: x.detach().clone() for name, x in network.state_dict().items()}

    def step(self, value: Tensor, rate: float, step: int) -> float:
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        keep = min(self.settings.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, x in self.network.state_dict().items():
                if x.is_floating_point():
                    self.average[name].lerp_(x, 1 - keep)
                else:
                    self.average[name].copy_(x)
        return float(value.detach())

    def state(self) -> dict[str, Tensor]:
        state = {f"now.{name}": x for name, x in self.network.state_dict().items()}
        state |= {f"average.{name}": x for name, x in self.average.items()}
        for name, p in self.parameters.items():
            state |= {f"{key}.{name}": value for key, value in self.optimizer.state[p].items()}
        return state

    def resume(self, checkpoint: Path | None) -> Progress:
        if checkpoint is None or not checkpoint.exists():
            return Progress()
        state, saved = load_checkpoint(checkpoint)
        try:
            for kind, target in (("now", self.network.state_dict()), ("average", self.average)):
                for name, x in target.items():
                    x.copy_(state[f"{kind}.{name}"])
            for name, p in self.parameters.items():
                keys = ("step", "exp_avg", "exp_avg_sq")
                # channels-last weights keep their layout in the moments, or a resumed step would round differently
                moments = {key: torch.empty_like(p).copy_(state[f"{key}.{name}"]) for key in keys[1:]}
                self.optimizer.state[p] = {"step": state[f"step.{name}"].to(p.device, copy=True), **moments}
            return Progress(**saved)
        except (KeyError, RuntimeError, TypeError) as error:
            raise CheckpointError(
                f"Checkpoint {checkpoint}: of a network of another shape ({error}). Delete it to train anew."
            ) from None

    def finish(self) -> None:
        self.network.load_state_dict(self.average)
        self.network.eval()
