"""What a uniform quantizer is, in one frozen object: bits, grid, granularity, rounding, and how its range is found."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ..errors import UsageError, nearest

Granularity = Literal["tensor", "channel", "group", "token"]
Rounding = Literal["nearest", "torch", "stochastic"]
RangeMethod = Literal["minmax", "moving-average", "percentile", "entropy", "mse", "aciq"]

GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
RANGE_METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
MOST_BITS = 16


@dataclass(frozen=True)
class QuantSpec:
    """One uniform quantizer, described completely. Source: arXiv 2103.13630, sections III-B to III-E and III-H.

    Args:
        bits: width of an integer, 1 to 16.
        symmetric: the zero point is 0; otherwise the range may lie anywhere around 0.
        signed: integers around 0; otherwise from 0 to 2^bits − 1. Symmetric and unsigned is a range [0, a].
        restricted: for symmetric signed grids: without −2^(bits − 1), so that the grid is its own mirror image. At
            1 bit it is {−1, +1}, without 0. None: restricted where that has a meaning.
        granularity: one scale per "tensor", per "channel" along `axis`, per "group" of consecutive values inside a
            channel, or per "token", the last axis (dynamic only).
        group_size: values per group. Where it does not divide a channel, the last group is shorter.
        axis: the channels' axis: 0 for the weights of `nn.Linear` and `nn.Conv2d`, 1 for transposed convolutions.
        rounding: "nearest": round(r / S) + zero point, ties to even, as the survey, ONNX and torch.fake_quantize have
            it; "torch": round(r / S + zero point), bit by bit what torch.quantize_per_tensor and _per_channel give,
            which differs on ties where the zero point is odd; "stochastic": unbiased.
        range: how the range is found, a row of `OBSERVERS`.
        percentile: for "percentile": percent of the values that are not clipped above; as many are not clipped below.
        momentum: for "moving-average": share of the old value.
        dynamic: for activations: the range is taken from each call, instead of frozen after calibration.

    Raises:
        UsageError: a value outside its set, or a combination that means nothing.

    >>> QuantSpec(bits=4).qmin, QuantSpec(bits=4, restricted=False).qmin, QuantSpec(bits=4, symmetric=False).qmin
    (-7, -8, -8)
    >>> QuantSpec.from_json(QuantSpec(bits=3).to_json()) == QuantSpec(bits=3)
    True
    """

    bits: int = 8
    symmetric: bool = True
    signed: bool = True
    restricted: bool | None = None
    granularity: Granularity = "tensor"
    group_size: int | None = None
    axis: int = 0
    rounding: Rounding = "nearest"
    range: RangeMethod = "minmax"
    percentile: float = 99.99
    momentum: float = 0.95
    dynamic: bool = False

    def __post_init__(self) -> None:
        for name in ("symmetric", "signed", "dynamic"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"QuantSpec: {name} is true or false; got {getattr(self, name)!r}.")
        if not _whole(self.bits) or not 1 <= self.bits <= MOST_BITS:
            raise UsageError(f"QuantSpec: bits is a whole number from 1 to {MOST_BITS}; got {self.bits!r}.")
        for name, known in (("granularity", GRANULARITIES), ("rounding", ROUNDINGS), ("range", RANGE_METHODS)):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(f"QuantSpec: {name} {value!r} is unknown. {nearest(str(value), known)}")
        self._check_grid()
        self._check_granularity()
        if not _number(self.percentile) or not 50 < self.percentile <= 100:
            raise UsageError(f"QuantSpec: percentile lies above 50 and up to 100; got {self.percentile!r}.")
        if not _number(self.momentum) or not 0 <= self.momentum < 1:
            raise UsageError(f"QuantSpec: momentum lies from 0 up to, but not at, 1; got {self.momentum!r}.")
        if self.dynamic and self.range == "moving-average":
            raise UsageError("QuantSpec: a dynamic range forgets earlier calls; use range='minmax', or dynamic=False.")

    def _check_grid(self) -> None:
        mirrored = self.symmetric and self.signed
        if self.restricted is None:
            object.__setattr__(self, "restricted", mirrored)
        if not isinstance(self.restricted, bool):
            raise UsageError(f"QuantSpec: restricted is true, false or None; got {self.restricted!r}.")
        if self.restricted and not mirrored:
            raise UsageError("QuantSpec: restricted has a meaning for symmetric, signed grids only; leave it out here.")

    def _check_granularity(self) -> None:
        if self.granularity == "group":
            if not _whole(self.group_size) or self.group_size is None or self.group_size < 1:
                raise UsageError(f"QuantSpec: granularity 'group' needs group_size ≥ 1; got {self.group_size!r}.")
        elif self.group_size is not None:
            raise UsageError(
                f"QuantSpec: group_size={self.group_size!r} goes with granularity='group' only; "
                f"got granularity={self.granularity!r}."
            )
        if not _whole(self.axis):
            raise UsageError(f"QuantSpec: axis is a whole number; got {self.axis!r}.")
        if self.axis != 0 and self.granularity not in ("channel", "group"):
            raise UsageError(f"QuantSpec: axis goes with 'channel' and 'group' only; got {self.granularity!r}.")
        if self.granularity == "token" and not self.dynamic:
            raise UsageError("QuantSpec: one scale per token cannot be frozen beforehand; set dynamic=True.")

    @property
    def binary(self) -> bool:
        """Whether the grid is {−1, +1}, the only one without a 0."""
        return self.bits == 1 and bool(self.restricted)

    @property
    def qmin(self) -> int:
        """The smallest integer."""
        if not self.signed:
            return 0
        if self.binary:
            return -1
        return -(1 << (self.bits - 1)) + int(bool(self.restricted))

    @property
    def qmax(self) -> int:
        """The largest integer."""
        if not self.signed:
            return (1 << self.bits) - 1
        return 1 if self.binary else (1 << (self.bits - 1)) - 1

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_dict(cls, values: Any) -> "QuantSpec":
        """Read what `to_dict` gave.

        Raises:
            UsageError: not a mapping, an unknown key, or a value that `QuantSpec` refuses.
        """
        if not isinstance(values, dict):
            raise UsageError(f"QuantSpec: expected a mapping of fields; got {type(values).__name__}.")
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise UsageError(f"QuantSpec: unknown field {key!r}. {nearest(str(key), known)}")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> "QuantSpec":
        """Read what `to_json` gave.

        Raises:
            UsageError: not JSON, or not a spec.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"QuantSpec: not JSON ({error}).") from None
        return cls.from_dict(values)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
