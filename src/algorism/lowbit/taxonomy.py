"""Everything this room can do, as leaves of the survey's tree: one row for each part, with the paper it is from.

The branches are the sections of arXiv 2103.13630. Documentation, the study's picture, and a test that nothing is
missing here are drawn from the rows; adding a part is adding its row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from . import (
    aciq,
    activations,
    distillation,
    dyadic,
    extreme,
    folding,
    integer,
    integer_conv,
    integer_models,
    mixed,
    nonuniform,
    observers,
    qat,
    qat_activations,
    qat_weights,
    quantizer,
    ranges,
    storage,
    vector,
    zero_shot,
)
from .methods import (
    adaround,
    awq,
    equalise_chain,
    equalise_depthwise,
    expected_shift,
    gptq,
    mean_shift,
    rtn,
    smoothing_scale,
)

Needs = Literal["nothing", "batch norms", "inputs", "training data"]
NEEDS: tuple[Needs, ...] = get_args(Needs)
Quantizes = Literal["weights", "activations", "both"]

SURVEY = "2103.13630"


@dataclass(frozen=True)
class Leaf:
    """One part.

    Args:
        name: what people call it.
        branch: place in the tree, from the root; each a section of the survey.
        part: the class or function that does it.
        source: arXiv number, or a citation.
        needs: what it must be given besides the weights.
        quantizes: what it is for.
        key: how a specification or a table names it, if one does.
    """

    name: str
    branch: tuple[str, ...]
    part: Callable[..., Any]
    source: str = SURVEY
    needs: Needs = "nothing"
    quantizes: Quantizes = "both"
    key: str = ""


UNIFORM, NONUNIFORM = ("grid", "uniform"), ("grid", "non-uniform")
STATIC, DYNAMIC = ("range", "calibration"), ("range", "static or dynamic")
GRANULARITY, ROUNDING = ("granularity",), ("rounding",)
POST, TRAINED, ZERO_SHOT = ("recovery", "post-training"), ("recovery", "training"), ("recovery", "zero-shot")
EXECUTION, MIXED = ("execution",), ("mixed precision",)
DISTILLED, EXTREME, VECTOR = ("distillation",), ("one and two bits",), ("vectors",)

TAXONOMY: tuple[Leaf, ...] = (
    Leaf("symmetric, restricted or full range", UNIFORM, quantizer.quantize),
    Leaf("asymmetric, with a zero point", UNIFORM, quantizer.grid_of_range),
    Leaf("k-means codebook (Lloyd-Max)", NONUNIFORM, nonuniform.quantize_codebook, "1510.00149", key="kmeans"),
    Leaf("power of two", NONUNIFORM, nonuniform.power_of_two_levels, "1702.03044", key="power-of-two"),
    Leaf("sum of powers of two (APoT)", NONUNIFORM, nonuniform.apot_levels, "1909.13144", key="apot"),
    Leaf("normal float (NF4)", NONUNIFORM, nonuniform.fixed_levels, "2305.14314", key="nf4"),
    Leaf("fp8 e4m3", NONUNIFORM, nonuniform.round_fp8, "2209.05433", key="fp8-e4m3"),
    Leaf("fp8 e5m2", NONUNIFORM, nonuniform.round_fp8, "2209.05433", key="fp8-e5m2"),
    Leaf("fitted bit basis (LQ-Nets)", NONUNIFORM, extreme.bit_basis, "1807.10029", quantizes="weights"),
    Leaf("min-max", STATIC, observers.MinMax, needs="inputs", key="minmax"),
    Leaf("moving average", STATIC, observers.MovingAverage, needs="inputs", key="moving-average"),
    Leaf("percentile", STATIC, ranges.percentile, needs="inputs", key="percentile"),
    Leaf("entropy (TensorRT)", STATIC, ranges.entropy, "Migacz, GTC 2017", needs="inputs", key="entropy"),
    Leaf("least squared error", STATIC, ranges.mse, needs="inputs", key="mse"),
    Leaf("analytic clip (ACIQ)", STATIC, aciq.best_clip, "1810.05723", needs="inputs", key="aciq"),
    Leaf("static inputs", DYNAMIC, activations.quantize_inputs, needs="inputs", quantizes="activations"),
    Leaf("dynamic inputs", DYNAMIC, activations.quantize_inputs, quantizes="activations"),
    Leaf("per tensor", GRANULARITY, quantizer.quantize, key="tensor"),
    Leaf("per channel", GRANULARITY, quantizer.quantize, key="channel", quantizes="weights"),
    Leaf("per group of a channel", GRANULARITY, quantizer.quantize, key="group", quantizes="weights"),
    Leaf("per token", GRANULARITY, quantizer.quantize, key="token", quantizes="activations"),
    Leaf("to nearest, ties to even", ROUNDING, quantizer.quantize, key="nearest"),
    Leaf("as torch adds the zero point", ROUNDING, quantizer.quantize, "PyTorch", key="torch"),
    Leaf("stochastic", ROUNDING, quantizer.quantize, key="stochastic"),
    Leaf("round to nearest", POST, rtn, quantizes="weights", key="rtn"),
    Leaf("bias correction, measured", POST, mean_shift, "1906.04721", "inputs", "weights"),
    Leaf("bias correction, analytic", POST, expected_shift, "1906.04721", "batch norms", "weights"),
    Leaf("cross-layer equalisation", POST, equalise_chain, "1906.04721", quantizes="weights"),
    Leaf("equalisation, depthwise", POST, equalise_depthwise, "1906.04721", quantizes="weights"),
    Leaf("batch-norm folding", POST, folding.fold_batch_norms, "1712.05877", "batch norms", "weights"),
    Leaf("AdaRound", POST, adaround, "2004.10568", "inputs", "weights", "adaround"),
    Leaf("GPTQ", POST, gptq, "2210.17323", "inputs", "weights", "gptq"),
    Leaf("activation-aware scaling (AWQ)", POST, awq, "2306.00978", "inputs", "weights", "awq"),
    Leaf("SmoothQuant", POST, smoothing_scale, "2211.10438", "inputs"),
    Leaf("straight through", TRAINED, qat.FakeQuantize, "1308.3432", "training data", "weights", "ste"),
    Leaf("learned step size (LSQ)", TRAINED, qat.FakeQuantize, "1902.08153", "training data", "weights", "lsq"),
    Leaf("noise instead of rounding", TRAINED, qat.FakeQuantize, "2004.07320", "training data", "weights", "noise"),
    Leaf("LSQ+, with an offset", TRAINED, qat_activations.LearnedStepOffset, "2004.09576", "training data",
         "activations"),
    Leaf("PACT", TRAINED, qat_activations.Pact, "1805.06085", "training data", "activations"),
    Leaf("DoReFa, activations", TRAINED, qat_activations.DoReFaActivation, "1606.06160", "training data",
         "activations"),
    Leaf("DoReFa, weights", TRAINED, qat_weights.DoReFaWeight, "1606.06160", "training data", "weights"),
    Leaf("ranges of batch norms", ZERO_SHOT, zero_shot.norm_ranges, "1906.04721", "batch norms", "activations"),
    Leaf("generated inputs (ZeroQ)", ZERO_SHOT, zero_shot.distil_inputs, "2001.00281", "batch norms"),
    Leaf("simulated", EXECUTION, quantizer.fake_quantize),
    Leaf("packed storage", EXECUTION, storage.save_quantized, quantizes="weights"),
    Leaf("dyadic rescaling", EXECUTION, dyadic.rescale, "2011.10680"),
    Leaf("integer linear layer", EXECUTION, integer.IntegerLinear, "2011.10680"),
    Leaf("integer convolution", EXECUTION, integer_conv.IntegerConv2d, "2011.10680"),
    Leaf("integer-only network", EXECUTION, integer_models.integer_network, "2011.10680", "inputs"),
    Leaf("Hessian trace (Hutchinson)", MIXED, mixed.hutchinson, "1911.03852", "training data"),
    Leaf("bits within a budget, exactly", MIXED, mixed.allocate, "2011.10680"),
    Leaf("soft targets of the float network", DISTILLED, distillation.distillation_loss, "1503.02531",
         "training data"),
    Leaf("BinaryConnect", EXTREME, extreme.binary_connect, "1511.00363", quantizes="weights"),
    Leaf("XNOR-Net", EXTREME, extreme.xnor, "1603.05279", quantizes="weights"),
    Leaf("residual binarisation (HORQ)", EXTREME, extreme.residual_binary, "1708.08687"),
    Leaf("ternary weights (TWN)", EXTREME, extreme.ternary, "1605.04711", quantizes="weights"),
    Leaf("trained ternary (TTQ)", EXTREME, qat_weights.TrainedTernary, "1612.01064", "training data", "weights"),
    Leaf("XOR and counting of bits", EXTREME, extreme.binary_matmul, "1603.05279"),
    Leaf("vector quantization", VECTOR, vector.quantize_vectors, "1412.6115", quantizes="weights"),
    Leaf("product quantization", VECTOR, vector.quantize_vectors, "1412.6115", quantizes="weights"),
    Leaf("trained centroids", VECTOR, vector.share_vectors, "1510.00149", "training data", "weights"),
)  # fmt: skip


def tree() -> list[tuple[int, str, Leaf | None]]:
    """The taxonomy as indented lines: depth, words, and the leaf where it is one.

    >>> [line[:2] for line in tree()[:3]]
    [(0, 'grid'), (1, 'uniform'), (2, 'symmetric, restricted or full range')]
    """
    lines: list[tuple[int, str, Leaf | None]] = []
    open_branch: tuple[str, ...] = ()
    for leaf in TAXONOMY:
        for depth, word in enumerate(leaf.branch):
            if leaf.branch[: depth + 1] != open_branch[: depth + 1]:
                lines.append((depth, word, None))
        open_branch = leaf.branch
        lines.append((len(leaf.branch), leaf.name, leaf))
    return lines
