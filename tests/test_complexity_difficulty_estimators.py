"""Estimating dimension, resolution and difficulty from data: manifolds of known dimension, exact searches, bad data."""

import math
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.complexity.difficulty import (
    Settings,
    class_resolution,
    extreme_distance,
    from_distances,
    likelihood_dimension,
    likelihood_dimensions,
    measure_classification,
    measure_control,
    measure_few_shot,
    measure_regression,
    two_nn_dimension,
    value_resolution,
)
from algorism.complexity.difficulty import neighbours as search
from algorism.complexity.difficulty.measured import radius
from algorism.complexity.difficulty.neighbours import nearest, squared_distances
from algorism.complexity.difficulty.points import distinct
from algorism.complexity.difficulty.resolution import closest_classes, pair_distances
from algorism.errors import AlgorismError, DataError, ShapeError, UsageError


def rng(seed=0):
    return np.random.default_rng(seed)


def sphere(m, n, seed=0):
    x = rng(seed).normal(size=(n, m + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def embedded(x, into=100, seed=9):
    """The points in a random subspace of a larger space, which keeps all distances."""
    basis = np.linalg.qr(rng(seed).normal(size=(into, x.shape[1])))[0]
    return x @ basis.T


def swiss_roll(n, seed=0):
    angle, height = rng(seed).uniform(1.5 * np.pi, 4.5 * np.pi, n), rng(seed + 1).uniform(0, 21, n)
    return np.stack([angle * np.cos(angle), height, angle * np.sin(angle)], axis=1)


MANIFOLDS = {
    "circle": (1, sphere(1, 2_000)),
    "circle in 100-d": (1, embedded(sphere(1, 2_000))),
    "sphere": (2, sphere(2, 2_000)),
    "swiss roll": (2, swiss_roll(2_000)),
    "cube": (3, rng().uniform(size=(2_000, 3))),
    "4-sphere in 100-d": (4, embedded(sphere(4, 2_000))),
}


@pytest.mark.parametrize(("m", "points"), MANIFOLDS.values(), ids=MANIFOLDS)
def test_known_dimensions(m, points):
    harmonic = likelihood_dimension(points, queries=None)
    arithmetic = likelihood_dimension(points, k=10, averaging="arithmetic", queries=None)
    ratios = two_nn_dimension(points, queries=None)
    for found in (harmonic, arithmetic, ratios):
        assert found.value == pytest.approx(m, rel=0.08)
        assert found.rounded == m
        assert found.low < found.value < found.high
        assert (found.points, found.queries) == (2_000, 2_000)


def test_a_float32_expansion_would_say_half_a_dimension():
    """The pitfall, shown; and that the search refuses what such an expansion proposes."""
    x = sphere(1, 5_000).astype(np.float32)
    norm = (x * x).sum(1)
    naive = np.sqrt(np.maximum(norm[:, None] + norm - 2 * x @ x.T, 1e-12))
    np.fill_diagonal(naive, np.inf)
    near = np.sort(np.partition(naive, 5, axis=1)[:, :5], axis=1)
    assert from_distances(near[:1_000].astype(np.float64)).value < 0.75  # one dimension
    wide = embedded(sphere(1, 5_000)) + rng().normal(size=100)  # an offset that centring must take away
    found = likelihood_dimension(wide, queries=1_000)
    assert found.searched_again > 50
    assert found.value == pytest.approx(1, rel=0.05)


def test_high_dimensions_come_out_low_as_documented():
    found = likelihood_dimension(embedded(sphere(19, 5_000)), queries=1_000)
    assert found.value == pytest.approx(15.8, abs=0.6)  # the brief's figure
    nine = likelihood_dimension(embedded(sphere(9, 5_000)), queries=1_000)
    assert nine.value == pytest.approx(8.7, abs=0.4)


@pytest.mark.parametrize("kind", ["bytes", "floats", "offset", "low", "clustered"])
def test_neighbours_are_scikit_learns_exact_ones(kind):
    from sklearn.neighbors import NearestNeighbors

    points = {
        "bytes": rng().integers(0, 256, (800, 60)).astype(np.uint8),
        "floats": rng().normal(size=(800, 30)),
        "offset": rng().normal(size=(800, 30)) + 1e5,
        "low": rng().uniform(size=(800, 3)),
        "clustered": np.repeat(rng().normal(size=(40, 30)), 20, axis=0) + 1e-7 * rng(1).normal(size=(800, 30)),
    }[kind]
    queries = rng(2).choice(800, 200, replace=False)
    brute = NearestNeighbors(n_neighbors=7, algorithm="kd_tree").fit(points.astype(np.float64))
    expected = brute.kneighbors(points[queries].astype(np.float64))[0][:, 1:]
    found = nearest(points, queries, 6)
    np.testing.assert_allclose(found.distances_qk, expected, rtol=1e-12)


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 12), st.integers(1, 9))
@settings(deadline=None, max_examples=40)
def test_neighbours_equal_brute_force(seed, n, d, k):
    points = rng(seed).integers(-3, 4, (n, d)).astype(float)  # many ties and copies
    k = min(k, n - 1)
    distance = np.sqrt(((points[:, None] - points) ** 2).sum(-1))
    np.fill_diagonal(distance, np.inf)
    expected = np.sort(distance, axis=1)[:, :k]
    np.testing.assert_allclose(nearest(points, np.arange(n), k).distances_qk, expected, rtol=1e-12)


def test_blocks_and_subsets_change_nothing(monkeypatch):
    points = rng().normal(size=(500, 20))
    queries, among = np.arange(0, 500, 7), np.arange(100, 400)
    whole = nearest(points, queries, 5, among=among).distances_qk
    monkeypatch.setattr(search, "_BUDGET", 10_000)  # bytes
    np.testing.assert_array_equal(nearest(points, queries, 5, among=among).distances_qk, whole)
    distance = np.sqrt(((points[queries, None] - points[among]) ** 2).sum(-1))
    distance[queries[:, None] == among] = np.inf
    np.testing.assert_allclose(whole, np.sort(distance, axis=1)[:, :5], rtol=1e-12)


def test_products_in_low_precision_are_not_trusted():
    points = rng().normal(size=(400, 20)) + 3
    exact = nearest(points, np.arange(400), 5).distances_qk
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert search._precisions(20) == (torch.float64,)
        np.testing.assert_array_equal(nearest(points, np.arange(400), 5).distances_qk, exact)
    finally:
        torch.set_float32_matmul_precision(before)


def test_harmonic_mean_is_the_likelihood():
    """With T_k known, the T_j/T_k are uniform^(1/m): the sum of logs of all queries gives the likelihood's maximum."""
    distances = np.sort(rng().uniform(size=(50, 4)), axis=1) ** (1 / 3)
    logs = np.log(distances[:, -1:] / distances[:, :-1])
    grid = np.linspace(1, 8, 70_001)
    likelihood = logs.size * np.log(grid) - grid * logs.sum()
    assert from_distances(distances).value == pytest.approx(grid[likelihood.argmax()], abs=1e-4)
    each = 2 / logs.sum(axis=1)  # (k−2)/Σ, k = 4
    assert from_distances(distances, averaging="arithmetic").value == pytest.approx(each.mean())


def test_both_means_are_unbiased_where_the_model_is_exact():
    """Distances drawn from the model itself: k−1 independent uniform^(1/m) ratios."""
    ratios = np.sort(rng().uniform(size=(20_000, 4)), axis=1) ** (1 / 7)
    distances = np.concatenate([ratios, np.ones((20_000, 1))], axis=1)
    for averaging in ("harmonic", "arithmetic"):
        found = from_distances(distances, averaging=averaging)
        assert found.low < 7 < found.high
        assert found.high - found.low < 0.3


def test_intervals_cover():
    """On exact ratios the bootstrap interval holds the truth about 95 times in 100."""
    held = 0
    for seed in range(100):
        ratios = rng(seed).uniform(size=(200, 1)) ** (1 / 4)
        found = from_distances(np.concatenate([ratios, np.ones((200, 1))], axis=1), seed=seed)
        held += found.low < 4 < found.high
    assert 88 <= held <= 100


def test_copies_and_constant_columns_are_dropped_and_counted():
    circle = sphere(1, 400)
    dirty = np.concatenate([circle, circle[:50], circle[:10]])
    dirty = np.concatenate([dirty, np.full((460, 2), 7.0)], axis=1)
    found, clean = likelihood_dimension(dirty), likelihood_dimension(circle)
    assert (found.duplicates, found.constant_columns, found.points) == (60, 2, 400)
    assert found.value == pytest.approx(clean.value)
    points = distinct([[0.0, 1], [-0.0, 1], [1, 2]])
    assert (points.duplicates, points.kept_p.tolist()) == (1, [0, 2])


def test_scale_and_seed():
    x = rng().normal(size=(400, 5))
    one = likelihood_dimension(x, queries=100)
    assert likelihood_dimension(1e-9 * x, queries=100).value == pytest.approx(one.value)
    assert likelihood_dimension(x, queries=100) == one
    assert likelihood_dimension(x, queries=100, seed=1).value != one.value
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    likelihood_dimension(x, queries=100)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_several_ks_are_those_alone():
    x = rng().normal(size=(500, 4))
    together = likelihood_dimensions(x, (3, 5, 20), queries=200)
    assert [d.value for d in together] == [likelihood_dimension(x, k, queries=200).value for k in (3, 5, 20)]


BAD_TABLES = {
    "fewer points than neighbours": (rng().normal(size=(5, 3)), DataError, "5 different points cannot have 5"),
    "copies leave too few": (np.repeat(np.eye(4), 9, axis=0), DataError, "32 copies were left out"),
    "all the same": (np.ones((30, 3)), DataError, "every column is constant"),
    "all zero bytes": (np.zeros((30, 4, 4), np.uint8), DataError, "every column is constant"),
    "one-hot": (np.eye(30), DataError, "equally far"),
    "NaN": (np.where(np.arange(90).reshape(30, 3) == 7, np.nan, 1.0), DataError, "Row 2, column 1 is nan"),
    "infinite": (np.where(np.arange(90).reshape(30, 3) == 7, np.inf, 1.0), DataError, "Row 2, column 1 is inf"),
    "huge": (1e200 * rng().normal(size=(30, 3)), DataError, "square overflows"),
    "words": (np.array([["a", "b"]] * 30), DataError, "Expected numbers"),
    "objects": (np.array([[None, 1]] * 30), DataError, "Expected numbers"),
    "complex": (np.ones((30, 2)) * 1j, DataError, "Expected numbers"),
    "empty": (np.empty((0, 3)), ShapeError, "rows and columns"),
    "no columns": (np.empty((3, 0)), ShapeError, "rows and columns"),
    "a number": (np.float64(3), ShapeError, "rows and columns"),
    "too small a unit": (1e-170 * rng().normal(size=(30, 3)), DataError, "smaller unit"),
}


@pytest.mark.parametrize(("table", "kind", "words"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables_are_refused(table, kind, words):
    for estimate in (likelihood_dimension, lambda t: measure_classification(t, np.arange(len(t)) % 2)):
        with pytest.raises(kind, match=words):
            estimate(table) if np.ndim(table) or estimate is likelihood_dimension else likelihood_dimension(table)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: likelihood_dimension(x, 1), "harmonic mean needs k ≥ 2"),
        (lambda x: likelihood_dimension(x, 2, averaging="arithmetic"), "arithmetic mean needs k ≥ 3"),
        (lambda x: likelihood_dimension(x, averaging="median"), "'harmonic' or 'arithmetic'"),
        (lambda x: likelihood_dimensions(x, ()), "needs k"),
        (lambda x: likelihood_dimension(x, queries=1), "At least 2 queries"),
        (lambda x: two_nn_dimension(x, discard=0), "share between 0 and 1"),
        (lambda x: two_nn_dimension(x[:8]), "10 different points"),
        (lambda x: two_nn_dimension(np.indices((6, 6)).reshape(2, -1).T), "for half of the points"),
        (lambda x: from_distances(x[:, 0]), "expected"),
        (lambda x: from_distances(np.zeros((3, 4))), "equally far"),
        (lambda x: nearest(x, np.arange(3), 200), "199 other points"),
        (lambda x: measure_classification(x, np.zeros(200)), "only one class"),
        (lambda x: measure_classification(x, np.zeros(7)), "one label for each of 200 rows"),
        (lambda x: measure_classification(x, np.arange(200) % 2, error=0), "target error"),
        (lambda x: measure_classification(x, np.arange(200) % 2, samples=0), "at least 1 example"),
        (lambda x: measure_classification(x, np.arange(200) % 2, dimension=0.2), "at least 1, got 0.2"),
        (lambda x: measure_classification(x, np.arange(200) % 2, resolution=-1), "resolution must be"),
        (lambda x: measure_regression(x, np.ones(200)), "same in every row"),
        (lambda x: measure_regression(x, np.ones(3)), "outputs for each of 200"),
        (lambda x: measure_regression(x, x[:, 0], error=5), "100 are needed"),
        (lambda x: measure_control(x, x[:9]), "as many actions"),
        (lambda x: measure_control(x, x, history=0), "history must be at least 1"),
        (lambda x: measure_control(x, x, episodes=np.arange(200), history=2), "No episode has 2 steps"),
        (lambda x: measure_control(np.ones((200, 2)), x), "nothing to act upon"),
        (lambda x: measure_few_shot(x, np.arange(200) % 9, np.arange(3)), "a label and a group"),
        (lambda x: measure_few_shot(x, np.arange(200), np.arange(200) // 2), "No group has more than 5"),
        (lambda x: extreme_distance(np.ones(10), 10, 100), "from 2 to 9"),
        (lambda x: extreme_distance(np.zeros(10), 3, 100), "above 0"),
        (lambda x: class_resolution(distinct(x), np.zeros(200)), "only one class"),
    ],
)
def test_bad_calls_are_refused(call, words):
    with pytest.raises(AlgorismError, match=words):
        call(rng().normal(size=(200, 3)))


def test_pair_distances_are_exact_for_bytes():
    points = distinct(rng().integers(0, 256, (50, 300)).astype(np.uint8))
    a, b = rng(1).integers(0, 50, (2, 400))
    expected = np.linalg.norm(points.values_pd[a].astype(float) - points.values_pd[b], axis=1) / 255
    np.testing.assert_allclose(pair_distances(points, a, b), expected, rtol=1e-6)
    np.testing.assert_allclose(squared_distances(points.values_pd, a, b[:, None])[:, 0] ** 0.5 / 255, expected)


def test_all_pairs_are_looked_at_where_they_are_few():
    x, labels = rng().normal(size=(300, 6)), rng(1).integers(0, 4, 300)
    distance = np.linalg.norm(x[:, None] - x, axis=2)
    expected = distance[labels[:, None] != labels].min()
    found = class_resolution(distinct(x), labels)
    assert found.value == pytest.approx(expected)
    assert found.low == found.high == found.value
    assert closest_classes(distinct(x), labels, floor=1.0) >= 1
    assert closest_classes(distinct(x), labels, floor=1.0) == pytest.approx(
        np.sort(distance[(labels[:, None] != labels) & (distance >= 1)])[0]
    )
    assert closest_classes(distinct(x), labels, subset=100, seed=1) >= expected


def test_one_hot_digits_that_differ_in_one_symbol_are_root_two_apart():
    operands = np.stack(np.divmod(np.arange(100), 10), axis=1)
    x = np.eye(10)[operands].reshape(100, 20)
    found = class_resolution(distinct(x), operands.sum(axis=1) % 10)
    assert found.value == pytest.approx(math.sqrt(2))
    with pytest.raises(DataError, match="equally far"):
        measure_classification(x, operands.sum(axis=1) % 10)
    assert measure_classification(x, operands.sum(axis=1) % 10, dimension=2).difficulty.bits > 0


def test_extremes_follow_a_known_law():
    """Distances from 0.5 on with density ∝ (t − 0.5)²: the smallest of N has a known distribution."""
    total = 10**8
    drawn = [extreme_distance(0.5 + rng(s).uniform(size=200_000) ** (1 / 3), 400, total, seed=s) for s in range(20)]
    truth = 0.5 + total ** (-1 / 3)
    assert np.median([d.distance for d in drawn]) == pytest.approx(truth, rel=0.03)
    assert all(-0.7 < d.index < 0 for d in drawn)
    assert sum(d.low <= truth <= d.high for d in drawn) >= 15
    assert all(d.low <= d.distance <= d.high for d in drawn)


def test_extremes_with_ties():
    assert extreme_distance(np.full(1_000, 2.0), 50, 1e9).distance == pytest.approx(2)
    steps = np.repeat([1.0, 2.0], [100, 900])
    assert extreme_distance(steps, 50, 1e9).distance == pytest.approx(1)
    assert extreme_distance(steps, 100, 1e9).distance == pytest.approx(1)


def test_extrapolation_equals_the_brief_word_by_word():
    x = np.sort(1 / rng().uniform(0.2, 5, 5_000) ** 0.5)
    k, n, d = 100, 3_000, 10
    threshold, largest = x[-k - 1], x[-k:]
    r = np.log(largest) - np.log(threshold)
    m1, m2 = r.mean(), (r**2).mean()
    g = m1 + 1 - 0.5 / (1 - m1**2 / m2)
    a = k / len(x) * n**2 * (1 - 1 / d)
    expected = min(1 / (threshold + threshold * m1 * (a**g - 1) / g), 1 / x.max())
    found = extreme_distance(1 / x, k, n**2 * (1 - 1 / d))
    assert found.distance == pytest.approx(expected)
    assert found.index == pytest.approx(g)


def test_regression_looks_at_pairs_with_different_outputs():
    x = rng().uniform(size=(1_000, 2))
    y = (x[:, 0] > 0.5).astype(float) + 0.01 * x[:, 1]
    near = value_resolution(distinct(x), y[:, None], 0.5)
    far = value_resolution(distinct(np.where(x > 0.5, x + 1, x)), y[:, None], 0.5)
    assert near.value < 0.02
    assert far.value == pytest.approx(1, abs=0.05)
    found = measure_regression(x, np.stack([y, y], axis=1), error=0.1)
    assert found.inputs["outputs"].value == 2
    assert found.inputs["dimension"].value == 2
    assert found.low <= found.difficulty.log10_bits <= found.high


def blobs(spread, seed=0, n=400):
    labels = np.arange(n) % 4
    centres = 4 * rng(5).normal(size=(4, 3))
    return centres[labels] + spread * rng(seed).normal(size=(n, 3)), labels


def test_classification_report_is_complete_and_ordered():
    apart = measure_classification(*blobs(0.2), error=0.01)
    mixed = measure_classification(*blobs(2.0), error=0.01)
    assert mixed.difficulty.log10_bits > apart.difficulty.log10_bits  # the mixed classes need a finer resolution
    assert list(apart.inputs) == ["samples", "dimension", "radius", "classes", "resolution", "error"]
    assert all(e.how for e in apart.inputs.values())
    assert apart.inputs["radius"].value == pytest.approx(np.linalg.norm(blobs(0.2)[0], axis=1).max())
    assert {s.name for s in apart.sensitivities} == set(apart.inputs)
    harder = measure_classification(*blobs(0.2), error=0.01, samples=10**6)
    assert harder.inputs["resolution"].value <= apart.inputs["resolution"].value + 1e-9
    assert "extrapolated" in harder.inputs["resolution"].how


def test_the_range_of_bits_is_that_of_the_inputs_intervals():
    x, labels = blobs(1.0, n=1_000)
    found = measure_classification(x, labels, samples=10**5, settings=Settings(pairs=50_000))
    dimension, resolution = found.inputs["dimension"], found.inputs["resolution"]
    assert dimension.low < dimension.value <= dimension.high
    assert resolution.low < resolution.value < resolution.high
    easy = replace(found.task, dimension=dimension.low, resolution=resolution.high).difficulty().log10_bits
    hard = replace(found.task, dimension=dimension.high, resolution=resolution.low).difficulty().log10_bits
    assert (found.low, found.high) == pytest.approx((easy, hard))
    # Beyond the cut-off more dimensions make fewer functions, and the range must still hold the estimate.
    rough = measure_classification(x, labels, resolution=20.0)
    assert rough.low <= rough.difficulty.log10_bits <= rough.high


def test_bytes_are_pixels():
    images = rng().integers(0, 256, (300, 5, 5)).astype(np.uint8)
    labels = np.arange(300) % 3
    as_bytes = measure_classification(images, labels)
    as_floats = measure_classification(images / 255, labels)
    assert as_bytes.difficulty.log10_bits == pytest.approx(as_floats.difficulty.log10_bits)
    assert radius(images).value == pytest.approx(np.linalg.norm(images.reshape(300, -1) / 255, axis=1).max())


def test_contradictory_copies_are_reported():
    x, labels = blobs(1.0)
    x[1] = x[0]
    found = measure_classification(x, labels)
    assert any("1 inputs occur with different labels" in note for note in found.notes)
    assert any("1 rows repeat" in note for note in found.notes)


def test_words_are_classes_too():
    x, labels = blobs(0.5)
    assert measure_classification(x, np.array(list("abcd"))[labels]).task == measure_classification(x, labels).task


def test_control_windows_stay_in_their_episode():
    steps = rng().normal(size=(300, 2))
    episodes = np.arange(300) // 100
    found = measure_control(steps, np.ones((300, 3)), episodes=episodes, history=4)
    assert (found.inputs["steps"].value, found.inputs["dimension"].value) == (3 * 97, 8)
    assert found.inputs["actions"].value == 3
    more = measure_control(steps, np.ones((300, 3)), episodes=episodes, history=5)
    assert more.difficulty.log10_bits > found.difficulty.log10_bits + 5  # partial observability
    # A walk along a circle has one dimension, however it is observed.
    angle = np.linspace(0, 60, 2_000)
    seen = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    estimated = measure_control(seen, angle, history=2, estimate_dimension=True)
    assert estimated.inputs["dimension"].value == 1


def test_few_shot_dimensions_within_and_across():
    """Many alphabets are many lines that together fill a square: one dimension inside, two across."""
    groups = np.arange(1_800) % 150
    heights = rng(1).uniform(size=150)
    x = np.stack([rng().uniform(size=1_800), heights[groups], np.zeros(1_800)], axis=1)
    labels = 10 * groups + np.arange(1_800) // 150 % 3
    found = measure_few_shot(x, labels, groups, way=3)
    assert found.inputs["within"].value == 1
    assert found.inputs["across"].value == 2
    assert found.inputs["samples"].value == 150 * math.comb(3, 3) * 4**3
    assert found.difficulty.log10_bits > 3


@pytest.mark.skipif(not os.environ.get("ALGORISM_DATA"), reason="MNIST is not here; set ALGORISM_DATA")
def test_mnist_has_the_papers_dimension_and_radius():
    from algorism.datasets import load

    images = load("mnist", "train")
    found = likelihood_dimension(images.pixels, k=5, queries=1_000)
    assert found.rounded in (13, 14)
    assert 13 <= found.value <= 14.5
    assert radius(images.pixels).value == pytest.approx(17.179045827, rel=1e-6)  # the paper's constant
    tenth = likelihood_dimension(load("mnist", "test").pixels, k=5, queries=1_000)
    assert tenth.low < 13.0 < tenth.high  # the brief's figure for the 10,000 test images
    assert tenth.value < found.value


def test_named_errors_are_the_packages_own():
    with pytest.raises(UsageError):
        likelihood_dimension(np.ones((3, 3)), k=0)
    assert Settings().k == 5
