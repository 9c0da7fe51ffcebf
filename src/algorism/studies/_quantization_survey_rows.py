"""The experiments of `quantization_survey`, one function each: what one seed's networks do, as JSON.

Shape letters: n images, p pixels, c channels.
"""

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..lowbit import (
    QuantSpec,
    allocate,
    distil_inputs,
    fake_quantize,
    fold_batch_norms,
    hutchinson,
    integer_network,
    norm_ranges,
    quantize,
    quantize_inputs,
    quantize_model,
    sensitivity,
)
from ..lowbit.integer import IntegerLinear
from ..lowbit.integer_conv import IntegerConv2d
from ..lowbit.methods import equalise_chain
from ._quantization_survey import (
    METHODS,
    TRAINING,
    WIDTHS,
    Digits,
    Given,
    Loss,
    convolutional,
    digits,
    fitted,
    perceptron,
    right,
    stored_bits,
)

if TYPE_CHECKING:
    from .quantization_survey import Settings

ACTIVATIONS = QuantSpec(symmetric=False, signed=False)
RANGES = ("minmax", "moving-average", "percentile", "entropy", "mse", "aciq")


def on_digits(scale: "Settings", seed: int) -> dict[str, Any]:
    """Everything that is asked of one seed's perceptron."""
    data = digits(scale, seed)
    model = perceptron(data, scale, seed)

    def tune(copied: nn.Module, loss: Loss | None) -> Any:
        return fitted(copied, data.train_np, data.labels_n, epochs=scale.tune_epochs, rate=5e-4, seed=seed, loss=loss)

    batches = [data.train_np[: scale.calibration]]
    given = Given(batches, tune, seed, {"iterations": scale.rounding_steps, "batch": 128, "learning_rate": 1e-2})
    found: dict[str, Any] = {"n": len(data.answers_n), "float": right(model, data.test_np, data.answers_n)}
    found["methods"] = table(model, given, scale, scale.methods, lambda net: right(net, data.test_np, data.answers_n))
    found["squared error"] = granularity_errors(model, scale)
    found["calibration"] = calibration(model, data, scale)
    found["integers"] = integers(model, batches, data.test_np)
    found["equalised"] = equalised(model, data, seed)
    return found


def table(
    model: nn.Module, given: Given, scale: "Settings", methods: Sequence[str], ask: Callable[[nn.Module], int]
) -> dict[str, Any]:
    """Right answers, and stored bits per weight, of every method at every width that it has."""
    rows: dict[str, Any] = {}
    for bits in scale.bits:
        for name in methods:
            if bits not in WIDTHS.get(name, scale.trained_bits if name in TRAINING else scale.bits):
                continue
            copied = copy.deepcopy(model)
            stored = METHODS[name](copied, bits, given)
            rows[f"{name}@{bits}"] = {"right": ask(copied.eval()), "bits": stored_bits(stored)}
    return rows


def granularity_errors(model: nn.Module, scale: "Settings") -> dict[str, float]:
    """Squared error of all weights together, by granularity and width."""
    found = {}
    for bits in scale.bits:
        for name, size in (("tensor", None), ("channel", None), ("group", 32)):
            spec = QuantSpec(bits=bits, granularity=name, group_size=size)  # type: ignore[arg-type]
            found[f"{name}@{bits}"] = sum(
                float((fake_quantize(layer.weight.detach(), spec) - layer.weight.detach()).square().sum())
                for layer in model.modules()
                if isinstance(layer, nn.Linear)
            )
    return found


def calibration(model: nn.Module, data: Digits, scale: "Settings") -> dict[str, int]:
    """Right answers with quantized inputs of all layers, by range method, width, and kind of calibration set.

    "outlier": one of the calibration images is 30 times too bright.
    """
    clean_np = data.train_np[: scale.calibration]
    spoilt_np = clean_np.clone()
    spoilt_np[0] *= 30
    found = {}
    for kind, batch_np in (("clean", clean_np), ("outlier", spoilt_np)):
        for bits in (8, 6, 4):
            for method in RANGES:
                spec = QuantSpec(
                    bits=bits, symmetric=False, signed=False, range=method, percentile=99.9  # type: ignore[arg-type]
                )  # fmt: skip
                batches = list(batch_np.split(max(len(batch_np) // 8, 1)))
                with quantize_inputs(model, spec, batches):
                    found[f"{kind}:{method}@{bits}"] = right(model, data.test_np, data.answers_n)
    return found


def integers(model: nn.Sequential, batches: list[Tensor], x: Tensor) -> dict[str, int]:
    """Integer-only layers against the simulated ones, on all inputs.

    The simulated layer multiplies dequantized floats. Rescaled by the same m / 2^e and rounding it must be equal;
    rescaled by the real factor it may differ by one unit where the two fall on different sides of a half.
    """
    net = integer_network(model, batches, QuantSpec(granularity="channel"), ACTIVATIONS)
    found = {"compared": 0, "mismatches": 0, "off by one": 0, "largest difference": 0}
    for part in x.split(500):
        q = net.computing[0].input.quantize(part)
        for layer in net.layers:
            after = layer(q)
            if isinstance(layer, IntegerLinear | IntegerConv2d):
                same, real = simulated(layer, q)
                off = (real - after).abs()
                found["compared"] += after.numel()
                found["mismatches"] += int((same != after).sum())
                found["off by one"] += int((off == 1).sum())
                found["largest difference"] = max(found["largest difference"], int(off.max()))
            q = after
    return found


def simulated(layer: IntegerLinear | IntegerConv2d, q: Tensor) -> tuple[Tensor, Tensor]:
    """A layer in float64 on dequantized values, rescaled by m / 2^e without bounds, and by the real factor."""
    linear = layer.linear if isinstance(layer, IntegerConv2d) else layer
    x = (q - linear.input.zero_point).double() * linear.input.scale.double()
    w_oi = (linear.weight.q.double() - linear.weight.zero_point_og) * linear.weight.scale_og.double()
    step_o = (linear.weight.scale_og.double() * linear.input.scale.double()).expand(len(w_oi), 1)[:, 0]
    if isinstance(layer, IntegerConv2d):
        w = w_oi.reshape(len(w_oi), layer.channels, *layer.kernel)
        y = nn.functional.conv2d(x, w, None, layer.stride, layer.padding, layer.dilation).movedim(1, -1)
    else:
        y = x @ w_oi.T
    y = y + linear.bias_o * step_o
    zero = int(linear.output.zero_point)
    low, high = (zero if linear.relu else linear.output.spec.qmin), linear.output.spec.qmax
    real = (torch.round(y / linear.output.scale.double().reshape(())) + zero).clamp(low, high).long()
    # ⌊(2 acc m + 2^e) / 2^(e + 1)⌋ in Python's integers, which have no width.
    acc, m, e = ((part.numpy().astype(object)) for part in (torch.round(y / step_o).long(), linear.m_o, linear.e_o))
    exact = (2 * acc * m + 2**e) // 2 ** (e + 1) + zero
    same = torch.from_numpy(np.clip(exact, low, high).astype(np.int64))
    if isinstance(layer, IntegerConv2d):
        same, real = same.movedim(-1, 1), real.movedim(-1, 1)
    return same, real


def equalised(model: nn.Sequential, data: Digits, seed: int) -> dict[str, Any]:
    """A copy whose hidden units are scaled by e^N(0, 4) and back, before and after equalisation."""
    found: dict[str, Any] = {}
    scaled = copy.deepcopy(model)
    layers = [layer for layer in scaled if isinstance(layer, nn.Linear)]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for first, second in pairwise(layers):
            factor_c = (2 * torch.randn(len(first.weight), generator=generator)).exp()
            first.weight.mul_(factor_c[:, None])
            first.bias.mul_(factor_c)
            second.weight.div_(factor_c)

    def ask(name: str) -> None:
        for bits in (8, 4):
            for granularity in ("tensor", "channel"):
                copied = copy.deepcopy(scaled)
                quantize_model(copied, QuantSpec(bits=bits, granularity=granularity))
                found[f"{name}:{granularity}@{bits}"] = right(copied, data.test_np, data.answers_n)

    with torch.no_grad():
        ask("scaled")
        before = scaled(data.test_np)
        equalise_chain(layers)
        found["moved"] = float((scaled(data.test_np) - before).abs().max() / before.abs().max())
        ask("equalised")
    return found


def convolutions(scale: "Settings", seed: int) -> dict[str, Any]:
    """Zero-shot calibration, mixed precision and integer-only inference of one seed's convolutional network."""
    data = digits(scale, seed)
    model = convolutional(data, scale, seed)
    asked = data.images(data.test_np)
    found: dict[str, Any] = {"n": len(data.answers_n), "float": right(model, asked, data.answers_n)}
    ends = tuple((end - data.mean) / data.deviation for end in (0.0, 1.0))
    ranges = norm_ranges(model, input_range=(ends[0], ends[1]))
    shape = (1, data.side, data.side)
    made = distil_inputs(model, shape, steps=scale.distil_steps, seed=seed)
    found["distilled"] = [made.losses[0], made.losses[-1]]
    noise = torch.randn(64, *shape, generator=torch.Generator().manual_seed(seed))
    folded = copy.deepcopy(model)
    fold_batch_norms(folded)
    for bits in (8, 4):
        quantized = copy.deepcopy(folded)
        quantize_model(quantized, QuantSpec(bits=bits, granularity="channel"))
        spec = QuantSpec(bits=bits, symmetric=False, signed=False)
        sets: dict[str, dict[str, Any]] = {
            "real data": {"batches": [data.images(data.train_np[: scale.calibration])]},
            "generated data": {"batches": [made.inputs]},
            "batch norms": {"ranges": ranges},
            "noise": {"batches": [noise]},
        }
        for name, how in sets.items():
            with quantize_inputs(quantized, spec, **how):
                found[f"{name}@{bits}"] = right(quantized, asked, data.answers_n)
    found["mixed"] = mixed(folded, data, scale, seed)
    found["integers"] = integers(folded, [data.images(data.train_np[: scale.calibration])], asked)
    return found


def mixed(model: nn.Sequential, data: Digits, scale: "Settings", seed: int) -> dict[str, Any]:
    """Layers at 2, 4 or 8 bits within the size of 3 bits: by Hessian traces, by them reversed, and shuffled."""
    choices = (2, 4, 8)
    layers = [layer for layer in model if isinstance(layer, nn.Linear | nn.Conv2d)]
    x, labels_n = data.images(data.train_np[:500]), data.labels_n[:500]
    traces = hutchinson(
        lambda: nn.functional.cross_entropy(model(x), labels_n),
        [layer.weight for layer in layers],
        samples=scale.trace_samples,
        seed=seed,
    )
    specs = {bits: QuantSpec(bits=bits, granularity="channel", range="mse") for bits in choices}
    near = [[quantize(layer.weight, specs[bits]).dequantize() for bits in choices] for layer in layers]
    per_weight = [max(t.value, 0.0) / layer.weight.numel() for t, layer in zip(traces, layers, strict=True)]
    sizes = [[layer.weight.numel() * bits / 8 for bits in choices] for layer in layers]
    budget = sum(layer.weight.numel() for layer in layers) * 3 / 8

    def ask(by: list[float]) -> dict[str, Any]:
        costs = [
            [sensitivity(value * layer.weight.numel(), layer.weight.detach(), w) for w in of]
            for value, layer, of in zip(by, layers, near, strict=True)
        ]
        chosen = allocate(costs, sizes, budget)
        copied = copy.deepcopy(model)
        with torch.no_grad():
            for layer, of, choice in zip(
                (m for m in copied if isinstance(m, nn.Linear | nn.Conv2d)), near, chosen.choices, strict=True
            ):
                layer.weight.copy_(of[choice])
        answered = right(copied, data.images(data.test_np), data.answers_n)
        return {"right": answered, "bits": [choices[c] for c in chosen.choices], "size": chosen.size / budget}

    rank = np.argsort(np.argsort(per_weight))
    opposite = [sorted(per_weight, reverse=True)[r] for r in rank]
    rng = np.random.default_rng(seed)
    return {
        "traces": [[t.value, t.error] for t in traces],
        "by traces": ask(per_weight),
        "reversed": ask(opposite),
        "random": [ask(list(rng.permutation(per_weight))) for _ in range(scale.random_allocations)],
    }
