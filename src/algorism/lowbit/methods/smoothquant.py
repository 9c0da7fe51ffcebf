"""SmoothQuant: move outliers from activations into weights, where they do less harm.

Source: arXiv 2211.10438, equation 4. Shape letters: o outputs, i inputs.
"""

import torch
from torch import Tensor

from ...errors import ShapeError, UsageError
from ..layout import checked


def smoothing_scale(peak_i: Tensor, weight_oi: Tensor, alpha: float = 0.5) -> Tensor:
    """S = max|x|^α / max|w|^(1 − α): inputs are divided by it, weights multiplied, and the product stays.

    Args:
        peak_i: the largest |x| of each input on the calibration set.
        weight_oi: the weight (or the weights of all layers that share the inputs, stacked).
        alpha: how much of the difficulty is moved, 0 to 1.

    Returns:
        s (i,); 1 for inputs that are never anything but 0, or are not used.

    Raises:
        ShapeError: another width.
        UsageError: alpha outside 0 to 1.
        DataError: NaN or infinity.

    >>> smoothing_scale(torch.tensor([16.0]), torch.tensor([[4.0]])).tolist()
    [2.0]
    """
    if not 0 <= alpha <= 1:
        raise UsageError(f"SmoothQuant: alpha lies from 0 to 1; got {alpha}.")
    peak_i, used_i = checked(peak_i, "activation peaks").abs(), checked(weight_oi, "weights").abs().amax(0)
    if peak_i.shape != used_i.shape:
        raise ShapeError(f"SmoothQuant: {tuple(peak_i.shape)} peaks for a weight of {len(used_i)} inputs.")
    both_i = (peak_i > 0) & (used_i > 0)
    scale_i = peak_i.clamp(min=1e-30).pow(alpha) / used_i.clamp(min=1e-30).pow(1 - alpha)
    return torch.where(both_i, scale_i, torch.ones_like(scale_i))
