"""The rule base of the sum of two numbers: digit pairs, carries, digits of the sum.

Source: the rules of MNIST-Addition in Π-NeSy (arXiv 2504.07055), for any base.
"""

import torch
from torch import Tensor

from ...errors import ShapeError, UsageError
from .rule_base import RuleBase
from .rules import ANY, Attribute, Rule, Value, iff


def addition_rules(places: int, base: int = 10) -> RuleBase:
    """Rules for a + b, digit by digit; place 1 is the most significant.

    Args:
        places: digits of each operand, `a1` … and `b1` ….
        base: of the number system.

    Returns:
        Rules with the attributes `pair1` … (with the carry that comes in), `carry1` …, `sum1` …, and the last
        carry, `sum0`.
        The families "pair", "carry" and "sum" share thresholds.

    Raises:
        UsageError: no places, or a base below 2.

    >>> rules = addition_rules(2)
    >>> rules.inputs, rules.outputs
    (('a2', 'b2', 'a1', 'b1'), ('sum2', 'sum1', 'sum0'))
    """
    if places < 1 or base < 2:
        raise UsageError(f"A sum has at least one place, in a base of at least 2; got {places} places in base {base}.")
    digits = range(base)
    attributes: list[Attribute] = [Attribute(f"{x}{j}", digits) for x in "ab" for j in range(1, places + 1)]
    rules: list[Rule] = []
    for j in range(places, 0, -1):
        with_carry = j < places
        carries = (0, 1) if with_carry else (0,)
        cells: list[Value] = [(a, b, c)[: 2 + with_carry] for a in digits for b in digits for c in carries]
        rest = (ANY,) if with_carry else ()
        attributes.append(Attribute(f"pair{j}", cells, family="pair"))
        attributes.append(Attribute(f"carry{j}", (0, 1), family="carry"))
        attributes.append(Attribute(f"sum{j}", digits, family="sum"))
        for i in digits:
            rules.append(iff({f"a{j}": [i]}, {f"pair{j}": [(i, ANY, *rest)]}, f"a{j}={i}"))
            rules.append(iff({f"b{j}": [i]}, {f"pair{j}": [(ANY, i, *rest)]}, f"b{j}={i}"))
        if with_carry:
            rules.append(iff({f"carry{j + 1}": [0]}, {f"pair{j}": [(ANY, ANY, 0)]}, f"no carry into {j}"))
        over = [cell for cell in cells if _total(cell) >= base]
        rules.append(iff({f"pair{j}": over}, {f"carry{j}": [1]}, f"carry out of {j}"))
        for i in digits:
            ends = [cell for cell in cells if _total(cell) % base == i]
            rules.append(iff({f"pair{j}": ends}, {f"sum{j}": [i]}, f"sum{j}={i}"))
    attributes.append(Attribute("sum0", (0, 1), family="sum"))
    rules.append(iff({"carry1": [0]}, {"sum0": [0]}, "no carry left"))
    return RuleBase(attributes, rules)


def addition_labels(a_bj: Tensor, b_bj: Tensor, base: int = 10) -> dict[str, Tensor]:
    """True values of every attribute that `addition_rules` conclude about, from the digits of both operands.

    Args:
        a_bj: digits of the first operand, most significant first.
        b_bj: of the second.
        base: of the number system.

    Raises:
        ShapeError: operands of different shapes.

    >>> labels = addition_labels(torch.tensor([[3, 8]]), torch.tensor([[4, 5]]))
    >>> [int(labels[name]) for name in ("carry2", "sum2", "carry1", "sum1", "sum0")]
    [1, 3, 0, 8, 0]
    """
    if a_bj.shape != b_bj.shape or a_bj.dim() != 2:
        raise ShapeError(
            f"Operands need digits of one shape (b, places), got {tuple(a_bj.shape)}, {tuple(b_bj.shape)}."
        )
    found: dict[str, Tensor] = {}
    carry_b: Tensor | None = None
    for j in range(a_bj.shape[1], 0, -1):
        parts = [a_bj[:, j - 1], b_bj[:, j - 1], *([] if carry_b is None else [carry_b])]
        found[f"pair{j}"] = torch.stack(parts, 1)
        total_b = found[f"pair{j}"].sum(1)
        found[f"sum{j}"], carry_b = total_b % base, total_b // base
        found[f"carry{j}"] = carry_b
    found["sum0"] = found["carry1"]
    return found


def _total(cell: Value) -> int:
    return sum(cell)  # type: ignore[arg-type]
