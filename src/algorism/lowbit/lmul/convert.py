"""Replace the products of a network by L-Mul, and put the exact ones back.

Works on our transformer and on Hugging Face models whose attention goes through `transformers.AttentionInterface`; of
any other module the linear layers can be replaced. What is not replaced is listed with the reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from torch import nn

from ...errors import UsageError
from ...models.linear import Linear
from ...models.positions import PositionScheme
from ...models.transformer import MLP, Attention, Transformer
from .arithmetic import Arithmetic, LMul
from .formats import Offset, Rounding
from .modules import LMulAttention, LMulConv1D, LMulLinear, LMulNorm, attention_for_transformers
from .multiply import Backward

Where = Literal["attention", "linear", "all"]
WHERE: tuple[Where, ...] = ("attention", "linear", "all")
FUSED = (nn.MultiheadAttention, nn.TransformerEncoderLayer)


@dataclass
class Conversion:
    """What was replaced in a model; as a context manager it puts everything back at the end.

    Args:
        model: the model, changed in place.
        converted: names of the modules whose products are replaced.
        left: modules that hold products of the kind asked for and keep them exact, with the reason.
    """

    model: nn.Module
    converted: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    undo: list[Callable[[], None]] = field(default_factory=list)

    def revert(self) -> nn.Module:
        """Put the replaced modules back; weights trained meanwhile stay, since they were shared. Once is enough."""
        while self.undo:
            self.undo.pop()()
        return self.model

    def __enter__(self) -> nn.Module:
        return self.model

    def __exit__(self, *_: object) -> None:
        self.revert()

    def replace(self, name: str, new: nn.Module | None) -> None:
        """Put another module in a place, and remember the old one."""
        parent_name, _, child = name.rpartition(".")
        parent = self.model.get_submodule(parent_name)
        old = getattr(parent, child)
        if new is not None and old is not None:
            new.train(old.training)
        setattr(parent, child, new)
        self.undo.append(lambda: setattr(parent, child, old))


def convert(
    model: nn.Module,
    where: Where = "attention",
    bits: int | None = None,
    *,
    rounding: Rounding = "trunc",
    offset: Offset = "paper",
    saturate: bool = False,
    backward: Backward = "exact",
    arithmetic: Arithmetic | None = None,
) -> Conversion:
    """Replace products in a model, in place, until `revert`.

    Args:
        model: a transformer of ours, a Hugging Face model, or (linear layers only) any module.
        where: "attention" (Q · Kᵀ and P · V, projections stay exact), "linear" (linear layers, the head as well), or
            "all" (both, and the gains of norms). A head that is tied to the embedding becomes a layer of its own that
            shares the embedding's weight; the state dictionary names it until the conversion is reverted.
        bits: mantissa bits of L-Mul; None for all that the operands have.
        rounding: as in `multiply`.
        offset: as in `multiply`.
        saturate: as in `multiply`.
        backward: as in `matmul`; training works with either.
        arithmetic: another one than L-Mul, such as `Rounded("e4m3")`; then the options before it say nothing.

    Returns:
        What was replaced and what was not, with `revert`.

    Raises:
        UsageError: an unknown option, a model that is converted already, or nothing in it to convert.

    >>> from algorism.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab=16, context=8, layers=1, heads=2, width=8))
    >>> convert(model, "attention", bits=4).converted
    ['blocks.0.attention']
    """
    if where not in WHERE:
        raise UsageError(f"lmul.convert: where is one of {', '.join(map(repr, WHERE))}; got {where!r}.")
    by = arithmetic or LMul(bits, rounding, offset, saturate, backward)
    if is_converted(model):
        raise UsageError("lmul.convert: this model is converted already; revert the first conversion before another.")
    done = Conversion(model)
    try:
        if where != "linear":
            convert_attention(done, by)
        if where != "attention":
            convert_layers(done, by, norms=where == "all")
    except BaseException:
        done.revert()
        raise
    if not done.converted:
        raise UsageError(
            f"lmul.convert: found nothing to convert for where={where!r} in a {type(model).__name__}. "
            + ("Left: " + "; ".join(f"{name}: {why}" for name, why in done.left.items()) if done.left else "")
        )
    return done


def is_converted(model: nn.Module) -> bool:
    """Whether a conversion of this model has not been reverted."""
    kinds = (LMulLinear, LMulConv1D, LMulNorm, LMulAttention)
    attention = str(getattr(getattr(model, "config", None), "_attn_implementation", ""))
    return attention.startswith(("lmul_", "rounded_")) or any(isinstance(module, kinds) for module in model.modules())


def convert_attention(done: Conversion, by: Arithmetic) -> None:
    """Replace Q · Kᵀ and P · V."""
    for name, module in list(done.model.named_modules()):
        if isinstance(module, Attention):
            done.replace(name, LMulAttention(module, by))
            done.converted.append(name)
        elif isinstance(module, nn.MultiheadAttention):
            done.left[name] = "nn.MultiheadAttention computes its products inside one call of torch"
    if hasattr(done.model, "set_attn_implementation"):
        convert_transformers_attention(done, by)


def convert_transformers_attention(done: Conversion, by: Arithmetic) -> None:
    """Register the arithmetic's attention with `transformers`, and choose it for this model."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    model = cast(Any, done.model)
    before = model.config._attn_implementation
    AttentionInterface.register(by.name, attention_for_transformers(by))
    AttentionMaskInterface.register(by.name, eager_mask)
    model.set_attn_implementation(by.name)
    names = [name for name, module in model.named_modules() if name and type(module).__name__.endswith("Attention")]
    if model.config._attn_implementation == by.name:
        done.undo.append(lambda: model.set_attn_implementation(before))
        done.converted += names
    else:
        done.left |= dict.fromkeys(names, "this model's attention does not go through AttentionInterface")


def convert_layers(done: Conversion, by: Arithmetic, norms: bool) -> None:
    """Replace linear layers, and the gains of norms if asked."""
    fused = tuple(
        f"{name}." if name else "" for name, module in done.model.named_modules() if isinstance(module, FUSED)
    )
    for name, module in list(leaves(done.model)):
        if name.startswith(fused):
            done.left[name] = "torch's fused layer around it reads its weights past its forward"
            continue
        new = layer_for(module, by, norms)
        if new is not None and name:
            done.replace(name, new)
            done.converted.append(name)
        elif not isinstance(module, nn.Embedding) and (norms or not is_norm(module)):
            done.left[name] = f"no L-Mul form of {type(module).__name__}"
    for name, module in list(done.model.named_modules()):
        if isinstance(module, Attention):
            done.replace(name, LMulAttention(module, None))
        elif isinstance(module, Transformer) and module.head is None:
            head = f"{name}.head" if name else "head"
            done.replace(head, LMulLinear.sharing(cast(nn.Parameter, module.embed.weight), None, by))
            done.converted.append(head)
        elif norms and isinstance(module, MLP) and module.gate is not None:
            done.left[name] = "the product with the gate is computed inside MLP.forward"


def leaves(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules with weights of their own, by name; position schemes hold tables and are left out."""
    for name, module in model.named_modules():
        if not isinstance(module, PositionScheme) and any(True for _ in module.parameters(recurse=False)):
            yield name, module


def layer_for(module: nn.Module, by: Arithmetic, norms: bool) -> nn.Module | None:
    """The layer that replaces one; None if there is none."""
    if type(module) in (nn.Linear, Linear):  # a subclass may do more than one product
        return LMulLinear.sharing(cast(nn.Parameter, module.weight), cast(nn.Parameter | None, module.bias), by)
    if type(module).__name__ == "Conv1D" and hasattr(module, "nf"):
        return LMulConv1D(cast(nn.Parameter, module.weight), cast(nn.Parameter, module.bias), by)
    if norms and isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        return LMulNorm(module, by)
    return None


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a norm, by its class or its name."""
    return "norm" in type(module).__name__.lower()
