"""RMS norm that trains faster on a CPU: the same function as torch's, which is put together from seven passes there.

Shape letters: n rows, m width.
"""

from typing import Any

import torch
from torch import Tensor, nn


class RMSNorm(nn.RMSNorm):
    """`nn.RMSNorm` over the last axis, x / √(mean(x²) + ε) · weight (arXiv 1910.07467); see this file's beginning."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        if x.device.type != "cpu" or x.dtype is not torch.float32 or not torch.is_grad_enabled():
            return super().forward(x)
        return Normalise.apply(x, self.weight, self.eps)[0]


class Normalise(torch.autograd.Function):
    """RMS norm and its gradients, which need nothing but x and one number for each row."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight_m: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        """Give the norm, and 1 / √(mean(x²) + ε) of each row."""
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        factor = size.square().mul_(1 / x.shape[-1]).add_(eps).rsqrt_()
        return (x * factor).mul_(weight_m), factor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float], output: tuple[Tensor, Tensor]) -> None:
        """Keep input, weight and the rows' factors."""
        ctx.save_for_backward(inputs[0], inputs[1], output[1])
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        """Give, with y = x · factor and h = grad · weight: factor · (h − y · mean(h · y)), and Σ grad · y."""
        x, weight_m, factor = ctx.saved_tensors
        y = x * factor
        product = grad * y
        mean = (product @ weight_m)[..., None] * (-1 / x.shape[-1])
        return torch.addcmul(grad * weight_m, y, mean) * factor, product.flatten(0, -2).sum(0), None
