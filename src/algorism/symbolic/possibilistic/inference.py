"""Inference with rules: from possibility distributions of concepts to those of what the rules conclude.

For parallel rules, π(u) = min_i (max(s_i, λ_i) where u is in the conclusion of rule i, max(r_i, ρ_i) elsewhere), where
λ_i is how possible it is that the premise holds and ρ_i how possible that it does not. This is the min-max product of a
matrix with a row for every cell of the output's domain; here each row is the minimum of a few shared parts
(`partition`).

Inside, the batch is the last dimension: every step then works on whole vectors of samples.

Shape letters: b sample, v value, n rule, c cell, d block of values that no premise tells apart, k condition, w member.

Source: Π-NeSy: A Possibilistic Neuro-Symbolic Approach (arXiv 2504.07055).
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import ShapeError, UsageError, nearest
from .partition import Ints, groups, members, padded, partition
from .possibility import check_possibility, normalise
from .rule_base import RuleBase, RuleSet

Parameters = Mapping[str, tuple[Tensor, Tensor]]  # for each output attribute: s and r of its rules, (n,)


class RuleInference(nn.Module):
    """A rule base as a layer: sub-gradients flow through it, and it moves to any device.

    Args:
        base: the rules.
        parameters: s and r of every rule, as learned; None for those declared with the rules.

    >>> from algorism.symbolic.possibilistic import read_rules
    >>> base = read_rules('''
    ... attributes: {digit: 0..3, parity: [even, odd]}
    ... rules: ["iff digit is {0, 2} then parity is even"]
    ... ''')
    >>> RuleInference(base)({"digit": torch.tensor([[0.25, 1.0, 0.5, 0.0]])})["parity"].tolist()
    [[0.5, 1.0]]
    """

    def __init__(self, base: RuleBase, parameters: Parameters | None = None) -> None:
        super().__init__()
        self.base = base
        sizes = {name: len(attribute.domain) for name, attribute in base.attributes.items()}
        self.sets = nn.ModuleList(RuleSetInference(rule_set, sizes) for rule_set in base.sets)
        for output, (s_n, r_n) in (parameters or {}).items():
            self.of(output).set_parameters(s_n, r_n)

    @property
    def parts(self) -> list["RuleSetInference"]:
        """The rule sets in the order in which they are applied."""
        return cast("list[RuleSetInference]", list(self.sets))

    def of(self, output: str) -> "RuleSetInference":
        """The part that concludes about an attribute.

        Raises:
            UsageError: no rule does.
        """
        rule_set = self.base[output]
        return self.parts[self.base.sets.index(rule_set)]

    def forward(self, distributions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Apply all rule sets, each to what the sets before it concluded.

        Args:
            distributions: for each input attribute a normalised possibility distribution, (b, v).

        Returns:
            For every attribute that rules conclude about, its distribution (b, v), as the definition gives it: its
            greatest degree is below 1 where learned parameters make the rules disagree. Later sets see it normalised.

        Raises:
            UsageError: an input is missing.
            ShapeError: an input has another number of values than its attribute, or inputs differ in batch.
            DataError: an input is no possibility distribution.
        """
        known_vb = check_inputs(self.base, distributions)
        found: dict[str, Tensor] = {}
        for part in self.parts:
            output = part.rule_set.output.name
            pi_vb = part(known_vb)
            found[output] = pi_vb.T
            known_vb[output] = normalise(pi_vb.T).T
        return found


class RuleSetInference(nn.Module):
    """The rules about one attribute. Works on (value, batch) tensors; see `RuleInference` for the usual entry.

    Args:
        rule_set: the rules.
        sizes: number of values of every attribute.
    """

    s_n: Tensor
    r_n: Tensor
    sign_cn: Tensor
    cell_of_v: Tensor
    cell_v: Tensor | None  # the same; None where every value is a cell
    conditions_nk: Tensor | None

    def __init__(self, rule_set: RuleSet, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.rule_set = rule_set
        parts = partition(members(rule_set.conclusions, len(rule_set.output.domain)))
        self.register_buffer("sign_cn", torch.from_numpy(parts.sign_cn), persistent=False)
        self.register_buffer("cell_v", None if parts.is_finest else torch.from_numpy(parts.cell_v), persistent=False)
        self.register_buffer("cell_of_v", torch.from_numpy(parts.cell_v), persistent=False)

        n_rules = len(rule_set.rules)
        # α of all rules stands above β of all rules: each cell picks one of the two for every rule of the group
        self._groups = nn.ModuleList(
            _Group(np.where(group.sign_gk, group.rules_k, group.rules_k + n_rules), group.cell_c)
            for group in groups(rule_set, parts.sign_cn)
        )
        conditions = [_Conditions(rule_set, name, sizes[name]) for name in rule_set.inputs]
        self._conditions = nn.ModuleList(conditions)
        starts = np.cumsum([0, *(len(part.sets) for part in conditions)])
        place = {
            (part.attribute, inside): int(start) + k
            for part, start in zip(conditions, starts)
            for k, inside in enumerate(part.sets)
        }
        rows = [[place[item] for item in premise.items()] for premise in rule_set.premises if premise]
        width = max(map(len, rows))
        table = np.stack([np.resize(row, width) for row in rows])
        in_place = table.shape == (starts[-1], 1) and (table[:, 0] == np.arange(starts[-1])).all()
        self.register_buffer("conditions_nk", None if in_place else torch.from_numpy(table), persistent=False)
        self.default = next((n for n, rule in enumerate(rule_set.rules) if rule.is_default), None)

        for key in ("s", "r"):
            declared_n = torch.tensor([float(getattr(rule, key)) for rule in rule_set.rules], dtype=torch.float64)
            setattr(self, f"{key}_n", nn.Parameter(declared_n, requires_grad=False))

    def set_parameters(self, s_n: Tensor, r_n: Tensor) -> None:
        """Replace s and r of all rules.

        Raises:
            ShapeError, DataError: not one degree in [0, 1] for each rule.
        """
        for key, x_n in (("s", s_n), ("r", r_n)):
            if x_n.shape != (len(self.rule_set.rules),):
                raise ShapeError(
                    f"Rules about '{self.rule_set.output.name}': {key} must have shape ({len(self.rule_set.rules)},), "
                    f"one for each rule, got {tuple(x_n.shape)}."
                )
            check_possibility(x_n, f"{key} of the rules about '{self.rule_set.output.name}'", normalised=False)
            getattr(self, f"{key}_n").data = x_n.detach().to(getattr(self, f"{key}_n"))

    def forward(self, known_vb: Mapping[str, Tensor]) -> Tensor:
        """The output's distribution, (v, b), from those of the inputs, (v, b) each and normalised."""
        lambda_nb, rho_nb = self.premises(known_vb)
        s_n1, r_n1 = (x_n.to(lambda_nb.dtype)[:, None] for x_n in (self.s_n, self.r_n))
        pi_cb = self.combine(torch.maximum(s_n1, lambda_nb), torch.maximum(r_n1, rho_nb))
        return pi_cb if self.cell_v is None else pi_cb[self.cell_v]

    def premises(self, known_vb: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """λ and ρ of all rules, (n, b): how possible it is that the premise holds, and that it does not."""
        pairs = [part(known_vb[part.attribute]) for part in cast("list[_Conditions]", self._conditions)]
        lambda_nb, rho_nb = (torch.cat(side) if len(side) > 1 else side[0] for side in zip(*pairs))
        if self.conditions_nk is not None:
            lambda_nb, rho_nb = _pick(lambda_nb, self.conditions_nk).amin(1), _pick(rho_nb, self.conditions_nk).amax(1)
        if self.default is not None:
            at = self.default  # its premise is that no other holds
            none_1b, some_1b = rho_nb.amin(0, keepdim=True), lambda_nb.amax(0, keepdim=True)
            lambda_nb = torch.cat((lambda_nb[:at], none_1b, lambda_nb[at:]))
            rho_nb = torch.cat((rho_nb[:at], some_1b, rho_nb[at:]))
        return lambda_nb, rho_nb

    def combine(self, alpha_nb: Tensor, beta_nb: Tensor) -> Tensor:
        """For each cell the minimum over rules of α where the cell is in the conclusion, β where not; (c, b)."""
        both_nb = torch.cat((alpha_nb, beta_nb))
        result: Tensor | None = None
        for group in cast("list[_Group]", self._groups):
            least_gb = _pick(both_nb, group.pick_gk).amin(1)
            least_cb = least_gb if len(self._groups) == 1 else least_gb.index_select(0, group.cell_c)
            result = least_cb if result is None else torch.minimum(result, least_cb)
        assert result is not None
        return result


class _Group(nn.Module):
    """The tables of a group of rules: what each of its cells picks from α and β, and which cell is which."""

    pick_gk: Tensor
    cell_c: Tensor

    def __init__(self, pick_gk: Ints, cell_c: Ints) -> None:
        super().__init__()
        self.register_buffer("pick_gk", torch.from_numpy(pick_gk), persistent=False)
        self.register_buffer("cell_c", torch.from_numpy(cell_c), persistent=False)


class _Conditions(nn.Module):
    """All different conditions on one attribute: from its distribution to λ and ρ of each, (k, b)."""

    block_dw: Tensor | None
    inside_kw: Tensor
    outside_kw: Tensor

    def __init__(self, rule_set: RuleSet, attribute: str, size: int) -> None:
        super().__init__()
        self.attribute = attribute
        self.sets = list(dict.fromkeys(box[attribute] for box in rule_set.premises if attribute in box))
        parts = partition(members(self.sets, size))
        block_dw = padded(parts.cell_v[:, None] == np.arange(len(parts.sign_cn)))
        self.register_buffer("block_dw", None if parts.is_finest else torch.from_numpy(block_dw), persistent=False)
        # conditions "is the value v", one block each, need no table: outside v the greatest or second greatest counts
        self.single = bool((parts.sign_cn.sum(0) == 1).all()) and len(parts.sign_cn) > 2
        self.register_buffer("inside_kw", torch.from_numpy(padded(parts.sign_cn)), persistent=False)
        self.register_buffer("outside_kw", torch.from_numpy(padded(~parts.sign_cn)), persistent=False)

    def forward(self, pi_vb: Tensor) -> tuple[Tensor, Tensor]:
        pi_db = pi_vb if self.block_dw is None else _pick(pi_vb, self.block_dw).amax(1)
        lambda_kb = _pick(pi_db, self.inside_kw).amax(1)
        if not self.single:
            return lambda_kb, _pick(pi_db, self.outside_kw).amax(1)
        top_1b, at_1b = pi_db.max(0, keepdim=True)
        second_1b = pi_db.scatter(0, at_1b, -1.0).amax(0, keepdim=True)
        return lambda_kb, torch.where(self.inside_kw == at_1b, second_1b, top_1b)


def _pick(x_vb: Tensor, index: Tensor) -> Tensor:
    """Rows by a table of places, (k, w) to (k, w, b)."""
    return x_vb.index_select(0, index.flatten()).view(*index.shape, x_vb.shape[-1])


def check_inputs(base: RuleBase, distributions: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check the distributions of a rule base's inputs, and return them as (v, b).

    Raises:
        UsageError, ShapeError, DataError: see `RuleInference.forward`.
    """
    found: dict[str, Tensor] = {}
    for name in distributions:
        if name not in base.attributes:
            raise UsageError(f"The rules know no attribute '{name}'. {nearest(name, base.attributes)}")
    for name in base.inputs:
        if name not in distributions:
            raise UsageError(f"The rules need a distribution of '{name}'; given: {', '.join(distributions) or 'none'}.")
        pi_bv, size = distributions[name], len(base.attributes[name].domain)
        if pi_bv.dim() != 2 or pi_bv.shape[1] != size:
            raise ShapeError(
                f"'{name}' has {size} values: its distribution has shape (b, {size}), got {tuple(pi_bv.shape)}."
            )
        first = next(iter(found.items()), None)
        if first is not None and first[1].shape[1] != len(pi_bv):
            raise ShapeError(f"'{name}' has {len(pi_bv)} samples, but '{first[0]}' has {first[1].shape[1]}.")
        if first is not None and first[1].dtype != pi_bv.dtype:
            raise UsageError(f"'{name}' is {pi_bv.dtype}, but '{first[0]}' is {first[1].dtype}; use one dtype.")
        found[name] = check_possibility(pi_bv, f"The distribution of '{name}'").T.contiguous()
    return found


def decide(pi_bv: Tensor) -> tuple[Tensor, Tensor]:
    """The most possible value of each row, and whether it shares its degree with another, so that nothing is decided.

    >>> decide(torch.tensor([[0.2, 1.0, 0.3], [1.0, 0.0, 1.0]]))
    (tensor([1, 0]), tensor([False,  True]))
    """
    top_b1, at_b = pi_bv.amax(-1, keepdim=True), pi_bv.argmax(-1)
    return at_b, (pi_bv == top_b1).sum(-1) > 1
