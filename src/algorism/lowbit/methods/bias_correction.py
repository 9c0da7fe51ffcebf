"""Bias correction: rounding moves the mean of each output; take that from the bias.

Source: arXiv 1906.04721 (DFQ), section 4.2. Shape letters: o outputs, i inputs, n samples.
"""

import torch
from torch import Tensor
from torch.distributions import Normal

from ...errors import UsageError
from .layers import check_inputs


def mean_shift(
    weight_oi: Tensor, quantized_oi: Tensor, inputs_ni: Tensor, float_inputs_ni: Tensor | None = None
) -> Tensor:
    """How far the outputs' means moved, measured: to be subtracted from the bias.

    Args:
        weight_oi: the float weight.
        quantized_oi: the same weight, dequantized.
        inputs_ni: inputs that the quantized layer sees.
        float_inputs_ni: inputs of the float network. With them, errors of earlier layers are corrected as well;
            without, both layers are fed `inputs_ni`, and only this layer's error is.

    Returns:
        (o,), float32.

    Raises:
        DataError: an empty calibration set, NaN, infinity.
        ShapeError: another width.

    >>> w, q = torch.tensor([[0.6]]), torch.tensor([[1.0]])
    >>> round(mean_shift(w, q, torch.tensor([[1.0], [3.0]])).item(), 4)
    0.8
    """
    mean_i = check_inputs(weight_oi, inputs_ni).mean(0)
    if float_inputs_ni is None:
        return (quantized_oi - weight_oi).float() @ mean_i
    return quantized_oi.float() @ mean_i - weight_oi.float() @ check_inputs(weight_oi, float_inputs_ni).mean(0)


def expected_input(beta_i: Tensor, gamma_i: Tensor, activation: str = "relu") -> Tensor:
    """Mean of a layer's inputs that come from batch norm and an activation, without data.

    Args:
        beta_i: the norm's shift, the mean before the activation.
        gamma_i: the norm's scale, of which the size is the deviation.
        activation: "relu", "relu6" or "none".

    Returns:
        E[x] (i,): for ReLU β(1 − Φ(−β/γ)) + γ φ(−β/γ).

    Raises:
        UsageError: another activation.

    >>> round(expected_input(torch.zeros(1), torch.ones(1)).item(), 4)  # 1 / √(2π)
    0.3989
    """
    if activation == "none":
        return beta_i.clone()
    if activation not in ("relu", "relu6"):
        raise UsageError(f"expected_input: activation is 'relu', 'relu6' or 'none'; got {activation!r}.")
    sigma_i = gamma_i.abs().clamp(min=1e-12)
    normal = Normal(torch.zeros_like(sigma_i), torch.ones_like(sigma_i))

    def above(threshold: float) -> Tensor:
        """E[max(x − threshold, 0)]."""
        z_i = (beta_i - threshold) / sigma_i
        return (beta_i - threshold) * normal.cdf(z_i) + sigma_i * normal.log_prob(z_i).exp()

    return above(0.0) if activation == "relu" else above(0.0) - above(6.0)


def expected_shift(weight_oi: Tensor, quantized_oi: Tensor, mean_i: Tensor) -> Tensor:
    """How far the outputs' means moved, by the inputs' expected mean: ε E[x] (o,)."""
    return (quantized_oi - weight_oi).float() @ mean_i.float()
