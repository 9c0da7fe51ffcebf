"""Small numbers: quantizers, calibration, and arithmetic with few bits, on any tensor or torch module."""

from .distillation import distillation_loss
from .extreme import binary_connect, binary_matmul, bit_basis, residual_binary, ternary, xnor
from .integer import integer_network
from .methods import METHODS, ModelReport, quantize_model
from .mixed import allocate, hutchinson, sensitivity
from .nonuniform import CodebookSpec, Coded, quantize_codebook
from .observers import OBSERVERS, observer
from .qat import convert, prepare
from .quantizer import Quantized, fake_quantize, grid_of_range, quantize, quantize_on
from .spec import QuantSpec
from .storage import load_quantized, save_quantized

__all__ = [
    "METHODS",
    "OBSERVERS",
    "CodebookSpec",
    "Coded",
    "ModelReport",
    "QuantSpec",
    "Quantized",
    "allocate",
    "binary_connect",
    "binary_matmul",
    "bit_basis",
    "convert",
    "distillation_loss",
    "fake_quantize",
    "grid_of_range",
    "hutchinson",
    "integer_network",
    "load_quantized",
    "observer",
    "prepare",
    "quantize",
    "quantize_codebook",
    "quantize_model",
    "quantize_on",
    "residual_binary",
    "save_quantized",
    "sensitivity",
    "ternary",
    "xnor",
]
