"""Possibilistic rules against their definitions written out as dense tensors, and long sums along their carries.

The peer builds what the paper defines and nothing shorter: for inference the matrix M with a row for each value of the
output and the min-max product with it; for learning the matrix Γ of each sample, the closed form of the distance over
all pairs of rows, the stacked system of all samples. Both sides get the same distributions, in float64 on one thread,
and before anything is timed both have to give the same numbers. Learning is timed for one of the pair attributes, of
which there are 2 in addition with two digits and 810 in a 9 × 9 Sudoku: all are alike.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from _harness import Comparison, compare, main, pin
from algorism.symbolic.possibilistic import (
    KEEP_ALL,
    AdditionChain,
    RuleBase,
    RuleInference,
    RuleSet,
    addition_rules,
    antipignistic,
    normalise,
)
from algorism.symbolic.possibilistic.learning import learn_set
from algorism.symbolic.possibilistic.sudoku import SudokuChecker, sudoku_rules
from algorism.tasks.sudoku import sudoku_parts

PROBLEMS = {"addition-2": 2_500, "Sudoku 9 × 9": 200}  # all that 10,000 test images give; two splits of test puzzles
TAUGHT = {"addition-2": 20, "Sudoku 9 × 9": 40}  # samples to learn from: more make the peer's pairs of rows too many
PACKAGES = ("torch",)
ROWS_AT_ONCE = 16


class Dense:
    """A rule set by its definitions."""

    def __init__(self, rule_set: RuleSet, sizes: dict[str, int]) -> None:
        self.rule_set = rule_set
        self.inside_un = torch.zeros(len(rule_set.output.domain), len(rule_set.rules), dtype=torch.bool)
        for n, conclusion in enumerate(rule_set.conclusions):
            self.inside_un[list(conclusion), n] = True
        self.masks = []
        for premise in rule_set.premises:
            masks = {}
            for name, values in premise.items():
                masks[name] = torch.zeros(sizes[name], dtype=torch.bool)
                masks[name][list(values)] = True
            self.masks.append(masks)

    def inputs(self, known: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """λ and ρ of every rule, (b, n)."""
        pairs = []
        for masks in self.masks:
            inside = [known[name].masked_fill(~mask, 0).amax(1) for name, mask in masks.items()]
            outside = [known[name].masked_fill(mask, 0).amax(1) for name, mask in masks.items()]
            pairs.append((torch.stack(inside).amin(0), torch.stack(outside).amax(0)))
        lambda_n, rho_n = zip(*pairs)
        return torch.stack(lambda_n, 1), torch.stack(rho_n, 1)

    def infer(self, known: dict[str, Tensor]) -> Tensor:
        """M □ I without doubts: s and r are 0."""
        lambda_bn, rho_bn = self.inputs(known)
        input_bj = torch.stack((lambda_bn, rho_bn), -1).flatten(1)
        s_or_one = torch.where(self.inside_un, 0.0, 1.0)
        matrix_uj = torch.stack((s_or_one, 1 - s_or_one), -1).flatten(1).double()
        return torch.maximum(matrix_uj, input_bj[:, None]).amin(-1)

    def learn(self, known: dict[str, Tensor], target_b: Tensor) -> Tensor:
        """The unknowns (s_1, r_1, …) from the stacked system of all samples."""
        lambda_bn, rho_bn = self.inputs(known)
        size = len(self.inside_un)
        gammas, sides = [], []
        for lambda_n, rho_n, target in zip(lambda_bn, rho_bn, target_b.tolist()):
            gamma_uj = torch.stack(
                (torch.where(self.inside_un, lambda_n, 1.0), torch.where(self.inside_un, 1.0, rho_n)), -1
            ).flatten(1)
            b_u = torch.zeros(size, dtype=torch.float64)
            b_u[target] = 1
            x_j = lowest(gamma_uj, b_u, float(row_distances(gamma_uj, b_u).max()))
            gammas.append(gamma_uj)
            sides.append(torch.maximum(gamma_uj, x_j).amin(1))
        gamma_rj, b_r = torch.cat(gammas), torch.cat(sides)
        return lowest(gamma_rj, b_r, float(row_distances(gamma_rj, b_r).max()))


def row_distances(gamma_rj: Tensor, b_r: Tensor) -> Tensor:
    """∇_i of every row over all pairs of rows, a few rows at a time."""
    found = []
    pull_rj = (b_r[:, None] - gamma_rj).clamp(min=0)
    for gamma_ij, b_i in zip(gamma_rj.split(ROWS_AT_ONCE), b_r.split(ROWS_AT_ONCE)):
        half_ir1 = ((b_r - b_i[:, None]).clamp(min=0) / 2).unsqueeze(-1)
        inner_ij = torch.minimum(half_ir1, pull_rj).amax(1)
        found.append(torch.maximum((gamma_ij - b_i[:, None]).clamp(min=0), inner_ij).amin(1))
    return torch.cat(found)


def lowest(gamma_rj: Tensor, b_r: Tensor, distance: float) -> Tensor:
    """x_j = max_i Γ_ij ε (b_i − ∇)^+, with room for rounding in the comparison."""
    y_r1 = (b_r - distance).clamp(min=0)[:, None]
    return torch.where(gamma_rj < y_r1 - 1e-9, y_r1, 0).amax(0)


def distributions(labels_bc: Tensor, classes: int, seed: int) -> Tensor:
    """What a network that is right most of the time might say."""
    draw = torch.Generator().manual_seed(seed)
    logits_bcv = 2 * torch.randn(*labels_bc.shape, classes, generator=draw, dtype=torch.float64)
    logits_bcv += 6 * torch.nn.functional.one_hot(labels_bc, classes)
    return antipignistic(logits_bcv.softmax(-1))


def dense_inference(base: RuleBase) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """All rule sets in order, each by its definition."""
    sizes = {name: len(attribute.domain) for name, attribute in base.attributes.items()}
    sets = [Dense(rule_set, sizes) for rule_set in base.sets]

    def infer(known: dict[str, Tensor]) -> dict[str, Tensor]:
        known, found = dict(known), {}
        for part in sets:
            name = part.rule_set.output.name
            found[name] = part.infer(known)
            known[name] = normalise(found[name])
        return found

    return infer


def same(ours: Tensor, theirs: Tensor, what: str) -> None:
    """Refuse to time what does not agree."""
    if not torch.allclose(ours.double(), theirs.double(), rtol=0, atol=1e-9):
        raise AssertionError(f"{what}: results differ by up to {float((ours - theirs).abs().max()):.3g}.")


def addition() -> tuple[RuleBase, Tensor, Tensor]:
    """Rules for numbers of two digits, true digits a1, a2, b1, b2, and their distributions (b, 4, v)."""
    truth_b4 = torch.randint(0, 10, (PROBLEMS["addition-2"], 4), generator=torch.Generator().manual_seed(0))
    return addition_rules(2), truth_b4, distributions(truth_b4, 10, 1)


def sudoku() -> tuple[RuleBase, Tensor, Tensor]:
    """Rules for 9 × 9, true labels of the cells, and their distributions (b, c, v)."""
    count = PROBLEMS["Sudoku 9 × 9"]
    labels = torch.arange(9 * 9 * count) % 9
    part = sudoku_parts(labels.numpy(), 9, {"all": count // 2}, seed=0)["all"]
    labels_bc = torch.from_numpy(part.labels_pc)
    return sudoku_rules(9), labels_bc, distributions(labels_bc, 9, 2)


def inference_rows(
    what: str, base: RuleBase, known: dict[str, Tensor], direct: Callable[[], Tensor]
) -> Iterator[Comparison]:
    """The general inference and the one made for the problem, against the definition."""
    general, dense = RuleInference(base), dense_inference(base)
    output = "right" if "right" in base.attributes else "sum1"
    wanted = dense(known)[output]
    same(general(known)[output], wanted, what)
    same(direct(), wanted, what)
    runs, count = 3 if output == "right" else 5, PROBLEMS[what]
    for name, ours in (("any rules", lambda: general(known)), ("made for it", direct)):
        yield compare(
            f"inference, {what}, {count:,} problems: {name}",
            lambda ours=ours: (ours(), float(count))[1],  # type: ignore[misc]
            lambda: (dense(known), float(count))[1],
            peer_name="dense M □ I",
            unit="problems/s",
            runs=runs,
            clock="cpu",
            packages=PACKAGES,
            target=10.0 if name == "made for it" else None,
        )


def learning_row(what: str, base: RuleBase, known: dict[str, Tensor], output: str, target_b: Tensor) -> Comparison:
    """One rule set learned from a few samples."""
    few = TAUGHT[what]
    part = RuleInference(base).of(output)
    names = part.rule_set.inputs
    known = {name: known[name][:few] for name in names}
    columns = {name: x.T.contiguous() for name, x in known.items()}
    dense = Dense(part.rule_set, {name: x.shape[1] for name, x in known.items()})

    def ours() -> Tensor:
        found = learn_set(part, columns, target_b[:few], KEEP_ALL)
        return torch.stack((found.s_n, found.r_n), -1).flatten()

    same(ours(), dense.learn(known, target_b[:few]), f"learning, {what}")
    return compare(
        f"learning, {what}, {few} samples",
        lambda: (ours(), None)[1],
        lambda: (dense.learn(known, target_b[:few]), None)[1],
        peer_name="dense Γ, all pairs of rows",
        unit="s",
        quantity="seconds",
        runs=3,
        clock="cpu",
        packages=PACKAGES,
        target=10.0,
    )


def milliseconds(places: int, total: int = 20_000) -> float:
    """Of one sum, processor time, in batches of so many places in all."""
    draw, count = torch.Generator().manual_seed(places), max(1, total // places)
    pi_kbjv = normalise(torch.rand(2, count, places, 10, generator=draw))
    chain = AdditionChain()
    times = []
    for _ in range(6):
        start = time.process_time()
        chain(*pi_kbjv)
        times.append(time.process_time() - start)
    return 1_000 * statistics.median(times[1:]) / count


def slope() -> float:
    """Of log time against log N, N = 1 … 10,000: 1 is a cost for each place."""
    points = [(math.log(n), math.log(milliseconds(n))) for n in (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)]
    return statistics.linear_regression(*zip(*points)).slope


def comparisons() -> Iterator[Comparison]:
    """Inference and learning at both sizes, then long sums."""
    pin()
    torch.set_num_threads(1)
    base, truth_b4, pi_b4v = addition()
    known, chain = {name: pi_b4v[:, c] for c, name in enumerate(("a1", "a2", "b1", "b2"))}, AdditionChain()
    yield from inference_rows("addition-2", base, known, lambda: chain(pi_b4v[:, :2], pi_b4v[:, 2:]).digits_bjv[:, 0])
    carry_b = (truth_b4[:, 1] + truth_b4[:, 3] >= 10).long()
    known["carry2"] = RuleInference(base)(known)["carry2"]
    pair_b = (truth_b4[:, 0] * 10 + truth_b4[:, 2]) * 2 + carry_b
    yield learning_row("addition-2", base, known, "pair1", pair_b)

    base, labels_bc, pi_bcv = sudoku()
    known, checker = {f"cell{c}": pi_bcv[:, c] for c in range(81)}, SudokuChecker(9)
    yield from inference_rows("Sudoku 9 × 9", base, known, lambda: checker(pi_bcv))
    yield learning_row("Sudoku 9 × 9", base, known, "pair0_1", labels_bc[:, 0] * 9 + labels_bc[:, 1])
    for places in (1_000, 10_000):
        yield compare(
            f"a sum of {places:,} digits, one of a batch",
            lambda places=places: milliseconds(places),  # type: ignore[misc]
            lambda places=places: places / 100,  # type: ignore[misc]
            peer_name="the time allowed: 10 ms for 1,000 digits",
            unit="ms",
            quantity="value",
            runs=3,
            packages=PACKAGES,
            target=1.0,
        )
    yield compare(
        "growth of the time with N, 1 … 10,000",
        slope,
        lambda: 1.1,
        peer_name="the most allowed; the least is 0.9",
        unit="power of N",
        quantity="value",
        runs=3,
        warmups=0,
        packages=PACKAGES,
        target=1.0,
    )


if __name__ == "__main__":
    main(__doc__, comparisons)
