"""The definitions of Π-NeSy, written out with loops or dense tensors, for tests and benchmarks to compare with."""

import torch


def premise_degrees(rule_set, known):
    """λ and ρ of every rule, for one sample; `known` maps attributes to lists of degrees."""
    pairs = []
    for premise in rule_set.premises:
        inside = [max(known[a][v] for v in values) for a, values in premise.items()]
        outside = [max(d for v, d in enumerate(known[a]) if v not in values) for a, values in premise.items()]
        pairs.append((min(inside, default=0), max(outside, default=0)))
    others = [pair for pair, premise in zip(pairs, rule_set.premises) if premise]
    none = (min(rho for _, rho in others), max(lam for lam, _ in others))
    return [pair if premise else none for pair, premise in zip(pairs, rule_set.premises)]


def infer(rule_set, known, s, r):
    """π*(u) for every value u, by the definition."""
    degrees = premise_degrees(rule_set, known)
    return [
        min(
            max(s_i, lam) if u in inside else max(r_i, rho)
            for inside, (lam, rho), s_i, r_i in zip(rule_set.conclusions, degrees, s, r)
        )
        for u in range(len(rule_set.output.domain))
    ]


def gamma(rule_set, degrees):
    """Γ of one sample with a row for every value of the output's domain."""
    rows = []
    for u in range(len(rule_set.output.domain)):
        row = []
        for inside, (lam, rho) in zip(rule_set.conclusions, degrees):
            row += [lam, 1.0] if u in inside else [1.0, rho]
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def product(gamma, x):
    return torch.maximum(gamma, x).amin(-1)


def distances(gamma, b):
    """∇_i of every row, by the closed form over all pairs of rows."""
    n = len(b)
    out = []
    for i in range(n):
        half = ((b - b[i]).clamp(min=0) / 2)[:, None]
        inner = torch.minimum(half.expand_as(gamma), (b[:, None] - gamma).clamp(min=0)).amax(0)
        out.append(torch.maximum((gamma[i] - b[i]).clamp(min=0), inner).amin())
    return torch.stack(out)


def lowest(gamma, b, nabla, tolerance=1e-9):
    """x_j = max_i Γ_ij ε (b_i − ∇)^+."""
    y = (b - nabla).clamp(min=0)[:, None].expand_as(gamma)
    return torch.where(gamma < y - tolerance, y, 0).amax(0)
