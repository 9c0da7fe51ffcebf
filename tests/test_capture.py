"""Attention weights computed again must give what the layer really mixed."""

import pytest
import torch

from algorism.errors import ShapeError
from algorism.models.capture import attention_weights
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer


@pytest.mark.parametrize("positions", ["none", "learned", "rope", "alibi", "clip2+penalty", "none+tempered"])
@pytest.mark.parametrize("layer", [0, 1])
def test_weights_mix_the_values_to_what_the_heads_gave_out(positions: str, layer: int):
    config = TransformerConfig(vocab=11, context=16, layers=2, heads=2, width=16, positions=positions, init_std=0.5)
    model = Transformer(config, seed=3)
    ids_bt = torch.randint(0, 11, (3, 9), generator=torch.Generator().manual_seed(0))
    weights_bhts = attention_weights(model, ids_bt, layer)
    seen = {}
    attention = model.blocks[layer].attention
    attention.heads_out.register_forward_hook(lambda module, args, out: seen.update(heads=out))
    attention.register_forward_pre_hook(lambda module, args: seen.update(x=args[0]))
    with torch.no_grad():
        model(ids_bt)
        v_bthd = attention.qkv(seen["x"]).view(3, 9, 3, 2, 8)[:, :, 2]
    mixed_bthd = torch.einsum("bhts,bshd->bthd", weights_bhts, v_bthd)
    torch.testing.assert_close(mixed_bthd, seen["heads"], atol=1e-5, rtol=1e-4)
    assert torch.all(weights_bhts.triu(1) == 0)
    torch.testing.assert_close(weights_bhts.sum(-1), torch.ones(3, 2, 9))


def test_an_unknown_layer_is_refused():
    model = Transformer(TransformerConfig(vocab=11, context=16, layers=2, heads=2, width=16))
    with pytest.raises(ShapeError, match="0 to 1"):
        attention_weights(model, torch.tensor([[1]]), 2)
