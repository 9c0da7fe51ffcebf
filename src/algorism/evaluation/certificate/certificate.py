"""What a certificate says: a proof, a counterexample, or what could not be decided."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Counterexample:
    """Two numbers whose sum the network gets wrong, found by the proof and asked of the network itself.

    Args:
        operands: digits, with leading zeros.
        expected: the sum.
        got: what greedy decoding wrote: the number, or the raw text where it is none.
    """

    operands: tuple[str, str]
    expected: str
    got: str


@dataclass(frozen=True)
class Certificate:
    """Whether greedy decoding is right at every length: for all pairs of operands of equally many digits, L ≥ 1.

    Args:
        allowance: logits by which the right token had to lead; covers rounding.
        margin: the smallest lead that was proven, in logits; None if nothing was.
        rounding: largest difference between the network's logits in float32 and in float64, on random long sums.
        contexts: how many sets of contexts were proven, each over all that its open places can hold.
        examined: how many were bounded on the way, those included.
        places: how many places below and above the query had to be known, at most.
        far_share_h: for each head, a bound on the share of attention of all keys two and more places away, whatever
            the length, where no nearer place is known but the query's and the one that it is to print.
        counterexample: a sum that is answered wrong; then nothing else was looked at.
        undecided: some of the contexts for which neither was found, in words.
        left: how many those are.
        seconds: that it took.
    """

    allowance: float
    margin: float | None
    rounding: float
    contexts: int
    examined: int
    places: tuple[int, int]
    far_share_h: list[float]
    seconds: float
    counterexample: Counterexample | None = None
    undecided: list[str] = field(default_factory=list)
    left: int = 0

    @property
    def verdict(self) -> str:
        """One of "certified", "refuted", "undecided"."""
        if self.counterexample is not None:
            return "refuted"
        return "undecided" if self.left else "certified"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        wrong = self.counterexample
        return {
            "verdict": self.verdict,
            "margin": self.margin,
            "allowance": self.allowance,
            "rounding": self.rounding,
            "contexts": self.contexts,
            "examined": self.examined,
            "places": list(self.places),
            "far_share": self.far_share_h,
            "seconds": round(self.seconds, 2),
            "counterexample": None
            if wrong is None
            else {"operands": list(wrong.operands), "expected": wrong.expected, "got": wrong.got},
            "undecided": self.undecided,
            "left": self.left,
        }
