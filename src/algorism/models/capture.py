"""What a layer's attention looks at: its weights, computed again from what went into it.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width.
"""

from typing import Any, cast

import torch
from torch import Tensor

from ..errors import ShapeError
from .attention import future
from .positions import rotate
from .transformer import Block, Transformer


@torch.no_grad()
def attention_weights(model: Transformer, ids_bt: Tensor, layer: int, positions: Tensor | None = None) -> Tensor:
    """Attention weights of one layer (in its last loop), (b, h, t, s); every row sums to 1.

    Args:
        model: a transformer of ours; its training mode is restored afterwards.
        ids_bt: token ids.
        layer: counted from 0.
        positions: index of each token, as the model's `forward` takes it.

    Raises:
        ShapeError: no such layer.

    >>> from algorism.models.config import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab=9, context=8, layers=2, heads=2, width=8))
    >>> attention_weights(model, torch.tensor([[1, 2, 3]]), layer=1).shape
    torch.Size([1, 2, 3, 3])
    """
    c = model.config
    if not 0 <= layer < c.layers:
        raise ShapeError(f"attention_weights: expected a layer from 0 to {c.layers - 1}, got {layer}.")
    attention = cast(Block, model.blocks[layer]).attention
    went_in: list[Any] = []
    hook = attention.register_forward_pre_hook(lambda _, args: went_in.append(args))
    was_training = model.training
    try:
        model.eval()(ids_bt, positions=positions)
    finally:
        hook.remove()
        model.train(was_training)
    x_btm, (angles, scale_ht1, bias_hts) = went_in[-1][:2]
    b, t = ids_bt.shape
    q_bhtd, k_bhtd = attention.qkv(x_btm).view(b, t, 3, c.heads, c.head_width).permute(2, 0, 3, 1, 4)[:2]
    if angles is not None:
        q_bhtd, k_bhtd = rotate(q_bhtd, angles), rotate(k_bhtd, angles)
    if scale_ht1 is not None:
        q_bhtd = q_bhtd * scale_ht1
    scores_bhts = q_bhtd @ k_bhtd.transpose(-1, -2) * c.head_width**-0.5
    if bias_hts is not None:
        scores_bhts = scores_bhts + bias_hts
    return (scores_bhts + future(t, t, scores_bhts)).softmax(-1)


def attention_mass(weights_bhts: Tensor, wanted_bts: Tensor) -> Tensor:
    """How much of its attention each head gives to certain keys, (h,): the mean over queries that have any.

    Args:
        weights_bhts: as `attention_weights` gives them.
        wanted_bts: True where a query's key is one of them.

    >>> weights = torch.tensor([[[[1.0, 0.0], [0.25, 0.75]]]])
    >>> attention_mass(weights, torch.tensor([[[False, False], [False, True]]]))
    tensor([0.7500])
    """
    if wanted_bts.shape != weights_bhts[:, 0].shape:
        raise ShapeError(
            f"attention_mass: expected wanted keys of shape {tuple(weights_bhts[:, 0].shape)}, "
            f"got {tuple(wanted_bts.shape)}."
        )
    asked = wanted_bts.any(-1).sum().clamp(min=1)
    return (weights_bhts * wanted_bts[:, None]).sum((0, 2, 3)) / asked
