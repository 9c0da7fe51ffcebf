"""Small numbers: quantizers, calibration, and arithmetic with few bits, on any tensor or torch module."""

from .activations import quantize_inputs
from .distillation import distillation_loss
from .extreme import binary_connect, binary_matmul, bit_basis, residual_binary, ternary, xnor
from .folding import fold_batch_norms
from .integer_models import integer_network
from .methods import METHODS, ModelReport, quantize_model
from .mixed import allocate, hutchinson, sensitivity
from .nonuniform import CodebookSpec, Coded, quantize_codebook
from .observers import OBSERVERS, observer
from .qat import convert, prepare, prepare_with
from .qat_activations import DoReFaActivation, LearnedStepOffset, Pact
from .qat_weights import DoReFaWeight, TrainedTernary
from .quantizer import Quantized, fake_quantize, grid_of_range, quantize, quantize_on
from .spec import QuantSpec
from .storage import load_quantized, save_quantized
from .taxonomy import TAXONOMY
from .vector import VectorSpec, quantize_vectors, share_vectors
from .zero_shot import distil_inputs, norm_ranges

__all__ = [
    "METHODS",
    "OBSERVERS",
    "TAXONOMY",
    "CodebookSpec",
    "Coded",
    "DoReFaActivation",
    "DoReFaWeight",
    "LearnedStepOffset",
    "ModelReport",
    "Pact",
    "QuantSpec",
    "Quantized",
    "TrainedTernary",
    "VectorSpec",
    "allocate",
    "binary_connect",
    "binary_matmul",
    "bit_basis",
    "convert",
    "distil_inputs",
    "distillation_loss",
    "fake_quantize",
    "fold_batch_norms",
    "grid_of_range",
    "hutchinson",
    "integer_network",
    "load_quantized",
    "norm_ranges",
    "observer",
    "prepare",
    "prepare_with",
    "quantize",
    "quantize_codebook",
    "quantize_inputs",
    "quantize_model",
    "quantize_on",
    "quantize_vectors",
    "residual_binary",
    "save_quantized",
    "sensitivity",
    "share_vectors",
    "ternary",
    "xnor",
]
