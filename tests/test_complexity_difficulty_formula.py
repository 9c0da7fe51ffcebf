"""Bits of inductive bias: the paper's numbers, an evaluation in 50-digit decimals, and what must hold for any task."""

import json
import math
from dataclasses import fields, replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.complexity.difficulty import (
    PUBLISHED,
    ClassificationTask,
    ControlTask,
    FewShotTask,
    RegressionTask,
    few_shot_samples,
    on_torus,
    sensitivities,
    union,
)
from algorism.complexity.difficulty import published as paper
from algorism.complexity.difficulty.formula import degree_of_cutoff, ln_eigenfunctions
from algorism.complexity.difficulty.sensitivity import CHANGES
from algorism.errors import UsageError

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


@pytest.mark.parametrize("row", PUBLISHED.values(), ids=lambda row: row.name)
def test_published_bars_from_constants(row):
    assert row.task.difficulty().bits == pytest.approx(row.bits, rel=1e-3)


@pytest.mark.parametrize("name", paper.TERMS)
def test_published_intermediate_values(name):
    found = PUBLISHED[name].task.difficulty()
    cutoff, degree, eigenfunctions, dim_theta, displacement, lipschitz, bits = paper.TERMS[name]
    ours = (
        found.terms["cutoff"],
        found.terms["degree"],
        10 ** found.terms["log10_eigenfunctions"],
        found.dim_theta,
        10 ** found.terms["log10_displacement"],
        10 ** found.terms["log10_lipschitz"],
        found.bits_per_dimension,
    )
    known = 1e-5 if name.startswith("Omniglot") else 2e-6  # there n is known to one digit, and W has its 447th root
    assert ours == pytest.approx((cutoff, degree, eigenfunctions, dim_theta, displacement, lipschitz, bits), rel=known)
    assert found.log10_bits == pytest.approx(found.log10_free + math.log10(bits), abs=1e-6)


def test_published_sweeps():
    for name, sweep in paper.IMAGENET_SWEEPS.items():
        for value, bits in sweep.items():
            assert replace(paper.IMAGENET, **{name: value}).difficulty().bits == pytest.approx(bits, rel=1e-3)
    for task, sweep in (
        (paper.REACHER, paper.REACHER_BY_ERROR),
        (paper.CIFAR10, paper.CIFAR10_BY_ERROR),
        (paper.MNIST, paper.MNIST_BY_ERROR),
        (paper.IMAGENET, paper.IMAGENET_BY_ERROR),
    ):
        for error, bits in sweep.items():
            assert replace(task, error=error).difficulty().bits == pytest.approx(bits, rel=1e-3)
    for observations, bits in paper.CART_POLE_BITS.items():
        assert paper.CART_POLE.remembering(observations).difficulty().bits == pytest.approx(bits, rel=1e-3)


@pytest.mark.parametrize(("pair", "bits"), paper.UNION_BITS.items(), ids=lambda v: str(v))
def test_published_unions(pair, bits):
    # Three digits are known: half a unit of the last is up to 0.5 %.
    assert paper.published_union(*pair).difficulty().bits == pytest.approx(bits, rel=5e-3)


def gamma_of_half(twice: int) -> Decimal:
    """Γ(twice/2), exactly but for √π."""
    value, start = (Decimal(1), 2) if twice % 2 == 0 else (PI.sqrt(), 1)
    for step in range(start, twice, 2):
        value *= Decimal(step) / 2
    return value


def power(base: Decimal, exponent: Decimal) -> Decimal:
    return (exponent * base.ln()).exp()


def big_number_bits(n, m, radius, resolution, error, factors, outputs, bound=1):
    """The formula as the brief writes it, in decimals of 60 digits: nothing overflows, nothing cancels."""
    with localcontext() as context:
        context.prec = 60
        n, radius, resolution, error = (Decimal(v) for v in (n, radius, resolution, error))
        cutoff = 2 * PI * radius / resolution
        degree = ((Decimal((m - 1) ** 2) + 4 * cutoff * cutoff).sqrt() - (m - 1)) / 2
        first = second = Decimal(1)
        for j in range(1, m + 1):
            first *= (degree + j) / j
            second *= (degree - 1 + j) / j
        dimensions = 2 * outputs * factors * (first + second)
        area = 2 * power(PI, Decimal(m + 1) / 2) * factors / gamma_of_half(m + 1)
        displacement = (Decimal(m) / 6).sqrt() * power(area / n, 1 / Decimal(m)) * radius
        lipschitz = degree * Decimal(outputs).sqrt() / radius
        ratio = Decimal(bound) * (Decimal(outputs) * factors).sqrt() / error * lipschitz * displacement
        return (dimensions - n * outputs) * ratio.ln() / Decimal(2).ln()


@settings(deadline=None)
@given(
    n=st.integers(1, 10**7),
    m=st.integers(1, 500),
    radius=st.floats(0.1, 1e4),
    ratio=st.floats(0.5, 1e6),
    error=st.floats(1e-9, 0.5),
    classes=st.integers(2, 1_000),
)
def test_equals_big_numbers(n, m, radius, ratio, error, classes):
    resolution = radius / ratio
    found = ClassificationTask(n, m, radius, classes, resolution, error).difficulty()
    expected = big_number_bits(n, m, radius, resolution, error, classes, classes - 1)
    if found.log10_bits == -math.inf:
        assert expected <= 0 or found.bits_per_dimension == 0 or found.log10_constraints >= found.log10_dim_theta
        return
    assert math.isfinite(found.log10_bits)
    # Where n·D takes almost all of dim Θ, the difference of two rounded logarithms is what is left.
    left = found.log10_dim_theta - found.log10_free
    assert found.log10_bits == pytest.approx(float(expected.log10()), abs=1e-9 * 10**left)


def test_no_overflow_far_beyond_float64():
    hard = ClassificationTask(10**6, 500, 1e4, 1000, 0.01, 1e-6).difficulty()
    expected = big_number_bits(10**6, 500, 10_000, 0.01, 1e-6, 1000, 999)
    assert hard.log10_bits == pytest.approx(float(expected.log10()), rel=1e-12)
    assert hard.log10_bits > 1_000
    assert hard.bits == math.inf
    assert hard.text().endswith("e2388 bits") or "e" in hard.text()
    assert json.loads(json.dumps(hard.to_json()))["bits"] is None


@pytest.mark.parametrize("m", [1, 2, 3, 5])
@pytest.mark.parametrize("degree", [0.001, 1, 2, 7, 40, 15.0001, 3e6])
def test_eigenfunctions(m, degree):
    def harmonics(m, top):  # dimension of the harmonics of each degree, summed
        return sum(math.comb(m + k, m) - (math.comb(m + k - 2, m) if k >= 2 else 0) for k in range(top + 1))

    found = ln_eigenfunctions(degree, m)
    if degree == int(degree) and degree < 100:
        assert found == pytest.approx(math.log(harmonics(m, int(degree))), abs=1e-12)
    with localcontext() as context:
        context.prec = 40
        rising = math.prod(((Decimal(degree) + j) / j for j in range(1, m + 1)), start=Decimal(1))
        falling = math.prod(((Decimal(degree) - 1 + j) / j for j in range(1, m + 1)), start=Decimal(1))
        assert found == pytest.approx(float((rising + falling).ln()), abs=1e-11)


@settings(deadline=None)
@given(st.floats(1e-3, 1e9), st.floats(1, 600))
def test_degree_solves_its_equation(cutoff, m):
    degree = degree_of_cutoff(cutoff, m)
    assert degree * (degree + m - 1) == pytest.approx(cutoff**2, rel=1e-9)


TASKS = st.builds(
    ClassificationTask,
    samples=st.integers(1, 10**6),
    dimension=st.floats(1, 100),
    radius=st.floats(1, 100),
    classes=st.integers(2, 100),
    resolution=st.floats(0.001, 0.5),
    error=st.floats(1e-6, 0.01),
)


@settings(deadline=None)
@given(TASKS)
def test_direction_of_every_input(task):
    here = task.difficulty()
    if here.log10_bits == -math.inf or here.log10_dim_theta - here.log10_free > 1:
        return
    for name, factor, sign in (
        ("samples", 3, -1),
        ("radius", 1.1, 1),
        ("resolution", 1.1, -1),
        ("error", 2, -1),
        ("classes", 2, 1),
    ):
        changed = replace(task, **{name: getattr(task, name) * factor}).difficulty().log10_bits
        assert sign * (changed - here.log10_bits) > 0, name
    if here.terms["degree"] > 10 * task.dimension:  # then more dimensions also make more functions
        assert replace(task, dimension=task.dimension + 1).difficulty().log10_bits > here.log10_bits


@settings(deadline=None)
@given(TASKS)
def test_elasticities_are_the_closed_form_where_there_is_one(task):
    found = {s.name: s for s in sensitivities(task)}
    here = task.difficulty()
    if not found or here.log10_dim_theta - here.log10_free > 0.3:
        return
    # Only the bits per dimension know ε, as −log2 ε.
    assert found["error"].elasticity == pytest.approx(-1 / (math.log(2) * here.bits_per_dimension), rel=1e-4)
    # R enters as R/δ in M, and cancels elsewhere: L_f·W has R/R.
    assert found["radius"].elasticity == pytest.approx(-found["resolution"].elasticity, rel=1e-3, abs=1e-6)
    freed = 10 ** (here.log10_constraints - here.log10_free)
    expected = -freed - 1 / (task.dimension * math.log(2) * here.bits_per_dimension)
    assert found["samples"].elasticity == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_sensitivities_of_every_kind():
    regression = union(paper.MNIST, paper.SVHN)
    for task in (paper.MNIST, paper.REACHER, paper.OMNIGLOT, regression, paper.CART_POLE):
        found = sensitivities(task)
        assert {s.name for s in found} == {f.name for f in fields(task) if getattr(task, f.name) is not None}
        assert [abs(s.elasticity) for s in found] == sorted((abs(s.elasticity) for s in found), reverse=True)
        for s in found:
            words, change = CHANGES[s.name]
            again = replace(task, **{s.name: change(s.value)}).difficulty().log10_bits
            assert s.change == words
            assert s.decades == pytest.approx(again - task.difficulty().log10_bits)
    # Cart-pole's bits are (2·(2π/δ)^m·V(m) − n)·(…): the elasticity of δ is −m − 1/(ln 2 · bits) but for n.
    resolution = next(s for s in sensitivities(paper.CART_POLE) if s.name == "resolution")
    bits = paper.CART_POLE.difficulty().bits_per_dimension
    assert resolution.elasticity == pytest.approx(-2 - 1 / (math.log(2) * bits), rel=1e-3)


def test_torus_equals_the_closed_form():
    m, d, n, resolution, error = 6, 2, 10**6, 1e-3, 1e-3
    waves = 2 * (2 * math.pi / resolution) ** m * math.pi ** (m / 2) / math.gamma(m / 2 + 1)
    per = math.log2(4 * math.pi**2 / 6**0.5 * d * m**0.5 / (resolution * error) * n ** (-1 / m))
    assert ControlTask(n, m, d, resolution, error).difficulty().bits == pytest.approx(d * (waves - n) * per, rel=1e-12)
    assert on_torus(
        ln_samples=math.log(n), dimension=m, resolution=resolution, error=error, ln_outputs=math.log(d)
    ).bits == pytest.approx(d * (waves - n) * per, rel=1e-12)


def test_outputs_and_factors_are_not_mixed_up():
    with_d = replace(paper.CIFAR10, outputs=10)
    ratio = with_d.difficulty().dim_theta / paper.CIFAR10.difficulty().dim_theta
    assert ratio == pytest.approx(10 / 9)
    same = RegressionTask(50_000, 27, 54.915678678, 9, 2.75064146, 0.01, factors=10)
    assert same.difficulty() == paper.CIFAR10.difficulty()


def test_nothing_left_open_is_0_bits_and_said_so():
    task = ClassificationTask(10_000, 1, 1.0, 2, 1.0, 0.01)
    found = task.difficulty()
    assert (found.log10_bits, found.bits, found.text()) == (-math.inf, 0.0, "0 bits")
    assert "the training points fix as many dimensions" in found.warnings[0]
    assert sensitivities(task) == []
    assert json.loads(json.dumps(found.to_json()))["log10_bits"] is None


def test_negative_bits_per_dimension_are_clamped_with_a_warning():
    found = replace(paper.CIFAR10, error=1e9).difficulty()
    assert found.bits_per_dimension == 0
    assert found.bits == 0
    assert "set to 0" in found.warnings[0]


def test_a_resolution_beyond_the_diameter_is_remarked():
    assert "exceeds the diameter" in ClassificationTask(10, 8, 1.0, 2, 2.5, 0.01).difficulty().warnings[0]
    assert paper.CIFAR10.difficulty().warnings == ()


def test_few_shot_samples():
    assert few_shot_samples([20, 55], 20, 20) == (1 + math.comb(55, 20)) * 20**20
    # The 30 background alphabets of Omniglot; the brief has n ≈ 7e40.
    sizes = [20, 29, 26, 41, 40, 24, 46, 14, 26, 34, 33, 22, 26, 43, 24, 48, 22, 16, 52, 47, 40, 26, 40, 41, 33, 14]
    sizes += [42, 23, 17, 55]
    assert sum(sizes) == 964
    assert few_shot_samples(sizes, 20, 20) == pytest.approx(7e40, rel=0.05)


def test_samples_may_exceed_float64():
    task = ControlTask(10**6, 200, 1, 0.001, 0.001)
    huge = replace(task, steps=10**400)
    assert 600 < huge.difficulty().log10_bits < task.difficulty().log10_bits
    assert "steps" not in {s.name for s in sensitivities(huge)}


GOOD = {"samples": 100, "dimension": 3, "radius": 2.0, "classes": 3, "resolution": 0.1, "error": 0.01}


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        (ClassificationTask, GOOD | {"samples": 0}, "samples must be a finite number above 0"),
        (ClassificationTask, GOOD | {"dimension": 0.5}, "dimension must be at least 1"),
        (ClassificationTask, GOOD | {"dimension": math.nan}, "dimension must be a finite number"),
        (ClassificationTask, GOOD | {"radius": -1}, "radius must be a finite number above 0"),
        (ClassificationTask, GOOD | {"radius": math.inf}, "radius must be a finite number"),
        (ClassificationTask, GOOD | {"classes": 1}, "classes must be at least 2"),
        (ClassificationTask, GOOD | {"resolution": 0}, "resolution must be a finite number above 0"),
        (ClassificationTask, GOOD | {"error": -0.1}, "error must be a finite number above 0"),
        (ClassificationTask, GOOD | {"error": None}, "error must be a number"),
        (ClassificationTask, GOOD | {"outputs": 0.5}, "outputs must be at least 1"),
        (ClassificationTask, GOOD | {"classes": "ten"}, "classes must be a number"),
        (ClassificationTask, GOOD | {"classes": True}, "classes must be a number"),
        (RegressionTask, {**{k: GOOD[k] for k in GOOD if k != "classes"}, "outputs": 1, "bound": 0}, "bound must be"),
        (ControlTask, {"steps": 0.5, "dimension": 2, "actions": 1, "resolution": 0.1, "error": 0.1}, "steps must be"),
        (
            FewShotTask,
            dict(zip(("samples", "way"), (10, 1)))
            | {"within": 2, "across": 2, "radius": 1, "resolution": 1, "error": 1},
            "way must be at least 2",
        ),
    ],
)
def test_bad_constants_are_refused(kind, arguments, words):
    with pytest.raises(UsageError, match=words):
        kind(**arguments)


def test_bad_calls_are_refused():
    with pytest.raises(UsageError, match="at least 1 observation"):
        paper.CART_POLE.remembering(0)
    for groups, way, examples in (([], 2, 1), ([3, 0], 2, 1), ([3], 0, 1)):
        with pytest.raises(UsageError, match="few_shot_samples"):
            few_shot_samples(groups, way, examples)
    with pytest.raises(UsageError, match="too extreme"):
        on_torus(ln_samples=math.inf, dimension=2, resolution=1, error=1, ln_outputs=0)
