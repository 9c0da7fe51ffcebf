"""The wiring of `l_mul`: which errors are surveyed, and what trained networks answer under which arithmetic.

Holds no claim and no algorithm; everything here calls `lowbit.lmul`, training and evaluation.
"""

import copy
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement, Picture
from ..evaluation import evaluate, paired_bootstrap
from ..evaluation.statistics import mean_interval
from ..lowbit.lmul import Arithmetic, LMul, Rounded, convert, offset_exponent, saving, survey
from ..lowbit.lmul.convert import Where
from ..lowbit.lmul.precision import attention_error, mse_by_l, operands
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe
from ..training.loop import fit
from ..training.material import source
from ..training.run import Run, train
from ._runs import accuracy

if TYPE_CHECKING:
    from .l_mul import Settings

FORMATS = ("bfloat16", "e4m3", "e5m2")
ATTENTION: dict[str, Arithmetic] = {
    **{name: Rounded(name) for name in FORMATS},
    **{f"L-Mul-{bits}": LMul(bits) for bits in (1, 2, 3, 4, 7)},
    "L-Mul": LMul(),
}
EVERYTHING = {name: by for name, by in ATTENTION.items() if name not in ("L-Mul-1", "L-Mul")}
TUNED: dict[str, Arithmetic | None] = {"exact": None, "e4m3": Rounded("e4m3"), "L-Mul-2": LMul(2), "L-Mul-3": LMul(3)}
HEAD = {name: ATTENTION[name] for name in (*FORMATS, "L-Mul-2", "L-Mul-3", "L-Mul-4", "L-Mul-7")}


def products(distribution: str, pairs: int, seed: int, bits: Sequence[int]) -> dict[str, Any]:
    """Errors of products by name."""
    names = ["value form", "no offset", "L-Mul"]
    names += [name for k in bits for name in (f"L-Mul-{k}", f"L-Mul-{k}, rounded")]
    names += [name for form in FORMATS for name in (form, f"{form}, product rounded")]
    return {name: dataclasses.asdict(found) for name, found in survey(names, distribution, pairs, seed)}


def product_measurements(distribution: str, found: dict[str, Any]) -> Iterator[Measurement]:
    """Mean squared error with its interval over pairs, and the relative errors."""
    for name, row in found.items():
        half = 1.96 * row["mse_deviation"] / math.sqrt(row["n"])
        low = max(0.0, row["mse"] - half)
        place = f"{distribution}:{name}"
        yield Measurement(
            f"mse:{place}", row["mse"], low, row["mse"] + half, n=row["n"], unit="squared error", details=row
        )
        yield Measurement.exact(f"mean:{place}", row["mean"], unit="relative error", n=row["n"])


def best_offsets(pairs: int, seed: int) -> Measurement:
    """For how many numbers of bits from 1 to 10 the paper's l has the least mean squared error."""
    x, y = operands("gaussian", min(pairs, 300_000), seed)
    best = {}
    for bits in range(1, 11):
        found = mse_by_l(bits, x, y)
        best[bits] = min(found, key=lambda ell: found[ell])
    right = sum(ell == offset_exponent(bits) for bits, ell in best.items())
    return Measurement.exact(
        "bits whose best l is the paper's", right, unit="of 10", n=len(x), best={str(k): v for k, v in best.items()}
    )


def heads(draws: int, seed: int) -> Iterator[Measurement]:
    """Relative error of an attention head's output, over draws."""
    for distribution in ("gaussian", "peaky", "student-t3"):
        for name, by in HEAD.items():
            errors = [attention_error(by, distribution, seed=seed * 1000 + draw) for draw in range(draws)]
            interval = mean_interval(errors)
            yield Measurement.of(f"head:{distribution}:{name}", interval, unit="relative error")


def savings() -> Iterator[Measurement]:
    """Shares of energy by the published table."""
    for kind in ("product", "dot"):
        for dtype in ("float32", "float16"):
            yield Measurement.exact(f"saving:{kind} {dtype}", saving(kind, dtype), unit="share of energy")


def recipe(scale: "Settings", seed: int) -> Recipe:
    """Reversed 3-digit addition, padded, one sum a row."""
    return Recipe(
        name="add3",
        seed=seed,
        task=TaskRecipe(sampler="balanced", test=scale.test),
        text=TextRecipe(format="pad+reverse+dollar"),
        model=ModelRecipe(layers=scale.layers, heads=scale.heads, width=scale.width),
        training=TrainingRecipe(steps=scale.steps, batch=scale.batch, precision=scale.precision),
    )


def network(scale: "Settings", seed: int) -> dict[str, Any]:
    """Train; ask the held-out sums with attention replaced, with everything replaced, and that after fine-tuning.

    Returns:
        For each of these, which sums were answered wrongly.
    """
    run = train(recipe(scale, seed), device="cuda" if scale.needs_gpu else "cpu")
    found = {"exact": answers(run)}
    settings: list[tuple[Where, dict[str, Arithmetic]]] = [("attention", ATTENTION), ("all", EVERYTHING)]
    for where, table in settings:
        for name, by in table.items():
            found[f"{where}:{name}"] = answers(run, where, by)
    for name, tuned_by in TUNED.items():
        found[f"tuned:{name}"] = tuned(run, tuned_by, scale)
    return {name: np.flatnonzero(~right_n) for name, right_n in found.items()}


def answers(run: Run, where: Where = "attention", by: Arithmetic | None = None) -> np.ndarray:
    """Which of the held-out sums a network gets right, its products replaced while it is asked."""
    m = run.material
    if by is None:
        return np.asarray(evaluate(run.model, m.format, m.tokenizer, m.test, indexing=m.indexing).correct_n)
    with convert(run.model, where, arithmetic=by):
        return np.asarray(evaluate(run.model, m.format, m.tokenizer, m.test, indexing=m.indexing).correct_n)


def tuned(run: Run, by: Arithmetic | None, scale: "Settings") -> np.ndarray:
    """The same after further training of a copy with every product replaced; with exact products for None."""
    further = run.recipe.replace(
        seed=run.recipe.seed + 1000,
        training__steps=scale.tune_steps,
        training__learning_rate=1e-3,
        training__warmup=min(20, scale.tune_steps),
        training__precision="fp32",
    )
    copied = dataclasses.replace(run, model=copy.deepcopy(run.model))
    conversion = None if by is None else convert(copied.model, "all", arithmetic=by)
    copied.model.train()
    device = "cuda" if scale.needs_gpu else "cpu"
    fit([copied.model], [source(further, run.material)], further.training, seed=further.seed, device=device)
    copied.model.eval()
    given = answers(copied)
    if conversion is not None:
        conversion.revert()
    return given


def right(wrong: Sequence[int], test: int) -> np.ndarray:
    """Outcomes from the numbers of the problems that were answered wrongly."""
    right_n = np.ones(test)
    right_n[list(wrong)] = 0
    return right_n


def network_measurements(networks: list[dict[str, Any]], test: int, seed: int) -> Iterator[Measurement]:
    """Accuracy, and how far it is below the exact network's: paired, over all problems of all networks."""
    exact = np.concatenate([right(found["exact"], test) for found in networks])
    for name in networks[0]:
        yield accuracy(f"accuracy:{name}", [test - len(found[name]) for found in networks], test)
        if name != "exact":
            given = np.concatenate([right(found[name], test) for found in networks])
            drop = paired_bootstrap(exact, given, seed)
            yield Measurement.of(f"drop:{name}", drop, seeds=len(networks), unit="accuracy lost")


def error_picture(found: dict[str, Any], bits: Sequence[int]) -> Picture:
    """Mean relative error against mantissa bits, with the formats as levels."""
    from ..pictures import learning_curves

    def row(series: str, k: int, name: str) -> dict[str, Any]:
        return {"bits": k, "error": 100 * found[name]["mean"], "series": series}

    rows = [row("L-Mul, truncated", k, f"L-Mul-{k}") for k in bits]
    rows += [row("L-Mul, to nearest", k, f"L-Mul-{k}, rounded") for k in bits if k > 2]  # 35 % and 14 % below that
    rows += [row(form, k, form) for form in FORMATS for k in (bits[0], bits[-1])]
    rows += [row("no offset", k, "no offset") for k in (bits[0], bits[-1])]
    words: dict[str, Any] = {"x_title": "mantissa bits kept", "y_title": "mean relative error, %"}
    return Picture(
        "error-by-bits",
        "Error of a product against mantissa bits",
        learning_curves(rows, x="bits", y="error", **words).to_dict(),
        "Gaussian operands. Levels: exact products of operands rounded to a format, and addition without an offset.",
    )


def accuracy_picture(networks: list[dict[str, Any]], test: int) -> Picture:
    """Accuracy against mantissa bits: attention alone, everything, everything after fine-tuning."""
    from ..pictures import learning_curves

    rows: list[dict[str, Any]] = []
    named = {"attention": "attention only", "all": "everything", "tuned": "everything, fine-tuned"}
    for name in networks[0]:
        place, _, arithmetic = name.partition(":")
        if arithmetic.startswith("L-Mul-"):
            shares = [1 - len(found[name]) / test for found in networks]
            rows.append(
                {
                    "bits": int(arithmetic.removeprefix("L-Mul-")),
                    "accuracy": sum(shares) / len(shares),
                    "low": min(shares),
                    "high": max(shares),
                    "series": named[place],
                }
            )
    rows.sort(key=lambda row: row["bits"])
    return Picture(
        "accuracy-by-bits",
        "Three-digit addition by L-Mul against mantissa bits",
        learning_curves(rows, x="bits", x_title="mantissa bits kept").to_dict(),
        "Exact match on held-out sums, mean over seeds; the band spans the worst and the best seed.",
    )
