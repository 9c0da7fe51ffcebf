"""Lower bounds of the margin of right next tokens, over everything that the open places of a context can hold.

Behind attention (`attention`), the network is replaced by its tangent at the middle plus remainders with bounds: the
norm's scale by Taylor's formula, activations by their curvature (`curvature`). The tangent of the margin is a linear
function of attention's outputs; the remainders are of second order in the share of attention that open places can
take, and vanish as more places are known. The last norm's scale is positive, so only its range matters.

Bounding a network backwards by linear functions is the manner of CROWN (arXiv 1811.00866); that attention over all
lengths is among what is bounded is possible here because far keys are a geometric series.

Shape letters: n node, i item (a node and a rival token), h head, m model width, f hidden width, v vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .attention import Attended, OpenAttention
from .circuit import Circuit, activate
from .contexts import Nodes
from .curvature import remainder, slope

ITEMS = 4096  # whose gradients are taken at once


@dataclass(frozen=True)
class NormRange:
    """A norm's scale around the middle.

    Args:
        scale_n: in the middle.
        low_n, high_n: its range.
        from_n, to_n: bounds of what its tangent leaves over.
    """

    scale_n: Tensor
    low_n: Tensor
    high_n: Tensor
    from_n: Tensor
    to_n: Tensor

    @property
    def spread_n(self) -> Tensor:
        """Largest distance from the middle."""
        return torch.maximum(self.high_n - self.scale_n, self.scale_n - self.low_n)


@dataclass(frozen=True)
class Middle:
    """All that the margins of a node's tokens have in common.

    Args:
        at: the nodes after attention.
        away_nm: largest move of each number of the residual stream there.
        norm: before the MLP.
        slope_nf: of the activations in the middle.
        tilt_nf: how far an activation's tangent can move.
        below_nf, above_nf: how far activations can be below and above their tangents.
        end_nm: residual stream behind the MLP, in the middle.
        end_low_n, end_high_n: range of the last norm's scale.
    """

    at: Attended
    away_nm: Tensor
    norm: NormRange
    slope_nf: Tensor
    tilt_nf: Tensor
    below_nf: Tensor
    above_nf: Tensor
    end_nm: Tensor
    end_low_n: Tensor
    end_high_n: Tensor


class Margins:
    """Margin bounds of one circuit.

    Args:
        circuit: of the network.
        typical_qhd: see `OpenAttention`.
    """

    def __init__(self, circuit: Circuit, typical_qhd: Tensor) -> None:
        self.circuit = circuit
        rows_rm = torch.cat([circuit.up_fm, circuit.centre_mm])
        self.attention = OpenAttention(circuit, rows_rm, typical_qhd)

    def middle(self, nodes: Nodes) -> Middle:
        """Compute what does not depend on the rival token."""
        c, at, f = self.circuit, self.attention.attend(nodes), len(self.circuit.up_f)
        away_nm = torch.maximum(at.high_nr[:, f:], -at.low_nr[:, f:])
        norm = self._norm_range(at, away_nm)
        raw_nf = at.x_nm @ c.up_fm.T
        low_nf, high_nf = raw_nf + at.low_nr[:, :f], raw_nf + at.high_nr[:, :f]
        scales_n1 = norm.low_n[:, None], norm.high_n[:, None]
        low_nf = torch.minimum(*[low_nf * scale_n1 for scale_n1 in scales_n1]) + c.up_f
        high_nf = torch.maximum(*[high_nf * scale_n1 for scale_n1 in scales_n1]) + c.up_f
        hidden_nf = raw_nf * norm.scale_n[:, None] + c.up_f
        below_nf, above_nf = remainder(c.activation, hidden_nf, low_nf, high_nf)
        slope_nf = slope(c.activation, hidden_nf)
        end_nm = at.x_nm + c.down_m + activate(c.activation, hidden_nf) @ c.down_mf.T
        # An activation moves at most with its tangent and the remainder.
        tilt_nf = slope_nf.abs() * torch.maximum(high_nf - hidden_nf, hidden_nf - low_nf)
        most_nf = tilt_nf + torch.maximum(above_nf, -below_nf)
        end_low_n, end_high_n = self._end_range(end_nm, away_nm + most_nf @ c.down_mf.abs().T)
        return Middle(at, away_nm, norm, slope_nf, tilt_nf, -below_nf, above_nf, end_nm, end_low_n, end_high_n)

    def _norm_range(self, at: Attended, away_nm: Tensor) -> NormRange:
        c, (there, eps) = self.circuit, self.circuit.mlp_norm
        one_n = torch.ones_like(at.x_nm[:, 0])
        if not there:
            return NormRange(one_n, one_n, one_n, 0 * one_n, 0 * one_n)
        m, every_n = at.x_nm.shape[1], torch.arange(len(at.x_nm))
        seen_nm = at.x_nm @ c.centre_mm.T
        square_n, moved_n = seen_nm.square().mean(1) + eps, away_nm.square().mean(1)
        low_n = square_n + 2 / m * self.attention.least_change(at, seen_nm, every_n)
        high_n = square_n - 2 / m * self.attention.least_change(at, -seen_nm, every_n) + moved_n
        # The squares are also at least what coordinate-wise moves leave of them.
        low_n = torch.maximum(low_n, (seen_nm.abs() - away_nm).clamp(min=0).square().mean(1) + eps)
        furthest_n = torch.maximum(high_n - square_n, square_n - low_n)
        scale_n = square_n.rsqrt()
        from_n = -0.5 * scale_n**3 * moved_n
        to_n = 0.375 * low_n**-2.5 * furthest_n.square()
        return NormRange(scale_n, high_n.rsqrt(), low_n.rsqrt(), from_n, to_n)

    def _end_range(self, end_nm: Tensor, away_nm: Tensor) -> tuple[Tensor, Tensor]:
        c, (there, eps) = self.circuit, self.circuit.end_norm
        if not there:
            return torch.ones_like(end_nm[:, 0]), torch.ones_like(end_nm[:, 0])
        seen_nm, away_nm = (end_nm @ c.end_mm.T).abs(), away_nm @ c.end_mm.abs().T
        least_n = (seen_nm - away_nm).clamp(min=0).square().mean(1) + eps
        return ((seen_nm + away_nm).square().mean(1) + eps).rsqrt(), least_n.rsqrt()

    def lowest(self, middle: Middle, node_i: Tensor, rival_i: Tensor, enough: float) -> Tensor:
        """Lower bounds of margins, in logits.

        Args:
            middle: of the nodes.
            node_i: for each item, the row of its node.
            rival_i: and a rival token's id.
            enough: bounds above this need not be sharp.

        Returns:
            (i), such that logit of the right token − logit of the rival is nowhere less.
        """
        bound_i = self._coarse(middle)[node_i, rival_i]
        rest = (bound_i <= enough).nonzero()[:, 0]
        for part in rest.split(ITEMS):
            bound_i[part] = torch.maximum(bound_i[part], self._sharp(middle, node_i[part], rival_i[part], enough))
        return bound_i

    def _coarse(self, middle: Middle) -> Tensor:
        """Bounds that add up the most that each number can do, (n, v): all tokens at the price of one."""
        c, nodes = self.circuit, middle.at.nodes
        bound_nv = torch.empty(len(nodes), len(c.head_vm), dtype=c.head_vm.dtype)
        for right in nodes.right_n.unique().tolist():
            rows = (nodes.right_n == right).nonzero()[:, 0]
            weight_vm = c.head_vm[c.ids_u[right]] - c.head_vm
            weight_vf = weight_vm @ c.down_mf
            below_nf, above_nf = middle.below_nf[rows], middle.above_nf[rows]
            low_nv = middle.end_nm[rows] @ weight_vm.T - middle.away_nm[rows] @ weight_vm.abs().T
            low_nv -= (middle.tilt_nf[rows] + below_nf) @ weight_vf.clamp(min=0).T
            low_nv -= (middle.tilt_nf[rows] + above_nf) @ weight_vf.clamp(max=0).abs().T
            low_n1, high_n1 = middle.end_low_n[rows, None], middle.end_high_n[rows, None]
            bound_nv[rows] = low_nv * torch.where(low_nv > 0, low_n1, high_n1) + c.head_v[c.ids_u[right]] - c.head_v
        return bound_nv

    def _sharp(self, middle: Middle, node_i: Tensor, rival_i: Tensor, enough: float) -> Tensor:
        """Bounds through the gradient of each margin, (i)."""
        c, at, norm = self.circuit, middle.at, middle.norm
        right_i = c.ids_u[at.nodes.right_n[node_i]]
        weight_im = c.head_vm[right_i] - c.head_vm[rival_i]
        weight_if = weight_im @ c.down_mf
        x_im = at.x_nm[node_i]
        back_im = (weight_if * middle.slope_nf[node_i]) @ c.up_fm  # the margin's gradient through the MLP, over scale
        along_i = (back_im * x_im).sum(1)
        left_i = torch.where(along_i > 0, along_i * norm.from_n[node_i], along_i * norm.to_n[node_i])
        left_i = left_i - norm.spread_n[node_i] * (back_im.abs() * middle.away_nm[node_i]).sum(1)
        left_i = left_i - (weight_if.clamp(min=0) * middle.below_nf[node_i]).sum(1)
        left_i = left_i - (weight_if.clamp(max=0).abs() * middle.above_nf[node_i]).sum(1)
        tangent_i = (weight_im * middle.end_nm[node_i]).sum(1) + left_i
        scale_i = norm.scale_n[node_i]
        gradient_im = weight_im + scale_i[:, None] * back_im
        if c.mlp_norm[0]:
            bent_i = along_i * scale_i**3 / x_im.shape[1]
            gradient_im = gradient_im - bent_i[:, None] * (x_im @ c.centre_mm.T)
        coarse_i = tangent_i - (gradient_im.abs() * middle.away_nm[node_i]).sum(1)
        bound_i = self._in_logits(middle, coarse_i, node_i, right_i, rival_i)
        rest = (bound_i <= enough).nonzero()[:, 0]
        if len(rest) and not at.nodes.shape.exact:
            sharp_i = tangent_i[rest] + self.attention.least_change(at, gradient_im[rest], node_i[rest])
            sharp_i = self._in_logits(middle, sharp_i, node_i[rest], right_i[rest], rival_i[rest])
            bound_i[rest] = torch.maximum(bound_i[rest], sharp_i)
        return bound_i

    def _in_logits(self, middle: Middle, low_i: Tensor, node_i: Tensor, right_i: Tensor, rival_i: Tensor) -> Tensor:
        """Put bounds through the last norm: multiplied by the least favourable scale, and the constant added."""
        scale_i = torch.where(low_i > 0, middle.end_low_n[node_i], middle.end_high_n[node_i])
        return low_i * scale_i + self.circuit.head_v[right_i] - self.circuit.head_v[rival_i]

    def exact(self, nodes: Nodes) -> Tensor:
        """Margin over the best rival of contexts with nothing open, (n)."""
        c = self.circuit
        logits_nv = c.logits(nodes.query_n, nodes.numerator_nhd, nodes.denominator_nh)
        right_n1 = c.ids_u[nodes.right_n][:, None]
        right_n = logits_nv.gather(1, right_n1)[:, 0]
        return right_n - logits_nv.scatter(1, right_n1, -torch.inf).amax(1)


def typical(circuit: Circuit, groups: list[Nodes]) -> Tensor:
    """Mean output of the heads over nodes as far as they are known, for each query token, (q, h, d)."""
    total_qhd = torch.zeros_like(circuit.value_uhd)
    count_q = total_qhd.new_zeros(len(total_qhd))
    for nodes in groups:
        total_qhd.index_add_(0, nodes.query_n, nodes.numerator_nhd / nodes.denominator_nh[..., None])
        count_q.index_add_(0, nodes.query_n, torch.ones_like(nodes.denominator_nh[:, 0]))
    return total_qhd / count_q.clamp(min=1)[:, None, None]
