"""Vector and product quantization: short vectors of weights, each stored as the number of its nearest centroid.

Source: arXiv 2103.13630, section IV-F; Deep Compression (arXiv 1510.00149) for the training of centroids; product
quantization as in arXiv 1412.6115. Shape letters: o rows, b vectors in a row, d weights of a vector, s codebooks,
k centroids, n vectors.
"""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import ShapeError, UsageError, nearest
from .layout import checked

MOST_BITS = 12


@dataclass(frozen=True)
class VectorSpec:
    """One vector quantizer, described completely.

    Args:
        bits: width of an index: there are 2^bits centroids.
        length: weights of a vector, consecutive ones of a row; must divide the row.
        product: a codebook for each block of `length` columns (product quantization), instead of one for all.

    Raises:
        UsageError: a value outside its set.

    >>> VectorSpec(bits=8, length=4).bits / VectorSpec(bits=8, length=4).length  # bits of a weight, codebook aside
    2.0
    """

    bits: int = 8
    length: int = 4
    product: bool = False

    def __post_init__(self) -> None:
        for name, most in (("bits", MOST_BITS), ("length", 1024)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise UsageError(f"VectorSpec: {name} is a whole number from 1 to {most}; got {value!r}.")
        if not isinstance(self.product, bool):
            raise UsageError(f"VectorSpec: product is true or false; got {self.product!r}.")

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "VectorSpec":
        """Read what `to_dict` gave.

        Raises:
            UsageError: not a mapping, an unknown key, or a value that is refused.
        """
        if not isinstance(values, dict):
            raise UsageError(f"VectorSpec: expected a mapping of fields; got {type(values).__name__}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise UsageError(f"VectorSpec: {error}.") from None


@dataclass(frozen=True, eq=False)
class VectorCoded:
    """A tensor as indices into codebooks of vectors.

    Args:
        codes_ob: int32, the centroid of each vector.
        codebooks_skd: float32; s is 1, or b with product quantization.
        shape: the tensor's shape; axis 0 are the rows.
        spec: the quantizer.

    Raises:
        ShapeError: codes, codebooks and shape do not fit together.
    """

    codes_ob: Tensor
    codebooks_skd: Tensor
    shape: tuple[int, ...]
    spec: VectorSpec

    def __post_init__(self) -> None:
        o, blocks = rows_and_blocks(self.shape, self.spec)
        expected = (blocks if self.spec.product else 1, 1 << self.spec.bits, self.spec.length)
        if tuple(self.codes_ob.shape) != (o, blocks) or tuple(self.codebooks_skd.shape) != expected:
            raise ShapeError(
                f"VectorCoded: codes {tuple(self.codes_ob.shape)} and codebooks {tuple(self.codebooks_skd.shape)}; "
                f"expected {(o, blocks)} and {expected}."
            )

    @property
    def bits_per_weight(self) -> float:
        """Bits of packed storage per value, with codebooks in float32."""
        total = self.codes_ob.numel() * self.spec.length
        return self.spec.bits / self.spec.length + 32 * self.codebooks_skd.numel() / total

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The values that the codes stand for."""
        return look_up(self.codes_ob, self.codebooks_skd).reshape(self.shape).to(dtype)


def rows_and_blocks(shape: tuple[int, ...], spec: VectorSpec) -> tuple[int, int]:
    """How many rows a tensor of this shape has, and how many vectors a row.

    Raises:
        ShapeError: no axes, or rows that cannot be cut into whole vectors.
    """
    width = 1
    for size in shape[1:]:
        width *= size
    if len(shape) < 2 or width % spec.length:
        divisors = [d for d in range(2, min(width, 64) + 1) if width % d == 0]
        raise ShapeError(
            f"Vector quantization: rows of {width} values (shape {tuple(shape)}) are not whole vectors of "
            f"{spec.length}; lengths that divide them: {divisors or 'none'}."
        )
    return shape[0], width // spec.length


def look_up(codes_ob: Tensor, codebooks_skd: Tensor) -> Tensor:
    """The centroids of all codes (o, b, d)."""
    if len(codebooks_skd) == 1:
        return codebooks_skd[0][codes_ob.long()]
    return codebooks_skd[torch.arange(len(codebooks_skd), device=codes_ob.device), codes_ob.long()]


def quantize_vectors(x: Tensor, spec: VectorSpec, *, seed: int = 0) -> VectorCoded:
    """Fit codebooks by k-means, begun by k-means++, and take each vector's nearest centroid.

    Args:
        x: weights; axis 0 are the rows.
        spec: the quantizer.
        seed: of the start.

    Raises:
        DataError: NaN, infinity, or no values.
        ShapeError: rows that cannot be cut into whole vectors.
        UsageError: more centroids than vectors.

    >>> x = torch.tensor([[0.0, 1.0, 5.0, 5.0], [0.0, 1.0, 5.0, 5.0]])
    >>> torch.equal(quantize_vectors(x, VectorSpec(bits=1, length=2)).dequantize(), x)
    True
    """
    x = checked(x, "weights")
    o, blocks = rows_and_blocks(tuple(x.shape), spec)
    x_obd = x.reshape(o, blocks, spec.length)
    sets = x_obd.transpose(0, 1) if spec.product else x_obd.reshape(1, -1, spec.length)
    if sets.shape[1] < 1 << spec.bits:
        raise UsageError(
            f"Vector quantization: {1 << spec.bits} centroids for {sets.shape[1]} vectors store more than they save; "
            "use fewer bits" + (", shorter vectors, or one codebook for all." if spec.product else " or shorter ones.")
        )
    fitted = [_kmeans(vectors_nd, 1 << spec.bits, seed + at) for at, vectors_nd in enumerate(sets)]
    codebooks_skd = torch.stack([centres_kd for centres_kd, _ in fitted]).to(x.device)
    codes_sn = torch.stack([codes_n for _, codes_n in fitted]).to(x.device)
    codes_ob = codes_sn.T if spec.product else codes_sn.reshape(o, blocks)
    return VectorCoded(codes_ob.contiguous(), codebooks_skd, tuple(x.shape), spec)


def _kmeans(vectors_nd: Tensor, k: int, seed: int) -> tuple[Tensor, Tensor]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than centroids: some stay unused
        found = KMeans(k, n_init=1, random_state=seed).fit(vectors_nd.cpu().numpy())
    centres_kd = torch.from_numpy(found.cluster_centers_).to(torch.float32)
    return centres_kd, torch.from_numpy(found.labels_).to(torch.int32)


class SharedVectors(nn.Module):
    """A weight made of trainable centroids: a parametrization. Each centroid gets the sum of its members' gradients."""

    codes_ob: Tensor

    def __init__(self, coded: VectorCoded) -> None:
        super().__init__()
        self.shape, self.spec = coded.shape, coded.spec
        self.register_buffer("codes_ob", coded.codes_ob)
        self.codebooks_skd = nn.Parameter(coded.codebooks_skd.clone())

    def forward(self, weight: Tensor) -> Tensor:
        """The centroids in the weight's shape; the weight itself is no longer looked at."""
        return look_up(self.codes_ob, self.codebooks_skd).reshape(self.shape)

    def quantized(self, weight: Tensor) -> VectorCoded:
        """Codes, and the codebooks as they are now."""
        return VectorCoded(self.codes_ob, self.codebooks_skd.detach().clone(), self.shape, self.spec)


def share_vectors(model: nn.Module, coded: Mapping[str, VectorCoded]) -> None:
    """Put trainable codebooks in the place of weights, in place; train, then `qat.convert` as after any training.

    Args:
        model: with a module for each name.
        coded: by name of the module.

    Raises:
        ShapeError: a weight of another shape.
        UsageError: no such module, or one that has a parametrized weight already.
    """
    modules = dict(model.named_modules())
    for name, found in coded.items():
        if name not in modules:
            raise UsageError(f"share_vectors: no module {name!r}. {nearest(name, modules)}")
        module: Any = modules[name]
        if parametrize.is_parametrized(module, "weight"):
            raise UsageError(f"share_vectors: {name!r} is prepared already; convert it first.")
        if tuple(module.weight.shape) != found.shape:
            raise ShapeError(f"share_vectors: {name!r} has a weight of shape {tuple(module.weight.shape)}, "
                             f"the codes are for {found.shape}.")  # fmt: skip
        parametrize.register_parametrization(module, "weight", SharedVectors(found))
