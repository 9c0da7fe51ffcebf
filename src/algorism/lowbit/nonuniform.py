"""Non-uniform quantizers: codebooks that are fixed (NF4, powers of two, fp8) or fitted (k-means).

Source: arXiv 2103.13630, section III-F. Shape letters: o rows, n values of a row, g groups of a row, k levels.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ..errors import ShapeError, UsageError, nearest
from .fp8 import FP8, fp8_levels, round_fp8
from .layout import as_rows, checked, from_rows, groups_of, per_block, rows_of, spread
from .levels import NF4, apot_levels, edges_between, power_of_two_levels
from .lloyd import lloyd_max
from .uniform import SMALLEST_SCALE

Kind = Literal["kmeans", "power-of-two", "apot", "nf4", "fp8-e4m3", "fp8-e5m2", "trained"]
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "trained")  # with levels from the values
BITS: dict[str, range] = {
    "kmeans": range(1, 9),
    "power-of-two": range(2, 9),
    "apot": range(3, 8),
    "nf4": range(4, 5),
    "fp8-e4m3": range(8, 9),
    "fp8-e5m2": range(8, 9),
    "trained": range(1, 9),
}


@dataclass(frozen=True)
class CodebookSpec:
    """One non-uniform quantizer, described completely.

    Args:
        kind: "kmeans" fits the levels to the values; "trained" has levels that come from training (see `qat_weights`);
            all others scale the largest magnitude onto fixed levels.
        bits: width of a code; which widths there are depends on the kind.
        granularity: "tensor", "channel" or, for fixed levels, "group".
        group_size: values per group; NF4 is usually used with 64.
        axis: the channels' axis.

    Raises:
        UsageError: a value outside its set, or a combination that means nothing.

    >>> CodebookSpec("nf4", granularity="group", group_size=64).bits
    4
    """

    kind: Kind
    bits: int = 4
    granularity: Literal["tensor", "channel", "group"] = "tensor"
    group_size: int | None = None
    axis: int = 0

    def __post_init__(self) -> None:
        if self.kind not in tuple(BITS):
            raise UsageError(f"CodebookSpec: kind {self.kind!r} is unknown. {nearest(str(self.kind), list(BITS))}")
        widths = BITS[self.kind]
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or self.bits not in widths:
            raise UsageError(
                f"CodebookSpec: {self.kind!r} has bits from {widths.start} to {widths.stop - 1}; got {self.bits!r}."
            )
        if self.granularity not in ("tensor", "channel", "group"):
            raise UsageError(f"CodebookSpec: granularity is 'tensor', 'channel' or 'group'; got {self.granularity!r}.")
        if (self.granularity == "group") != (self.group_size is not None):
            raise UsageError(f"CodebookSpec: group_size and granularity 'group' go together; got {self.group_size!r}.")
        if self.group_size is not None and (not isinstance(self.group_size, int) or self.group_size < 1):
            raise UsageError(f"CodebookSpec: group_size is a whole number ≥ 1; got {self.group_size!r}.")
        if self.kind in ("kmeans", "trained") and self.granularity == "group":
            raise UsageError("CodebookSpec: a codebook per group would be larger than the group; use 'channel'.")
        if isinstance(self.axis, bool) or not isinstance(self.axis, int):
            raise UsageError(f"CodebookSpec: axis is a whole number; got {self.axis!r}.")

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "CodebookSpec":
        """Read what `to_dict` gave.

        Raises:
            UsageError: not a mapping, an unknown key, or a value that is refused.
        """
        if not isinstance(values, dict):
            raise UsageError(f"CodebookSpec: expected a mapping of fields; got {type(values).__name__}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise UsageError(f"CodebookSpec: {error}.") from None


@dataclass(frozen=True, eq=False)
class Coded:
    """A tensor as codes into a codebook: value = level[code] · scale.

    Args:
        codes: uint8, in the tensor's own shape.
        levels_ok: ascending levels, for each row (k-means) or one row for all.
        scale_og: float32 scale of each group of each row.
        spec: the quantizer.

    Raises:
        ShapeError: levels or scales do not fit the codes.
    """

    codes: Tensor
    levels_ok: Tensor
    scale_og: Tensor
    spec: CodebookSpec

    def __post_init__(self) -> None:
        o, n = rows_of(self.codes.shape, self.spec)
        expected = (o, groups_of(n, self.spec))
        if tuple(self.scale_og.shape) != expected:
            raise ShapeError(f"Coded: scales of shape {tuple(self.scale_og.shape)}; expected {expected}.")
        if self.levels_ok.dim() != 2 or self.levels_ok.shape[0] not in (1, o):
            raise ShapeError(f"Coded: levels of shape {tuple(self.levels_ok.shape)}; expected 1 or {o} rows.")

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The values that the codes stand for."""
        codes_on = as_rows(self.codes, self.spec).long()
        o, n = codes_on.shape
        x_on = self.levels_ok.expand(o, -1).gather(1, codes_on) * spread(self.scale_og, n, self.spec)
        return from_rows(x_on, self.codes.shape, self.spec).to(dtype)


def fixed_levels(spec: CodebookSpec) -> Tensor:
    """The ascending levels of a fixed codebook, for a scale of 1."""
    if spec.kind == "nf4":
        return torch.tensor(NF4)
    if spec.kind == "power-of-two":
        return power_of_two_levels(spec.bits)
    if spec.kind == "apot":
        return apot_levels(spec.bits)
    return fp8_levels(spec.kind.removeprefix("fp8-"))


def quantize_codebook(x: Tensor, spec: CodebookSpec) -> Coded:
    """Quantize a tensor to a codebook.

    Args:
        x: any shape that `spec.granularity` fits.
        spec: the quantizer.

    Raises:
        DataError: NaN, infinity, or no values.
        UsageError: the kind has no levels of its own.

    >>> quantize_codebook(torch.tensor([2.0, -2.0, 0.1]), CodebookSpec("power-of-two", 3)).dequantize().tolist()
    [2.0, -2.0, 0.0]
    """
    if spec.kind not in KINDS:
        raise UsageError(f"quantize_codebook: {spec.kind!r} levels come from training; choose one of {list(KINDS)}.")
    x_on = as_rows(checked(x), spec)
    o, n = x_on.shape
    if spec.kind == "kmeans":
        levels_ok = lloyd_max(x_on, 1 << spec.bits)
        edges_oe = (levels_ok[:, 1:] + levels_ok[:, :-1]) / 2
        codes_on = torch.searchsorted(edges_oe, x_on.contiguous())
        scale_og = torch.ones(o, 1, device=x.device)
    else:
        levels_k = fixed_levels(spec).to(x.device)
        (peak_og,) = per_block(x_on, spec, lambda x_bn: (x_bn.abs().amax(1),))
        scale_og = (peak_og / levels_k.max()).clamp(min=SMALLEST_SCALE)
        position_on = x_on / spread(scale_og, n, spec)
        if spec.kind in ("fp8-e4m3", "fp8-e5m2"):
            codes_on = torch.searchsorted(levels_k, round_fp8(position_on, FP8[spec.kind.removeprefix("fp8-")]))
        else:
            codes_on = torch.bucketize(position_on, edges_between(levels_k, spec.kind == "power-of-two"))
        levels_ok = levels_k[None]
    codes = from_rows(codes_on, x.shape, spec).to(torch.uint8).contiguous()
    return Coded(codes, levels_ok, scale_og, spec)
