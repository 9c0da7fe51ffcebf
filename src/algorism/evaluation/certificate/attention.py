"""What attention gives when some places are not known: a middle, exact tangents around it, and ranges.

The keys at open places add n to a head's numerator N and d to its denominator D. Around a fixed middle (N₀, D₀), with
y₀ = N₀ / D₀, the head's output moves by exactly (n − y₀·d) / (D₀ + d): a sum over keys times a factor t that is nearly
constant. A linear function of all heads' outputs is so bounded by one sum over keys, whose least value `far` finds,
less the spread of t times the most that each head can add.

Shape letters: n node, i item (a node, perhaps several times), q query token, u token, h head, d head width, m model
width, r row of a matrix that multiplies the residual stream.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .circuit import Circuit
from .contexts import Nodes, Shape
from .far import least, least_by_head, most_decay


@dataclass(frozen=True)
class Span:
    """What open places can add, for each query token: ranges around a middle.

    Args:
        numerator_qhd, mass_qh: the middle of what is added to numerator and denominator.
        least_mass_qh, most_mass_qh: range of what is added to the denominator.
        low_qhr, high_qhr: range of rows · (numerator − typical output · mass) around the middle, each head alone.
        decay_h: the most decay that the keys can have together.
    """

    numerator_qhd: Tensor
    mass_qh: Tensor
    least_mass_qh: Tensor
    most_mass_qh: Tensor
    low_qhr: Tensor
    high_qhr: Tensor
    decay_h: Tensor


@dataclass(frozen=True)
class Attended:
    """Nodes after attention.

    Args:
        nodes: which.
        span: of their shape.
        y_nhd: outputs of the heads in the middle.
        t_low_nh, t_high_nh: range of one over the denominator.
        x_nm: residual stream in the middle.
        low_nr, high_nr: range of rows · change of the residual stream; holds 0.
    """

    nodes: Nodes
    span: Span
    y_nhd: Tensor
    t_low_nh: Tensor
    t_high_nh: Tensor
    x_nm: Tensor
    low_nr: Tensor
    high_nr: Tensor


class OpenAttention:
    """Attention over contexts with open places.

    Args:
        circuit: of the network.
        rows_rm: the ranges of these functions of the residual stream will be asked for.
        typical_qhd: an output of the heads for each query token; the nearer to the usual, the tighter the ranges.
    """

    def __init__(self, circuit: Circuit, rows_rm: Tensor, typical_qhd: Tensor) -> None:
        self.circuit, self.typical_qhd = circuit, typical_qhd
        self.rows_hrd = torch.einsum("rm,mhd->hrd", rows_rm, circuit.out_mhd)
        self._spans: dict[Shape, Span] = {}

    def span(self, shape: Shape) -> Span:
        """What the open places of a shape can add; computed once."""
        if shape not in self._spans:
            self._spans[shape] = self._make_span(shape)
        return self._spans[shape]

    def _make_span(self, shape: Shape) -> Span:
        c, d, r = self.circuit, self.typical_qhd.shape[2], self.rows_hrd.shape[1]
        moved_qhdu = (c.value_uhd[None] - self.typical_qhd[:, None]).permute(0, 2, 3, 1)
        every_qhxu = torch.cat([self.rows_hrd @ moved_qhdu, moved_qhdu, torch.ones_like(moved_qhdu[:, :, :1])], 2)
        every_qhxu = every_qhxu * c.weight_qhu[:, :, None]
        low_qhx, high_qhx = least_by_head(c, every_qhxu, shape), -least_by_head(c, -every_qhxu, shape)
        moved_qhd = (low_qhx[..., r : r + d] + high_qhx[..., r : r + d]) / 2
        mass_qh = (low_qhx[..., -1] + high_qhx[..., -1]) / 2
        middle_qhr = (self.rows_hrd @ moved_qhd[..., None])[..., 0]
        return Span(
            moved_qhd + self.typical_qhd * mass_qh[..., None],
            mass_qh,
            low_qhx[..., -1],
            high_qhx[..., -1],
            (low_qhx[..., :r] - middle_qhr).clamp(max=0),
            (high_qhx[..., :r] - middle_qhr).clamp(min=0),
            most_decay(c, shape),
        )

    def attend(self, nodes: Nodes) -> Attended:
        """Middle and ranges of nodes."""
        c, span, query_n = self.circuit, self.span(nodes.shape), nodes.query_n
        numerator_nhd = nodes.numerator_nhd + span.numerator_qhd[query_n]
        y_nhd = numerator_nhd / (nodes.denominator_nh + span.mass_qh[query_n])[..., None]
        t_low_nh = 1 / (nodes.denominator_nh + span.most_mass_qh[query_n])
        t_high_nh = 1 / (nodes.denominator_nh + span.least_mass_qh[query_n])
        x_nm = c.embed_um[query_n] + c.out_m + torch.einsum("nhd,mhd->nm", y_nhd, c.out_mhd)
        low_nr = high_nr = x_nm.new_zeros(len(nodes), self.rows_hrd.shape[1])
        radius_nh = ((span.most_mass_qh - span.least_mass_qh) / 2)[query_n]
        for h, rows_rd in enumerate(self.rows_hrd):
            unusual_nr = ((y_nhd[:, h] - self.typical_qhd[query_n, h]) @ rows_rd.T).abs() * radius_nh[:, h, None]
            # Both ends are on their side of 0, so that they are widest where t is largest.
            low_nr = low_nr + (span.low_qhr[query_n, h] - unusual_nr) * t_high_nh[:, h, None]
            high_nr = high_nr + (span.high_qhr[query_n, h] + unusual_nr) * t_high_nh[:, h, None]
        return Attended(nodes, span, y_nhd, t_low_nh, t_high_nh, x_nm, low_nr, high_nr)

    def least_change(self, at: Attended, gradient_im: Tensor, node_i: Tensor) -> Tensor:
        """Lower bound of gradient · change of the residual stream, one gradient for each item; (i)."""
        c, query_i = self.circuit, at.nodes.query_n[node_i]
        gradient_ihd = torch.einsum("im,mhd->ihd", gradient_im, c.out_mhd)
        y_ihd, t_low_ih, t_high_ih = at.y_nhd[node_i], at.t_low_nh[node_i], at.t_high_nh[node_i]
        value_ihu = torch.einsum("ihd,uhd->ihu", gradient_ihd, c.value_uhd)
        value_ihu = (value_ihu - (gradient_ihd * y_ihd).sum(-1, keepdim=True)) * c.weight_qhu[query_i]
        middle_ihd = at.span.numerator_qhd[query_i] - y_ihd * at.span.mass_qh[query_i][..., None]
        middle_ih = (gradient_ihd * middle_ihd).sum(-1)
        t_ih, spread_ih = (t_low_ih + t_high_ih) / 2, (t_high_ih - t_low_ih) / 2
        lowest_ih = value_ihu.amin(-1).clamp(max=0) * at.span.decay_h - middle_ih
        highest_ih = value_ihu.amax(-1).clamp(min=0) * at.span.decay_h - middle_ih
        tangent_i = least(c, value_ihu * t_ih[..., None], at.nodes.shape) - (t_ih * middle_ih).sum(-1)
        return tangent_i - (spread_ih * torch.maximum(lowest_ih.abs(), highest_ih.abs())).sum(-1)
