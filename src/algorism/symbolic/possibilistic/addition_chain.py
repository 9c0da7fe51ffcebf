"""What the rules of `addition` conclude, computed along the carries: the same degrees, at a fixed cost for each place.

The rule base writes out 200 cells for every place. But a cell (a, b, c) is as possible as the least of its three parts,
and carry and digit of the sum only ask for a + b: so a max-min convolution gives the possibility of each total, and a
place passes on two degrees, those of its carry. Without learned doubts, passing on is a product of 2 × 2 matrices with
max for + and min for ·, which is associative: all places are done together, in a tree.

Shape letters: b problem, j place (most significant first), v digit, t total of a pair, c carry in, d carry out, w carry
between, x anything.

Source: the rules of MNIST-Addition in Π-NeSy (arXiv 2504.07055), for any base.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ShapeError, UsageError
from .inference import RuleInference
from .possibility import check_possibility, normalise

MOST_PLACES = 1 << 14  # of a piece of work: what stays in a processor's cache


class Sums(NamedTuple):
    """Possibility distributions of a sum's places.

    Args:
        lead_bc: of the carry that is left, `sum0`.
        digits_bjv: of the digits, `sum1` ….
    """

    lead_bc: Tensor
    digits_bjv: Tensor

    def decide(self) -> tuple[Tensor, Tensor]:
        """The most possible lead and digits, (b, j + 1), and whether any of them is undecided, (b,)."""
        lead_b, digits_bj = self.lead_bc.argmax(-1, keepdim=True), self.digits_bjv.argmax(-1)
        ties_b = _tied(self.lead_bc) | _tied(self.digits_bjv).any(-1)
        return torch.cat((lead_b, digits_bj), -1), ties_b


class AdditionChain(nn.Module):
    """The possibilistic sum of two numbers of any length, equal to `RuleInference(addition_rules(places, base))`.

    Args:
        inference: rules with learned parameters, made by `addition_rules`; its number of places is then the chain's.
            None for rules without doubts, and numbers of any length.

    Raises:
        UsageError: rules that `addition_rules` did not make.

    >>> one_hot = torch.eye(10)[torch.tensor([[3, 8], [4, 5]])]
    >>> AdditionChain()(one_hot[:1], one_hot[1:]).decide()[0]
    tensor([[0, 8, 3]])
    """

    def __init__(self, inference: RuleInference | None = None) -> None:
        super().__init__()
        self.doubts = None if inference is None else _Doubts(inference)
        if self.doubts is not None and not self.doubts.any():
            self.doubts = None

    @torch.no_grad()
    def forward(self, a_bjv: Tensor, b_bjv: Tensor) -> Sums:
        """Possibilities of all places of the sum.

        Args:
            a_bjv: normalised possibility distributions of the digits of one number.
            b_bjv: of the other.

        Raises:
            ShapeError: different shapes, no places, or not the number of places that the doubts were learned for.
            DataError: no possibility distributions.
        """
        if a_bjv.shape != b_bjv.shape or a_bjv.dim() != 3 or a_bjv.shape[-1] < 2 or not a_bjv.shape[1]:
            raise ShapeError(
                f"Two numbers need digits of one shape (problems, places, base), got {tuple(a_bjv.shape)} and "
                f"{tuple(b_bjv.shape)}."
            )
        if self.doubts is not None and self.doubts.places != a_bjv.shape[1]:
            raise ShapeError(f"The rules were learned for {self.doubts.places} places, got {a_bjv.shape[1]}.")
        for name, pi_bjv in (("a", a_bjv), ("b", b_bjv)):
            check_possibility(pi_bjv, f"The distribution of the digits of {name}")
        if self.doubts is not None:
            return self._with_doubts(a_bjv, b_bjv)
        size = max(1, MOST_PLACES // a_bjv.shape[1])
        parts = [_certain(*pair) for pair in zip(a_bjv.split(size), b_bjv.split(size))]
        return parts[0] if len(parts) == 1 else Sums(*map(torch.cat, zip(*parts)))

    def _with_doubts(self, a_bjv: Tensor, b_bjv: Tensor) -> Sums:
        """Place by place: a distribution is raised to 1 between rule sets, which no product of matrices can do."""
        assert self.doubts is not None
        base = a_bjv.shape[-1]
        carry_bc = a_bjv.new_tensor([[1.0, 0.0]]).expand(len(a_bjv), 2)
        digits = []
        for place in range(a_bjv.shape[1] - 1, -1, -1):
            doubt = self.doubts.of(place, a_bjv)
            pair = parallel(a_bjv[:, place], *doubt["a"]), parallel(b_bjv[:, place], *doubt["b"])
            total_bt = _totals(pair[0].T.contiguous(), pair[1].T.contiguous()).T
            first = place == a_bjv.shape[1] - 1
            into_bc = carry_bc if first else _either(carry_bc, *doubt["into"])
            cell_bct = torch.minimum(total_bt.unsqueeze(1), into_bc.unsqueeze(-1))
            cell_bct = normalise(cell_bct.flatten(1)).view_as(cell_bct)
            by_value_bt = torch.maximum(F.pad(cell_bct[:, 0], (0, 1)), F.pad(cell_bct[:, 1], (1, 0)))
            lambda_bv = torch.maximum(by_value_bt[:, :base], by_value_bt[:, base:])
            digits.append(parallel(lambda_bv, *doubt["sum"]))
            out_bc = torch.stack((by_value_bt[:, :base].amax(-1), by_value_bt[:, base:].amax(-1)), -1)
            s, r = doubt["out"]  # the rule concludes 1: s belongs to it, r to 0
            carry_bc = normalise(torch.stack((out_bc[:, 0].clamp(min=r), out_bc[:, 1].clamp(min=s)), -1))
        return Sums(_either(carry_bc, *self.doubts.lead(a_bjv)), torch.stack(digits[::-1], 1))


def parallel(pi_bv: Tensor, s_v: Tensor, r_v: Tensor) -> Tensor:
    """What the rules "if x is v then y is v", one for each v of y, conclude about y.

    π(v) = min(max(s_v, λ_v), min over the others w of max(r_w, ρ_w)). x may have further values behind those of y.

    Args:
        pi_bv: the distribution of x.
        s_v: the rules' parameters s, as many as y has values.
        r_v: and r.
    """
    top_b2 = pi_bv.topk(2, -1).values
    rho_bv = torch.where(pi_bv == top_b2[..., :1], top_b2[..., 1:], top_b2[..., :1])
    pi_bv, rho_bv = pi_bv[..., : s_v.shape[-1]], torch.maximum(rho_bv[..., : s_v.shape[-1]], r_v)
    low_b2 = rho_bv.topk(2, -1, largest=False).values
    others_bv = torch.where(rho_bv == low_b2[..., :1], low_b2[..., 1:], low_b2[..., :1])
    return torch.minimum(torch.maximum(pi_bv, s_v), others_bv)


def _certain(a_bjv: Tensor, b_bjv: Tensor) -> Sums:
    base = a_bjv.shape[-1]
    total_tjb = _totals(*(x_bjv.permute(2, 1, 0).contiguous() for x_bjv in (a_bjv, b_bjv)))
    # What leads to no carry and to one: with no carry coming in totals up to base − 1 and from base on, else one less.
    low_jb, high_jb = total_tjb[: base - 1].amax(0), total_tjb[base:].amax(0)
    either_jb = total_tjb[base - 1]  # the total to which a carry makes the difference
    step_dcjb = torch.stack((torch.maximum(low_jb, either_jb), low_jb, high_jb, torch.maximum(high_jb, either_jb)))
    step_dcjb = step_dcjb.view(2, 2, *low_jb.shape)
    out_cjb = _prefixes(step_dcjb.flip(2))[:, 0].flip(1)  # from the last place on; no carry comes in there
    into_cjb = torch.cat((out_cjb[:, 1:], out_cjb.new_tensor([1.0, 0.0]).view(2, 1, 1).expand_as(out_cjb[:, :1])), 1)
    value_tjb = F.pad(torch.minimum(total_tjb, into_cjb[0]), (0, 0, 0, 0, 0, 1))
    value_tjb[1:] = torch.maximum(value_tjb[1:], torch.minimum(total_tjb, into_cjb[1]))
    digits_vjb = torch.maximum(value_tjb[:base], value_tjb[base:])
    return Sums(out_cjb[:, 0].T, digits_vjb.permute(2, 1, 0))


def _totals(a_vx: Tensor, b_vx: Tensor) -> Tensor:
    """Possibility of each total a + b: the max-min convolution of the first dimension, (2 v − 1, …)."""
    base = len(a_vx)
    total_tx = a_vx.new_zeros(2 * base - 1, *a_vx.shape[1:])
    for value, a_x in enumerate(a_vx):
        part = total_tx[value : value + base]
        torch.maximum(part, torch.minimum(a_x, b_vx), out=part)
    return total_tx


def _prefixes(step_dcjb: Tensor) -> Tensor:
    """Max-min products of the first 1, 2, … matrices, the later one on the left; twice as many as matrices in all."""
    places = step_dcjb.shape[2]
    if places == 1:
        return step_dcjb
    pair_dcjb = _max_min(step_dcjb[:, :, 1::2], step_dcjb[:, :, 0 : places - 1 : 2])
    found = torch.empty_like(step_dcjb)
    found[:, :, 0] = step_dcjb[:, :, 0]
    found[:, :, 1::2] = second_dcjb = _prefixes(pair_dcjb)  # of 2, 4, …
    if places > 2:
        found[:, :, 2::2] = _max_min(step_dcjb[:, :, 2::2], second_dcjb[:, :, : (places - 1) // 2])  # of 3, 5, …
    return found


def _max_min(left_dwx: Tensor, right_wcx: Tensor) -> Tensor:
    zero = torch.minimum(left_dwx[:, :1], right_wcx[:1])
    return torch.maximum(zero, torch.minimum(left_dwx[:, 1:], right_wcx[1:]))


def _either(pi_bc: Tensor, s: float, r: float) -> Tensor:
    """What the one rule "if x is 0 then y is 0" concludes about a y of two values."""
    return torch.stack((pi_bc[:, 0].clamp(min=s), pi_bc[:, 1].clamp(min=r)), -1)


def _tied(pi_bv: Tensor) -> Tensor:
    return (pi_bv == pi_bv.amax(-1, keepdim=True)).sum(-1) > 1


class _Doubts:
    """The parameters s and r of `addition_rules`, by place and kind of rule."""

    def __init__(self, inference: RuleInference) -> None:
        parameters = {part.rule_set.output.name: (part.s_n.data, part.r_n.data) for part in inference.parts}
        self.places = sum(name.startswith("pair") for name in parameters)
        wanted = {f"{kind}{j}" for kind in ("pair", "carry", "sum") for j in range(1, self.places + 1)} | {"sum0"}
        if not self.places or set(parameters) != wanted:
            raise UsageError("AdditionChain takes the rules that addition_rules() makes; use RuleInference for others.")
        self.parameters = parameters

    def any(self) -> bool:
        """Whether any rule is in doubt."""
        return any(bool((x_n > 0).any()) for pair in self.parameters.values() for x_n in pair)

    def of(self, place: int, like: Tensor) -> dict[str, tuple[Any, Any]]:
        """For each kind of rule of a place, s and r."""
        s_n, r_n = (x_n.to(like) for x_n in self.parameters[f"pair{place + 1}"])
        (sum_s_n, sum_r_n), (out_s_n, out_r_n) = (self.parameters[f"{kind}{place + 1}"] for kind in ("sum", "carry"))
        base = like.shape[-1]
        found: dict[str, tuple[Any, Any]] = {
            "a": (s_n[0 : 2 * base : 2], r_n[0 : 2 * base : 2]),
            "b": (s_n[1 : 2 * base : 2], r_n[1 : 2 * base : 2]),
            "sum": (sum_s_n.to(like), sum_r_n.to(like)),
            "out": (float(out_s_n[0]), float(out_r_n[0])),
        }
        if len(s_n) > 2 * base:
            found["into"] = (float(s_n[-1]), float(r_n[-1]))
        return found

    def lead(self, like: Tensor) -> tuple[float, float]:
        """The parameters s and r of the rule about the lead."""
        s_n, r_n = self.parameters["sum0"]
        return float(s_n[0]), float(r_n[0])
