"""Whether a full Sudoku is right: its rules, and the same degrees without writing the rules out.

For every two cells in one row, column or block a pair attribute holds both labels; one rule says that a puzzle in which
all pairs differ is right. Nothing is solved here: all cells are filled.

Shape letters: b puzzle, c cell (row by row), v label, f pair of cells.

Source: the rules of MNIST-Sudoku in Π-NeSy (arXiv 2504.07055).
"""

import torch
from torch import Tensor, nn

from ...errors import ShapeError, UsageError
from ...tasks.sudoku import sudoku_pairs
from .addition_chain import parallel
from .inference import RuleInference
from .possibility import check_possibility, normalise
from .rule_base import RuleBase
from .rules import ANY, Attribute, Rule, iff

WRONG, RIGHT = 0, 1


def sudoku_rules(size: int, classes: int | None = None) -> RuleBase:
    """Rules for `right` (0 or 1) from the cells `cell0` … in the order of rows.

    Args:
        size: 4, 9, ….
        classes: number of labels that a cell's classifier knows, at least `size`; further ones are in no rule.

    Raises:
        UsageError: a size that no Sudoku has, or too few classes.

    >>> len(sudoku_rules(4).sets)
    57
    """
    classes = size if classes is None else classes
    pairs = [tuple(map(int, pair)) for pair in sudoku_pairs(size)]
    if classes < size:
        raise UsageError(f"A Sudoku of size {size} has {size} labels, but a cell only {classes} classes.")
    attributes = [Attribute(f"cell{c}", range(classes), family="cell") for c in range(size * size)]
    rules: list[Rule] = []
    labels = range(size)
    values = [(x, y) for x in labels for y in labels]
    differ = [(x, y) for x, y in values if x != y]
    for one, other in pairs:
        name = f"pair{one}_{other}"
        attributes.append(Attribute(name, values, family="pair"))
        for k in labels:
            rules.append(iff({f"cell{one}": [k]}, {name: [(k, ANY)]}, f"{name}: first is {k}"))
            rules.append(iff({f"cell{other}": [k]}, {name: [(ANY, k)]}, f"{name}: second is {k}"))
    attributes.append(Attribute("right", (WRONG, RIGHT), family="right"))
    rules.append(iff({f"pair{one}_{other}": differ for one, other in pairs}, {"right": [RIGHT]}, "all pairs differ"))
    return RuleBase(attributes, rules)


class SudokuChecker(nn.Module):
    """How possible it is that puzzles are wrong, and right: equal to `RuleInference(sudoku_rules(size, classes))`.

    Args:
        size: 4, 9, ….
        inference: rules with learned parameters, made by `sudoku_rules`; None for rules without doubts.

    Raises:
        UsageError: a size that no Sudoku has, or rules for another.

    >>> cells = torch.eye(4)[[0, 1, 2, 3, 2, 3, 0, 1, 1, 0, 3, 2, 3, 2, 1, 0]]
    >>> SudokuChecker(4)(cells[None])
    tensor([[0., 1.]])
    """

    pairs_f2: Tensor
    s_f2v: Tensor
    r_f2v: Tensor

    def __init__(self, size: int, inference: RuleInference | None = None) -> None:
        super().__init__()
        self.size = size
        pairs = sudoku_pairs(size)
        s, r, self.last = (
            torch.zeros(len(pairs), 2, size).double(),
            torch.zeros(len(pairs), 2, size).double(),
            (0.0, 0.0),
        )
        if inference is not None:
            names = [f"pair{one}_{other}" for one, other in pairs]
            if [part.rule_set.output.name for part in inference.parts] != [*names, "right"]:
                raise UsageError(
                    f"SudokuChecker takes the rules of sudoku_rules({size}); use RuleInference for others."
                )
            *parts, final = inference.parts
            # first and second cell alternate in the order of the rules
            s, r = (torch.stack([getattr(p, key).view(size, 2).T for p in parts]) for key in ("s_n", "r_n"))
            self.last = (float(final.s_n[0]), float(final.r_n[0]))
        self.register_buffer("pairs_f2", torch.from_numpy(pairs), persistent=False)
        self.register_buffer("s_f2v", s, persistent=False)
        self.register_buffer("r_f2v", r, persistent=False)
        self.certain = not bool((s > 0).any() or (r > 0).any())

    def forward(self, pi_bcv: Tensor, batch: int = 64) -> Tensor:
        """Possibility of wrong and of right, (b, 2).

        Args:
            pi_bcv: normalised distributions of the cells' labels; labels beyond the size's count as none of them.
            batch: puzzles at a time.

        Raises:
            ShapeError: not a distribution for each cell.
            DataError: no possibility distributions.
        """
        if pi_bcv.dim() != 3 or pi_bcv.shape[1] != self.size**2 or pi_bcv.shape[2] < self.size:
            raise ShapeError(
                f"Cells of Sudokus have shape (puzzles, {self.size**2}, at least {self.size}), got "
                f"{tuple(pi_bcv.shape)}."
            )
        check_possibility(pi_bcv, "The distribution of a cell")
        return torch.cat([self._check(part) for part in pi_bcv.split(batch)])

    def _check(self, pi_bcv: Tensor) -> Tensor:
        first_bfv, second_bfv = (self._labels(pi_bcv, side) for side in (0, 1))
        both_bfxy = torch.minimum(first_bfv.unsqueeze(-1), second_bfv.unsqueeze(-2))
        equal_bf = both_bfxy.diagonal(dim1=-2, dim2=-1).amax(-1)
        mask_xy = torch.eye(self.size, dtype=torch.bool, device=pi_bcv.device)
        differ_bf = both_bfxy.masked_fill(mask_xy, 0.0).flatten(-2).amax(-1)
        pair_bf2 = normalise(torch.stack((equal_bf, differ_bf), -1))
        right_b, wrong_b = pair_bf2[..., 1].amin(-1), pair_bf2[..., 0].amax(-1)
        s, r = self.last
        return torch.stack((wrong_b.clamp(min=r), right_b.clamp(min=s)), -1)

    def _labels(self, pi_bcv: Tensor, side: int) -> Tensor:
        """What the rules about one cell of each pair leave possible for its label, (b, f, v)."""
        cells_f = self.pairs_f2[:, side]
        s_fv, r_fv = self.s_f2v[:, side].to(pi_bcv), self.r_f2v[:, side].to(pi_bcv)
        if self.certain:  # the same for all pairs of a cell
            return parallel(pi_bcv, s_fv[0], r_fv[0])[:, cells_f]
        return parallel(pi_bcv[:, cells_f], s_fv, r_fv)
