"""Published numbers of mixed precision: what HAWQ-V3's search of ResNet-18 was given, and what it chose.

Source: the public notebook and bit configurations of arXiv 2011.10680 (Zhen-Dong/HAWQ, MIT: ILP.ipynb, bit_config.py).
Layers are the 19 convolutions in the order of the network, stage by stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHOICES = (4, 8)


@dataclass(frozen=True)
class PublishedSearch:
    """One published search.

    Args:
        trace: of the Hessian, per weight, of each layer.
        error: ‖Q(W) − W‖² of each layer, by bits.
        weights: of each layer.
        products: multiplications of each layer for one image.
        milliseconds: of each layer on a T4, by bits.
        ties: layers whose outputs are added, which take the same bits.
        published: by constraint and share of the way from all-4 to all-8, the bits of each layer.
    """

    trace: tuple[float, ...]
    error: Mapping[int, tuple[float, ...]]
    weights: tuple[int, ...]
    products: tuple[int, ...]
    milliseconds: Mapping[int, tuple[float, ...]]
    ties: tuple[tuple[int, ...], ...]
    published: Mapping[str, Mapping[float, str]]

    def costs(self) -> list[list[float]]:
        """Ω of each choice of each layer.

        >>> round(sum(row[0] for row in RESNET18.costs()), 4)  # all at 4 bits
        1.3077
        """
        return [[t * self.error[bits][at] for bits in CHOICES] for at, t in enumerate(self.trace)]

    def sizes(self, constraint: str) -> list[list[float]]:
        """What each choice of each layer uses: bytes ("size"), bit operations ("operations") or time ("latency")."""
        if constraint == "size":
            return [[count * bits / 8 for bits in CHOICES] for count in self.weights]
        if constraint == "operations":
            return [[float(count * bits * bits) for bits in CHOICES] for count in self.products]
        return [[self.milliseconds[bits][at] for bits in CHOICES] for at in range(len(self.trace))]

    def budget(self, constraint: str, share: float) -> float:
        """All-4 plus a share of the way to all-8."""
        sizes: Sequence[Sequence[float]] = self.sizes(constraint)
        low, high = (sum(row[choice] for row in sizes) for choice in (0, 1))
        return low + share * (high - low)


RESNET18 = PublishedSearch(
    trace=(
        0.06857826, 0.03162379, 0.03298575, 0.01205663, 0.02222431, 0.00596336, 0.06931772, 0.00807129, 0.00372905,
        0.00530698, 0.00209011, 0.00737569, 0.00210454, 0.00151197, 0.00158041, 0.00078146, 0.00451841, 0.00098745,
        0.00072944,
    ),
    error={
        8: (0.0235, 0.0125, 0.0102, 0.0082, 0.0145, 0.0344, 0.0023, 0.0287, 0.0148, 0.0333, 0.0682, 0.0027, 0.0448,
            0.0336, 0.0576, 0.1130, 0.0102, 0.0947, 0.0532),
        4: (6.7430, 3.9691, 3.3281, 2.6796, 4.7277, 10.5966, 0.6827, 9.0942, 4.8857, 10.7599, 21.7546, 0.8603, 14.5324,
            10.9651, 18.7706, 36.4044, 3.1572, 29.6994, 17.4016),
    },
    weights=(
        36864, 36864, 36864, 36864, 73728, 147456, 8192, 147456, 147456, 294912, 589824, 32768, 589824, 589824, 1179648,
        2359296, 131072, 2359296, 2359296,
    ),
    products=tuple(57802752 if at in (4, 9, 14) else 6422528 if at in (6, 11, 16) else 115605504 for at in range(19)),
    milliseconds={
        4: (0.21094404, 0.21092674, 0.21104113, 0.21086851, 0.13642465, 0.19167506, 0.02532183, 0.19148203, 0.19142914,
            0.11395316, 0.20556011, 0.01917474, 0.20566918, 0.20566509, 0.13185102, 0.22287786, 0.01790088, 0.22304611,
            0.22286099),
        8: (0.36189111, 0.36211718, 0.31141909, 0.30454471, 0.19184896, 0.38948934, 0.0334169, 0.38904905, 0.3892859,
            0.19134735, 0.34307431, 0.02802354, 0.34313329, 0.34310756, 0.21117103, 0.37376585, 0.02896843, 0.37398187,
            0.37405185),
    },
    ties=((4, 6), (9, 11), (14, 16)),
    published={
        "size": {0.25: "8888888888888844444", 0.5: "8888888888888884844", 0.75: "8888888888888488884"},
        "operations": {0.25: "8884848444444444444", 0.5: "8884888848884444444", 0.75: "8888888848888484884"},
        "latency": {0.25: "8884848444444444444", 0.5: "8888848848884484844", 0.75: "8888888848888484884"},
    },
)  # fmt: skip
