"""L-Mul: integer addition of bit patterns in place of multiplication (Luo and Sun 2024, arXiv 2410.00907)."""

from .arithmetic import Arithmetic, LMul, Rounded, to_format
from .convert import Conversion, convert
from .energy import energy, estimate, saving
from .formats import FORMATS, FloatFormat, LMulSpec, format_of, offset_exponent
from .matmul import matmul
from .modules import LMulAttention, LMulLinear, attend_by
from .multiply import from_patterns, multiply, patterns
from .precision import expected_error, product_error, survey
from .vectors import vectors

__all__ = [
    "FORMATS",
    "Arithmetic",
    "Conversion",
    "FloatFormat",
    "LMul",
    "LMulAttention",
    "LMulLinear",
    "LMulSpec",
    "Rounded",
    "attend_by",
    "convert",
    "energy",
    "estimate",
    "expected_error",
    "format_of",
    "from_patterns",
    "matmul",
    "multiply",
    "offset_exponent",
    "patterns",
    "product_error",
    "saving",
    "survey",
    "to_format",
    "vectors",
]
