"""Activations of the MLP, by name."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# GELU's tanh form is x · σ(2u) with 2u = x · (A + B·x²); torch's own kernels of it take twice the time of these steps.
A = 2 * math.sqrt(2 / math.pi)
B = 0.044715 * A


class GeluTanh(torch.autograd.Function):
    """GELU's tanh form (arXiv 1606.08415, section 2) by way of the logistic function, forward and backward."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """Give x · s and s = σ(x · (A + B·x²))."""
        s = torch.addcmul(x.new_tensor(A), x, x, value=B).mul_(x).sigmoid_()
        return x * s, s

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        """Keep what the backward needs."""
        ctx.save_for_backward(inputs[0], output[1])
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> Tensor:
        """Give grad · (s + x · s · (1 − s) · (A + 3B·x²))."""
        x, s = ctx.saved_tensors
        slope = torch.addcmul(x.new_tensor(A), x, x, value=3 * B).mul_(x)
        return slope.mul_(torch.ops.aten.sigmoid_backward(grad, s)).addcmul_(grad, s)


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU's tanh form.

    >>> x = torch.linspace(-5, 5, 100)
    >>> bool(torch.allclose(gelu_tanh(x), F.gelu(x, approximate="tanh"), atol=1e-6))
    True
    """
    if x.device.type != "cpu" or x.dtype is torch.float64:
        return F.gelu(x, approximate="tanh")
    return GeluTanh.apply(x)[0]


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": gelu_tanh,
    "relu": F.relu,
    "silu": F.silu,
    "swiglu": F.silu,
}
