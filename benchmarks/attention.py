"""Seconds of attention, forward and backward, by length: torch's fused kernel against matrix products.

The rule in `algorism.models.attention` (which of the two trains a text of a given length) comes from these rows: a
ratio above 1 says that matrix products win. 4 heads of width 16, about 4,600 tokens a batch, two threads.
"""

import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from _harness import Comparison, compare, main
from algorism.memory import freed_memory_kept
from algorism.models.attention import SHORT_UP_TO, attend_short

HEADS, WIDTH, TOKENS = 4, 16, 4608


def comparisons() -> Iterator[Comparison]:
    """Measure both at lengths around the rule's."""
    with freed_memory_kept():  # as in training
        yield from by_length()


def by_length() -> Iterator[Comparison]:
    """Measure length by length."""
    torch.set_num_threads(2)
    for dtype, length in itertools.product(SHORT_UP_TO, (16, 32, 64, 128, 256, 512, 1024)):
        qkv_btn = torch.randn(TOKENS // length, length, 3 * HEADS * WIDTH).to(dtype).requires_grad_()
        grad_btm = torch.randn(TOKENS // length, length, HEADS * WIDTH).to(dtype)

        def ours(qkv_btn: torch.Tensor = qkv_btn, grad_btm: torch.Tensor = grad_btm) -> None:
            attend_short(qkv_btn, None, HEADS).backward(grad_btm)

        def peer(qkv_btn: torch.Tensor = qkv_btn, grad_btm: torch.Tensor = grad_btm) -> None:
            b, t, _ = qkv_btn.shape
            q, k, v = qkv_btn.view(b, t, 3, HEADS, WIDTH).permute(2, 0, 3, 1, 4)
            y_bhtd = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            y_bhtd.transpose(1, 2).reshape(b, t, HEADS * WIDTH).backward(grad_btm)

        used = "used" if length <= SHORT_UP_TO[dtype] else "not used"
        yield compare(
            f"{str(dtype).removeprefix('torch.')}, {length} tokens ({used})",
            ours,
            peer,
            peer_name="torch scaled_dot_product_attention",
            unit="s",
            quantity="seconds",
            runs=9,
            warmups=3,
            packages=("torch",),
        )


if __name__ == "__main__":
    main(__doc__, comparisons)
