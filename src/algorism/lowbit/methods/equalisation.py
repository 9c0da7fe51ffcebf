"""Cross-layer equalisation: scale one layer's outputs down and the next one's inputs up, until ranges match.

ReLU lets a positive factor through, so the network computes what it did before. Other activations do not: replace ReLU6
by ReLU first. Source: arXiv 1906.04721 (DFQ), section 4.1; the depthwise triple as in AIMET.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ...errors import ShapeError, UsageError
from ..layout import checked

Layer = nn.Linear | nn.Conv2d


def equalise(first: Layer, second: Layer) -> Tensor:
    """Equalise two layers with nothing but a ReLU between them, in place.

    Args:
        first: its output channels are divided by s.
        second: its input channels are multiplied by s; not grouped.

    Returns:
        s = r1 / √(r1 · r2) for each channel between them, r the largest |w|; 1 where a range is 0.

    Raises:
        ShapeError: the second layer does not take the first one's channels.
        UsageError: the second layer is a grouped convolution.
        DataError: NaN or infinity.

    >>> a, b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    >>> _ = a.weight.data.fill_(8.0), b.weight.data.fill_(2.0)
    >>> equalise(a, b).item(), a.weight.item(), b.weight.item()
    (2.0, 4.0, 4.0)
    """
    if isinstance(second, nn.Conv2d) and second.groups != 1:
        raise UsageError("equalise: the second layer is grouped; use equalise_depthwise for a depthwise triple.")
    _check(first, second, second.weight.shape[1])
    r1_c = _out_range(first)
    r2_c = checked(second.weight, "weights").transpose(0, 1).flatten(1).abs().amax(1)
    s_c = _guarded(r1_c / (r1_c.double() * r2_c).sqrt().float(), r1_c, r2_c)
    with torch.no_grad():
        _scale_out(first, 1 / s_c)
        second.weight.mul_(s_c.reshape(1, -1, *[1] * (second.weight.dim() - 2)))
    return s_c


def equalise_depthwise(first: Layer, middle: nn.Conv2d, last: Layer) -> tuple[Tensor, Tensor]:
    """Equalise a convolution, a depthwise one and a convolution together, in place.

    Returns:
        S12 = r1 / ∛(r1 r2 r3) and S23 = ∛(r1 r2 r3) / r3.

    Raises:
        ShapeError, UsageError, DataError: as `equalise`; the middle one must be depthwise.
    """
    channels = first.weight.shape[0]
    if not middle.groups == channels == middle.weight.shape[0]:
        raise UsageError(f"equalise_depthwise: the middle layer must have {channels} groups of one channel.")
    _check(middle, last, last.weight.shape[1])
    r1_c, r2_c = _out_range(first), _out_range(middle)
    r3_c = checked(last.weight, "weights").transpose(0, 1).flatten(1).abs().amax(1)
    root_c = (r1_c.double() * r2_c * r3_c).pow(1 / 3).float()
    s12_c = _guarded(r1_c / root_c, r1_c, r2_c, r3_c)
    s23_c = _guarded(root_c / r3_c, r1_c, r2_c, r3_c)
    with torch.no_grad():
        _scale_out(first, 1 / s12_c)
        middle.weight.mul_((s12_c / s23_c).reshape(-1, 1, 1, 1))
        if middle.bias is not None:
            middle.bias.div_(s23_c)
        last.weight.mul_(s23_c.reshape(1, -1, *[1] * (last.weight.dim() - 2)))
    return s12_c, s23_c


def equalise_chain(layers: Sequence[Layer], *, iterations: int = 100, tolerance: float = 1e-6) -> int:
    """Equalise all neighbours of a chain, in place, until no factor is farther than `tolerance` from 1.

    Returns:
        Rounds that were made.
    """
    for done in range(1, iterations + 1):
        farthest = max(
            (float((equalise(first, second) - 1).abs().max()) for first, second in pairwise(layers)), default=0.0
        )
        if farthest <= tolerance:
            return done
    return iterations


def _check(first: Layer, second: Layer, inputs: int) -> None:
    if first.weight.shape[0] != inputs:
        raise ShapeError(
            f"equalise: the first layer has {first.weight.shape[0]} outputs, the second {inputs} inputs. "
            "Only layers that follow each other can be equalised."
        )


def _out_range(layer: Layer) -> Tensor:
    return checked(layer.weight, "weights").flatten(1).abs().amax(1)


def _guarded(s_c: Tensor, *ranges: Tensor) -> Tensor:
    empty_c = torch.stack([r_c == 0 for r_c in ranges]).any(0)
    return torch.where(empty_c, torch.ones_like(s_c), s_c)


def _scale_out(layer: Layer, factor_c: Tensor) -> None:
    layer.weight.mul_(factor_c.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    if layer.bias is not None:
        layer.bias.mul_(factor_c)
