"""The estimator for one's own data, images as patterns, and what bad input is answered."""

import numpy as np
import pytest
import torch

from algorism.associative import (
    Couplings,
    HebbianMemory,
    PixelSelection,
    annealing,
    archetypes,
    average_examples,
    class_means,
    dataset_entropy,
    examples,
    examples_from_entropy,
    glauber,
    over_disorder,
    quality_from_entropy,
    sample,
    stored,
    supervised,
    unsupervised,
)
from algorism.errors import AlgorismError, DataError

XI = archetypes(20, 3, seed=1)
NET = stored(XI)
GREY = np.random.default_rng(0).integers(0, 256, (12, 4, 4)).astype(np.uint8)


def test_dense_memory_recalls_what_pairwise_cannot():
    patterns = archetypes(64, 300, seed=1)
    damaged = patterns * np.where(np.random.default_rng(2).random(patterns.shape) < 0.05, -1, 1)
    overlaps = {}
    for order in (2, 4):
        memory = HebbianMemory(order).fit(patterns)
        overlaps[order] = memory.overlap(memory.recall(damaged)).diagonal().mean()
    assert overlaps[4] > 0.999
    assert overlaps[2] < 0.5


@pytest.mark.parametrize("protocol", ["supervised", "unsupervised"])
def test_archetypes_are_recalled_from_examples_alone(protocol):
    xi_kn = archetypes(400, 4, seed=3)
    rows = examples(xi_kn, 0.4, 40, seed=4).reshape(-1, 400)
    labels = np.repeat(["a", "b", "c", "d"], 40)
    memory = HebbianMemory(2, protocol).fit(rows, labels)
    assert memory.classes_.tolist() == ["a", "b", "c", "d"]
    new = examples(xi_kn, 0.4, 3, seed=5).reshape(-1, 400)
    truth = np.repeat(np.arange(4), 3)
    recalled = memory.recall(new)
    assert np.all(memory.overlap(recalled, references=xi_kn)[np.arange(12), truth] > 0.95)
    assert np.array_equal(memory.overlap(recalled).argmax(1), truth)
    assert np.all(memory.energy(recalled) < memory.energy(new))
    assert memory.second_moment_ == pytest.approx(0.16 + 0.84 / 40, abs=0.02)


def test_unlabelled_examples_and_given_quality():
    xi_kn = archetypes(300, 2, seed=3)
    eta_kmn = examples(xi_kn, 0.5, 20, seed=4)
    rows = eta_kmn.reshape(-1, 300)
    memory = HebbianMemory(2, "unsupervised", quality=0.5, classes=2).fit(rows)
    direct = unsupervised(eta_kmn, 0.5)
    assert np.allclose(memory.energy(xi_kn), direct.energy(direct.states(xi_kn)).numpy())
    bare = HebbianMemory(2, "unsupervised").fit(rows)
    assert np.array_equal(bare.recall(rows[:3], seed=1), memory.recall(rows[:3], seed=1))  # only the unit of T differs


def test_recall_keeps_container_and_shape():
    memory = HebbianMemory().fit(XI)
    assert isinstance(memory.recall(torch.tensor(XI)), torch.Tensor)
    assert isinstance(memory.recall(XI), np.ndarray)
    assert memory.recall(XI[0]).shape == (20,)
    assert memory.recall(XI.astype(float)).dtype == np.int8
    assert memory.overlap(XI[0]).shape == (1, 3)


def test_diluted_patterns():
    xi_kn = archetypes(2000, 3, dilution=0.3, seed=1)
    memory = HebbianMemory(diluted=True).fit(xi_kn)
    first = np.where(xi_kn[0], xi_kn[0], np.where(xi_kn[1], xi_kn[1], np.where(xi_kn[2], xi_kn[2], 1)))
    m_k = memory.overlap(memory.recall(first))[0]
    assert np.abs(m_k - 0.7 * 0.3 ** np.arange(3)).max() < 3 / np.sqrt(2000)


def test_later_changes_of_the_callers_data_change_nothing():
    one = np.ones((1, 20), dtype=np.int8)
    memory, net = HebbianMemory().fit(one), Couplings(one)
    one[:] = -1
    assert memory.overlap(np.ones(20))[0, 0] == 1
    assert float(net.alignments(torch.ones(1, 20))) == 1


def test_a_hundred_thousand_neurons():
    """The couplings as a matrix would be 40 GB."""
    rng = np.random.default_rng(0)
    patterns = archetypes(100_000, 8, seed=1)
    damaged = patterns[:2] * np.where(rng.random((2, 100_000)) < 0.2, -1, 1).astype(np.int8)
    memory = HebbianMemory().fit(patterns)
    assert memory.couplings_.v_nk.nbytes == 800_000
    recalled = memory.recall(damaged, sweeps=3, update="parallel")
    assert np.abs(memory.overlap(recalled) - np.eye(2, 8)).max() < 0.02
    once = memory.recall(damaged[:1], sweeps=1)
    assert memory.overlap(once)[0, 0] > 0.999


def test_images_become_centred_classes():
    rng = np.random.default_rng(0)
    shapes = rng.random((3, 8, 8)) < 0.5
    labels = np.repeat(np.arange(3), 30)
    on = shapes[labels] ^ (rng.random((90, 8, 8)) < 0.1)
    on[:, 0, :] = False  # a row that is never on is no neuron
    grey = np.where(on, 200, 20).astype(np.uint8)
    selection = PixelSelection.of(grey)
    assert not selection.kept_hw[0].any()
    states = selection.states(grey)
    assert np.allclose(states.mean(0), selection.mean_n, atol=1e-6)
    means = class_means(selection, grey, labels)
    assert np.allclose(means.weights_cn.mean(0), 0, atol=1e-6)  # classes of equal size: the centre is their mean
    assert np.allclose(means.weights_cn[1], states[30:60].mean(0) - selection.mean_n, atol=1e-6)
    shown = selection.images(states[:2])
    assert shown.shape == (2, 8, 8)
    assert np.array_equal(shown[:, selection.kept_hw], states[:2])
    net = Couplings(means.weights_cn, 4)
    end_bn = glauber(net, states, 0.0, 10, seed=1).numpy().astype(float)
    assert np.mean((end_bn @ means.weights_cn.T).argmax(1) == labels) > 0.95


BAD = {
    "zeros and ones": (lambda: HebbianMemory().fit([[0, 1, 1]]), "2 * x - 1"),
    "grey values": (lambda: HebbianMemory().fit([[0.5, 1, -1]]), "Binarise"),
    "booleans": (lambda: HebbianMemory().fit([[True, False]]), "booleans"),
    "NaN": (lambda: HebbianMemory().fit([[np.nan, 1.0]]), "NaN"),
    "words": (lambda: HebbianMemory().fit([["a", "b"]]), "numbers"),
    "empty": (lambda: HebbianMemory().fit(np.empty((0, 5))), "nothing there"),
    "three dimensions": (lambda: HebbianMemory().fit(np.ones((2, 2, 2))), "two dimensions"),
    "ragged": (lambda: HebbianMemory().fit([[1, 1], [1]]), "numbers"),
    "wrong width": (lambda: HebbianMemory().fit(XI).recall([[1, -1]]), "expected 20 neurons"),
    "zeros in a state": (lambda: HebbianMemory(diluted=True).fit(XI).recall(np.zeros(20)), "states must be"),
    "odd order": (lambda: HebbianMemory(order=3), "odd"),
    "order 0": (lambda: HebbianMemory(order=0), "even whole number"),
    "order 2.5": (lambda: Couplings(XI, 2.5), "even whole number"),
    "more order than neurons": (lambda: Couplings(XI[:, :3], 4), "at least as many neurons"),
    "protocol": (lambda: HebbianMemory(protocol="supervise"), "'supervised'"),
    "before fit": (lambda: HebbianMemory().recall(XI), "Call fit"),
    "no labels": (lambda: HebbianMemory(protocol="supervised").fit(XI), "needs labels"),
    "labels not wanted": (lambda: HebbianMemory().fit(XI, [1, 2, 3]), "'supervised'"),
    "too few labels": (lambda: HebbianMemory(protocol="supervised").fit(XI, [1, 2]), "Expected 3 labels"),
    "cancelling class": (
        lambda: HebbianMemory(protocol="supervised").fit([[1, -1], [-1, 1]], [0, 0]),
        "averages to nothing",
    ),
    "quality above 1": (lambda: HebbianMemory(quality=1.5), "quality must lie"),
    "no scale": (lambda: HebbianMemory(protocol="unsupervised", classes=2).fit(XI), "give quality"),
    "negative temperature": (lambda: HebbianMemory().fit(XI).recall(XI, temperature=-1), "≥ 0"),
    "schedule too short": (lambda: glauber(NET, XI, [1.0, 0.5], sweeps=3), "each of 3 sweeps"),
    "negative sweeps": (lambda: glauber(NET, XI, sweeps=-1), "sweeps"),
    "unknown update": (lambda: glauber(NET, XI, update="paralel"), "'parallel'"),
    "unknown backend": (lambda: glauber(NET, XI, backend="numba"), "backend"),
    "negative seed": (lambda: glauber(NET, XI, seed=-1), "seed"),
    "no sweeps averaged": (lambda: sample(NET, XI, XI, 1.0, sweeps=0), "sweeps"),
    "one sample": (lambda: over_disorder(lambda s: 0.0, samples=1), "samples"),
    "annealing below zero": (lambda: annealing(1, -1, 5), "≥ 0"),
    "weights of another number": (lambda: Couplings(XI, weights_k=[1.0]), "weights_k"),
    "half precision": (lambda: Couplings(XI, dtype=torch.float16), "float32"),
    "all blank": (lambda: archetypes(10, 2, dilution=1.0), "dilution"),
    "no neurons": (lambda: archetypes(0, 2), "neurons"),
    "too large": (lambda: archetypes(10**9, 10**6), "GB"),
    "too many patterns": (lambda: Couplings(np.broadcast_to(np.float32(1), (10**9, 1000)[::-1])), "GB"),
    "too many replicas": (lambda: glauber(NET, torch.ones(1, 20, dtype=torch.int8).expand(10**10, 20)), "GB"),
    "quality": (lambda: examples(XI, 1.2, 3), "quality"),
    "no examples": (lambda: average_examples(XI, 0.5, 0), "number"),
    "half an example": (lambda: average_examples(XI, 0.5, 1.5), "whole"),
    "qualities of another number": (lambda: examples(XI, [0.1, 0.2], 3), "one for each pattern"),
    "negative entropy": (lambda: quality_from_entropy(-0.1, 5), "ρ ≥ 0"),
    "entropy 0": (lambda: examples_from_entropy(0.0, 0.5), "ρ > 0"),
    "quality 0": (lambda: examples_from_entropy(1.0, 0.0), "0 < r"),
    "quality −1": (lambda: dataset_entropy(-1, 5), "0 ≤ r"),
    "scale 0": (lambda: supervised(np.ones((1, 4)), 2.0, 5), "quality"),
    "examples without groups": (lambda: unsupervised(XI, 0.5), "three dimensions"),
    "float images": (lambda: PixelSelection.of(GREY / 255), "uint8"),
    "one image": (lambda: PixelSelection.of(GREY[0]), "three dimensions"),
    "window": (lambda: PixelSelection.of(GREY, low=0.9, high=0.1), "window"),
    "threshold": (lambda: PixelSelection.of(GREY, threshold=0), "threshold"),
    "nothing varies": (lambda: PixelSelection.of(GREY * 0), "No pixel"),
    "other image size": (lambda: PixelSelection.of(GREY).states(GREY[:, :2]), "Expected images"),
    "too few images": (lambda: class_means(PixelSelection.of(GREY), GREY, np.arange(12) % 3, 5), "Class 0 has 4"),
    "labels": (lambda: class_means(PixelSelection.of(GREY), GREY, [1]), "12 labels"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_answered(name):
    call, says = BAD[name]
    with pytest.raises(AlgorismError) as caught:
        call()
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


def test_missing_images_are_a_data_error():
    with pytest.raises(DataError):
        PixelSelection.of(GREY * 0)
