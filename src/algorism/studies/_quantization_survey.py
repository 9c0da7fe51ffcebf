"""The wiring of `quantization_survey`: networks that read digits, every method on copies of them, and its accuracy.

Holds no claim and no algorithm; everything here calls `lowbit` and `datasets`. Shape letters: n images, p pixels.
"""

import contextvars
import copy
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..claims import Measurement
from ..datasets import load
from ..errors import DataError
from ..evaluation.statistics import mean_interval
from ..lowbit import (
    CodebookSpec,
    Coded,
    Quantized,
    QuantSpec,
    TrainedTernary,
    VectorSpec,
    convert,
    distillation_loss,
    prepare,
    prepare_with,
    quantize_codebook,
    quantize_model,
    quantize_vectors,
    ternary,
)
from ..lowbit.vector import VectorCoded

if TYPE_CHECKING:
    from .quantization_survey import Settings

TRAINING = ("QAT", "QAT, LSQ", "QAT, distilled", "TTQ")


@dataclass(frozen=True)
class Digits:
    """Images and labels of one seed.

    Args:
        train_np, labels_n: to train on; pixels from 0 to 1.
        test_np, answers_n: to ask.
        side: rows and columns of an image.
        mean, deviation: of the training pixels.
    """

    train_np: Tensor
    labels_n: Tensor
    test_np: Tensor
    answers_n: Tensor
    side: int
    mean: float
    deviation: float

    def images(self, x_np: Tensor) -> Tensor:
        """Rows of pixels as normalised images (n, 1, h, w)."""
        return ((x_np - self.mean) / self.deviation).reshape(-1, 1, self.side, self.side)


def digits(scale: "Settings", seed: int) -> Digits:
    """MNIST where its files are, otherwise the digits that scikit-learn brings; the training images drawn by seed."""
    name = scale.images
    try:
        train, test = load(name, "train"), load(name, "test")
    except DataError:
        train, test = load("digits", "train"), load("digits", "test")
    train = train.sample(min(scale.train, len(train)), seed)
    test = test.subset(np.arange(min(scale.test, len(test))))
    x_np, asked_np = (torch.from_numpy(part.as_float(flat=True)) for part in (train, test))
    labels_n, answers_n = (torch.from_numpy(np.asarray(part.labels_n)) for part in (train, test))
    side = train.pixels.shape[1]
    return Digits(x_np, labels_n, asked_np, answers_n, side, float(x_np.mean()), float(x_np.std()))


def side_by_side(jobs: Sequence[Callable[[], dict[str, Any]]]) -> list[dict[str, Any]]:
    """Results of independent jobs, one thread for each core: small networks gain nothing from several."""

    def alone(job: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        torch.set_num_threads(1)
        return job()

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads) as pool:
            return [one.result() for one in [pool.submit(contextvars.copy_context().run, alone, job) for job in jobs]]
    finally:
        torch.set_num_threads(threads)


def right(model: nn.Module, x: Tensor, answers_n: Tensor) -> int:
    """How many a network gets right."""
    with torch.no_grad():
        given = [model(part).argmax(1) for part in x.split(1000)]
    return int((torch.cat(given) == answers_n).sum())


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def fitted(
    model: nn.Module, x: Tensor, labels_n: Tensor, *, epochs: int, rate: float, seed: int, loss: Loss | None = None
) -> nn.Module:
    """Train with Adam on batches of 100; `loss` gets logits, labels, and inputs."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=generator).split(100):
            optimizer.zero_grad()
            logits = model(x[chosen])
            value = nn.functional.cross_entropy(logits, labels_n[chosen])
            if loss is not None:
                value = loss(logits, labels_n[chosen], x[chosen])
            value.backward()
            optimizer.step()
    return model.eval()


# Layers draw their first weights from torch's one global generator: one thread at a time.
_BUILDING = threading.Lock()


def perceptron(data: Digits, scale: "Settings", seed: int) -> nn.Sequential:
    """The brief's network, trained: pixels to 128 to 64 to 10, with ReLU."""
    with _BUILDING, torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(data.side**2, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    fitted(model, data.train_np, data.labels_n, epochs=scale.epochs, rate=1e-3, seed=seed)
    return model


def convolutional(data: Digits, scale: "Settings", seed: int) -> nn.Sequential:
    """Five convolutions with batch norms, all of 16 channels so that no single layer holds most weights; trained."""
    with _BUILDING, torch.random.fork_rng():
        torch.manual_seed(seed)
        blocks: list[nn.Module] = []
        side = data.side
        for inputs, stride in ((1, 2), (16, 2), (16, 1), (16, 2), (16, 1)):
            convolution = nn.Conv2d(inputs, 16, 3, stride=stride, padding=1, bias=False)
            blocks += [convolution, nn.BatchNorm2d(16), nn.ReLU()]
            side = math.ceil(side / stride)
        model = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(16 * side**2, 10))
    fitted(model, data.images(data.train_np), data.labels_n, epochs=scale.conv_epochs, rate=3e-3, seed=seed)
    return model


# ---------------------------------------------------------------------------------------------------------------------
# Methods: each changes a copy of a network in place, and returns what would be stored of it.

Stored = Mapping[str, Quantized | Coded | VectorCoded]
CHANNEL = QuantSpec(granularity="channel", range="mse")


@dataclass(frozen=True)
class Given:
    """What a method may use besides the network.

    Args:
        batches: calibration inputs.
        tune: trains a network further; gets it and a loss.
        seed: of what is drawn.
        adaround: settings of AdaRound.
    """

    batches: Sequence[Any]
    tune: Callable[[nn.Module, Loss | None], Any]
    seed: int
    adaround: Mapping[str, Any]


def post_training(method: str, spec: QuantSpec, **more: Any) -> Callable[[nn.Module, int, Given], Stored]:
    """A row of `quantize_model`."""

    def apply(model: nn.Module, bits: int, given: Given) -> Stored:
        settings = given.adaround if method == "adaround" else None
        data = None if method == "rtn" and not more else given.batches
        found = quantize_model(
            model, replace(spec, bits=bits), method, data, settings=settings, seed=given.seed, **more
        )
        return found.quantized

    return apply


def codebooks(quantizer: Callable[[Tensor, int, int], Any]) -> Callable[[nn.Module, int, Given], Stored]:
    """A row of codes for each layer's weight as it is."""

    def apply(model: nn.Module, bits: int, given: Given) -> Stored:
        found = {}
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Linear):
                found[f"{name}.weight"] = quantizer(layer.weight.detach(), bits, given.seed)
                with torch.no_grad():
                    layer.weight.copy_(found[f"{name}.weight"].dequantize())
        return found

    return apply


def trained(name: str) -> Callable[[nn.Module, int, Given], Stored]:
    """A row of `prepare`, training and `convert`."""

    def apply(model: nn.Module, bits: int, given: Given) -> Stored:
        teacher = copy.deepcopy(model)
        spec = replace(CHANNEL, bits=bits)
        if name == "TTQ":
            prepare_with(model, TrainedTernary)
        else:
            prepare(model, spec, "lsq" if name == "QAT, LSQ" else "ste")

        def soft(logits: Tensor, labels_n: Tensor, x: Tensor) -> Tensor:
            with torch.no_grad():
                target = teacher(x)
            return distillation_loss(logits, target, labels_n)

        given.tune(model, soft if name == "QAT, distilled" else None)
        return convert(model)

    return apply


METHODS: dict[str, Callable[[nn.Module, int, Given], Stored]] = {
    "RTN, tensor": post_training("rtn", QuantSpec()),
    "RTN, channel": post_training("rtn", QuantSpec(granularity="channel")),
    "RTN, groups": post_training("rtn", QuantSpec(granularity="group", group_size=32)),
    "MSE clip": post_training("rtn", CHANNEL),
    "MSE + bias, layer": post_training("rtn", CHANNEL, correct_bias="layer"),
    "MSE + bias, network": post_training("rtn", CHANNEL, correct_bias="network"),
    "GPTQ": post_training("gptq", CHANNEL),
    "AWQ": post_training("awq", CHANNEL),
    "AdaRound": post_training("adaround", CHANNEL),
    "k-means": codebooks(lambda w, bits, seed: quantize_codebook(w, CodebookSpec("kmeans", bits))),
    "vectors of 2": codebooks(lambda w, bits, seed: quantize_vectors(w, VectorSpec(2 * bits, 2), seed=seed)),
    "TWN": codebooks(lambda w, bits, seed: ternary(w)),
    **{name: trained(name) for name in TRAINING},
}
WIDTHS = {"TWN": (2,), "TTQ": (2,), "vectors of 2": (4, 3, 2)}  # where not all


def stored_bits(found: Stored) -> float:
    """Bits of packed storage per weight, with scales and codebooks."""
    bits = weights = 0.0
    for tensor in found.values():
        count = math.prod(tensor.codes.shape if isinstance(tensor, Coded) else tensor.dequantize().shape)
        if isinstance(tensor, Coded):
            per_weight = tensor.spec.bits + 32 * (tensor.levels_ok.numel() + tensor.scale_og.numel()) / count
        else:
            per_weight = tensor.bits_per_weight
        bits, weights = bits + per_weight * count, weights + count
    return bits / weights


def difference(name: str, first: Sequence[float], second: Sequence[float], n: int, **details: Any) -> Measurement:
    """How far the first is above the second, seed by seed: the interval is Student's over seeds.

    Args:
        name: of the measurement.
        first: shares of each seed.
        second: the same, of the same seeds.
        n: test problems behind each share.
        details: kept with it.
    """
    each = [a - b for a, b in zip(first, second, strict=True)]
    found = mean_interval(each)
    return Measurement(name, found.value, found.low, found.high, n=n * len(each), seeds=len(each),
                       unit="accuracy gained", details={"seeds": each, **details})  # fmt: skip
