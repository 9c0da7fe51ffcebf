"""Post-training methods: each takes a weight as a matrix, and `quantize_model` takes them to a whole network."""

from .adaround import adaround
from .awq import AwqResult, awq, awq_by_moments
from .bias_correction import expected_input, expected_shift, mean_shift
from .equalisation import equalise, equalise_chain, equalise_depthwise
from .gptq import GptqResult, gptq
from .layers import input_rows, row_errors, second_moment, weight_rows
from .network import METHODS, LayerReport, ModelReport, quantize_model
from .rtn import rtn
from .smoothquant import smoothing_scale
from .walk import capture

__all__ = [
    "METHODS",
    "AwqResult",
    "GptqResult",
    "LayerReport",
    "ModelReport",
    "adaround",
    "awq",
    "awq_by_moments",
    "capture",
    "equalise",
    "equalise_chain",
    "equalise_depthwise",
    "expected_input",
    "expected_shift",
    "gptq",
    "input_rows",
    "mean_shift",
    "quantize_model",
    "row_errors",
    "rtn",
    "second_moment",
    "smoothing_scale",
    "weight_rows",
]
