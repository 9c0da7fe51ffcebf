"""Hypothesis spaces: kernels against wide networks and by brute force, posteriors against conditioning, networks."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from algorism.complexity.inductive_bias import (
    CNN,
    MLP,
    NNGP,
    NTK,
    RBF,
    AdamSolve,
    Data,
    KernelSpace,
    Laplace,
    NetworkSpace,
    RandomFeatures,
    mean_squared_error,
    median_distance,
    targets,
)
from algorism.complexity.inductive_bias.hypotheses import fitting
from algorism.errors import DataError, ShapeError, TrainingError, UsageError


def toy(dimensions: int, train: int = 40, test: int = 60, seed: int = 0) -> Data:
    """The brief's toy task."""
    x = np.random.default_rng(seed).standard_normal((train + test, dimensions))
    y = np.stack([np.sin(x[:, 0]), np.cos(x[:, 0])], axis=1)
    return Data.of(x[:train], y[:train], x[train:], y[train:])


def wide_network(x: torch.Tensor, width: int, depth: int, weight: float, bias: float, seed: int):
    """Outputs and empirical tangent kernel of one finite network in the 1/√fan-in parameterisation, by autograd."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [x.shape[1], *[width] * depth, 1]
    draw = [(torch.randn(b, a, generator=generator), torch.randn(b, generator=generator)) for a, b in
            pairwise(sizes)]  # fmt: skip
    leaves = [t.requires_grad_() for pair in draw for t in pair]
    h = x
    for layer, (w, b) in enumerate(draw):
        h = (weight / h.shape[1]) ** 0.5 * h @ w.T + bias**0.5 * b
        h = h.relu() if layer < depth else h
    slopes = []
    for value in h[:, 0]:
        slopes.append(torch.cat([g.flatten() for g in torch.autograd.grad(value, leaves, retain_graph=True)]))
    jacobian = torch.stack(slopes)
    return h[:, 0].detach().numpy(), (jacobian @ jacobian.T).numpy()


@pytest.mark.parametrize("depth", [1, 2])
def test_ntk_and_nngp_are_those_of_wide_networks(depth):
    x = np.random.default_rng(0).standard_normal((4, 3))
    nets = [wide_network(torch.tensor(x).float(), 384, depth, 2.0, 0.1, seed) for seed in range(30)]
    tangent = np.mean([k for _, k in nets], axis=0)
    np.testing.assert_allclose(NTK(depth)(x, x), tangent, rtol=0.12, atol=0.15)
    outputs = np.stack([
        wide_network(torch.tensor(x).float(), 64, depth, 2.0, 0.1, 1000 + seed)[0] for seed in range(500)
    ])  # fmt: skip
    np.testing.assert_allclose(NNGP(depth)(x, x), outputs.T @ outputs / 500, rtol=0.25, atol=0.35)


def test_layers_of_nngp_are_gaussian_means_of_products():
    """Each layer is bias + weight · E[relu(u) relu(v)] over the layer before, here by Gauss–Hermite quadrature."""
    x = np.random.default_rng(4).standard_normal((2, 3))
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    for depth in (1, 2, 3):
        before = NNGP(depth - 1, 1.7, 0.3)(x, x) if depth > 1 else 0.3 + 1.7 * x @ x.T / 3
        root = np.linalg.cholesky(before)
        u = root[0, 0] * nodes[:, None] + 0 * nodes
        v = root[1, 0] * nodes[:, None] + root[1, 1] * nodes
        mass = np.outer(weights, weights) / (2 * np.pi)
        layer = NNGP(depth, 1.7, 0.3)(x, x)
        assert layer[0, 1] == pytest.approx(0.3 + 1.7 * (mass * np.maximum(u, 0) * np.maximum(v, 0)).sum(), rel=5e-3)
        assert layer[0, 0] == pytest.approx(0.3 + 1.7 * before[0, 0] / 2)


def test_distance_kernels_pair_by_pair():
    random = np.random.default_rng(1)
    x, z = random.standard_normal((3, 5)) + 100, random.standard_normal((2, 5)) + 100  # far from 0: digits cancel
    for i in range(3):
        for j in range(2):
            d = np.linalg.norm(x[i] - z[j])
            assert RBF(1.5)(x, z)[i, j] == pytest.approx(np.exp(-d * d / 4.5), rel=1e-10)
            assert Laplace(1.5)(x, z)[i, j] == pytest.approx(np.exp(-d / 1.5), rel=1e-10)
    every = [np.linalg.norm(a - b) for k, a in enumerate(x) for b in x[:k]]
    assert median_distance(x) == pytest.approx(np.median(every))


@pytest.mark.parametrize(("of", "kernel"), [("rbf", RBF(2.0)), ("relu", NNGP(1, bias=0.0))])
def test_many_random_features_approach_their_kernel(of, kernel):
    x = np.random.default_rng(2).standard_normal((6, 4))
    few, many = (RandomFeatures(n, of, 2.0, seed=1)(x, x) for n in (100, 40_000))
    target = kernel(x, x)
    assert np.abs(many - target).max() < 0.05 * np.abs(target).max()
    assert np.abs(many - target).max() < np.abs(few - target).max()


def test_kernels_are_positive_definite():
    x = np.random.default_rng(3).standard_normal((30, 3))
    for kernel in (RBF(), Laplace(), NNGP(3), NTK(3), RandomFeatures(50)):
        assert np.linalg.eigvalsh(kernel(x, x)).min() > -1e-6


def test_the_posterior_is_conditioning_of_the_joint_law():
    data = toy(2, train=5, test=4)
    posterior = KernelSpace(Laplace(1.0), jitter=0.0).posterior(data)
    both = np.concatenate([data.x_train, data.x_test])
    precision = np.linalg.inv(Laplace(1.0)(both, both))  # its test block is the inverse of the posterior covariance
    covariance = np.linalg.inv(precision[5:, 5:])
    np.testing.assert_allclose(posterior.covariance_tt, covariance, atol=1e-10)
    np.testing.assert_allclose(posterior.mean_tc, -covariance @ precision[5:, :5] @ data.y_train, atol=1e-10)


def test_losses_drawn_by_direction_are_those_of_drawn_functions():
    data = toy(4, train=20, test=15)
    posterior = KernelSpace().posterior(data)
    by_function = mean_squared_error(posterior.draw(100_000, seed=1), data.y_test)
    by_direction = posterior.loss_law(data.y_test).sample(100_000, seed=2)
    for share in (0.02, 0.5, 0.98):
        assert np.quantile(by_function, share) == pytest.approx(np.quantile(by_direction, share), rel=0.02)
    assert by_function.mean() == pytest.approx(posterior.loss_law(data.y_test).cumulants()[0], rel=0.01)


def test_nearly_singular_covariances_stay_real():
    data = toy(1, train=30, test=80)
    sample = KernelSpace(RBF(3.0)).sample(data, 50, seed=0)
    assert np.isfinite(sample.losses_s).all()
    assert sample.train_losses_s.max() < 1e-6
    assert (sample.law.variances_i == 0).sum() > 40  # 80 points, a handful of free directions


def test_ensemble_of_wide_networks_fits_and_is_no_posterior():
    data = toy(2, train=8, test=6)
    ensemble = KernelSpace(NTK(1), prior=NNGP(1)).posterior(data)
    plain = KernelSpace(NTK(1)).posterior(data)
    np.testing.assert_allclose(ensemble.mean_tc, plain.mean_tc)
    assert np.linalg.eigvalsh(ensemble.covariance_tt).min() > -1e-7
    same = KernelSpace(NTK(1), prior=NTK(1)).posterior(data)  # the general formula on a case known from the other one
    np.testing.assert_allclose(same.covariance_tt, plain.covariance_tt, atol=1e-5)
    assert not np.allclose(ensemble.covariance_tt, plain.covariance_tt, atol=1e-3)
    at_training = KernelSpace(NTK(1), prior=NNGP(1)).posterior(
        Data(data.x_train, data.y_train, data.x_train, data.y_train)
    )
    assert np.abs(at_training.covariance_tt).max() < 1e-5


def test_the_iterative_solve_comes_to_the_exact_one():
    data = toy(6, train=12, test=5)
    exact = KernelSpace().posterior(data)
    adam = KernelSpace(solver=AdamSolve(epochs=4000, batch=4, covariance_rate=3e-3)).posterior(data)
    np.testing.assert_allclose(adam.mean_tc, exact.mean_tc, atol=2e-3)
    np.testing.assert_allclose(adam.covariance_tt, exact.covariance_tt, atol=2e-3)
    with pytest.raises(DataError, match="above fits_below"):
        KernelSpace(solver=AdamSolve(epochs=3)).posterior(data)


def test_evidence_is_the_density_of_the_targets_and_prefers_the_right_length():
    from scipy.stats import multivariate_normal

    data = toy(3, train=10)
    k = Laplace(1.0)(data.x_train, data.x_train) + 1e-8 * np.eye(10)
    direct = sum(multivariate_normal(np.zeros(10), k).logpdf(y) for y in data.y_train.T)
    assert KernelSpace(Laplace(1.0)).log_evidence(data) == pytest.approx(direct, rel=1e-6)
    x = np.linspace(0, 6, 40)[:, None]
    drawn = np.linalg.cholesky(RBF(1.0)(x, x) + 1e-8 * np.eye(40)) @ np.random.default_rng(0).standard_normal(40)
    own = Data.of(x, drawn, x, drawn)
    evidence = {length: KernelSpace(RBF(length)).log_evidence(own) for length in (0.3, 1.0, 3.0)}
    assert max(evidence, key=lambda length: evidence[length]) == 1.0


def test_median_length_is_set_from_the_training_inputs():
    data = toy(3, train=10)
    assert KernelSpace(RBF(None)).posterior(data).kernel == RBF(median_distance(data.x_train))


def test_networks_in_a_stack_are_the_networks_alone():
    data = toy(3, train=10, test=8)
    arguments = {"epochs": 40, "batch": 4, "learning_rate": 1e-2, "fits_below": 10.0}
    before = torch.random.get_rng_state()
    stack = NetworkSpace(MLP(16, 1), **arguments).sample(data, 3, seed=5)
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = NetworkSpace(MLP(16, 1), together=2, **arguments).sample(data, 3, seed=5)
    np.testing.assert_allclose(pairs.losses_s, stack.losses_s, rtol=1e-4)
    # The first of them with plain PyTorch: same initial weights, same batches.
    torch.manual_seed(5 * 1_000_003)
    network = MLP(16, 1)((3,), 2)
    torch.random.set_rng_state(before)
    order = torch.Generator().manual_seed(5 * 1_000_003 * 2 + 1)
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    x, y = torch.tensor(data.x_train).float(), torch.tensor(data.y_train).float()
    for _ in range(40):
        for rows in torch.randperm(10, generator=order).split(4):
            adam.zero_grad()
            (network(x[rows]) - y[rows]).square().mean().backward()
            adam.step()
    with torch.no_grad():
        alone = (network(torch.tensor(data.x_test).float()) - torch.tensor(data.y_test).float()).square().mean()
    assert stack.losses_s[0] == pytest.approx(alone.item(), rel=1e-4)


def test_convolutions_read_images_with_and_without_colours():
    random = np.random.default_rng(0)
    for shape in ((8, 8), (8, 8, 3)):
        x = random.standard_normal((12, *shape))
        data = Data.of(x, random.integers(0, 3, 12), x[:5], random.integers(0, 3, 5))
        sample = NetworkSpace(CNN(4, 2, "max"), epochs=2, fits_below=1e9).sample(data, 2, seed=0)
        assert len(sample.losses_s) == 2


def test_failures_are_left_out_and_counted():
    data = toy(2, train=6, test=5)
    space = NetworkSpace(MLP(4, 0), epochs=150, learning_rate=1e-2, fits_below=1e9)
    every = space.sample(data, 12, seed=0)
    threshold = float(np.median(every.train_losses_s))
    some = NetworkSpace(MLP(4, 0), epochs=150, learning_rate=1e-2, fits_below=threshold).sample(data, 12, seed=0)
    assert (len(some.losses_s), some.excluded, some.tried) == (6, 6, 12)
    assert some.train_losses_s.max() <= threshold
    assert set(some.losses_s) < set(every.losses_s)


def test_losses_of_a_network_are_true_means():
    """The released script divides by the batch size once more; a constant network's loss is known."""

    class Nothing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.zero = nn.Parameter(torch.randn(1))

        def forward(self, x):
            return self.zero * x[:, :1] * 0

    data = Data.of([[1.0], [2.0]], [0.0, 0.0], [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])
    sample = NetworkSpace(lambda shape, outputs: Nothing(), epochs=1, batch=1).sample(data, 2)
    assert sample.losses_s == pytest.approx([14 / 3, 14 / 3])


def test_labels_become_one_hot_with_the_classes_of_both_sets():
    data = Data.of(np.zeros((2, 1)), [0, 1], np.zeros((1, 1)), [3])
    assert data.y_train.shape == (2, 4)
    assert targets(np.array([True, False])).tolist() == [[0, 1], [1, 0]]


def test_standardised_inputs_have_one_common_scale():
    x = np.random.default_rng(0).standard_normal((50, 3)) * [1, 10, 0] + 5
    data = Data.of(x, np.zeros(50), x[:4], np.zeros(4)).standardised()
    assert data.x_train.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-12)
    assert data.x_train.std() == pytest.approx(1)
    assert (data.x_train[:, 2] == 0).all()


BAD_X = np.array([[0.0], [0.0], [1.0]])


def repeated(one: float, other: float) -> Data:
    """Two equal training inputs with these targets."""
    return Data.of(BAD_X, [one, other, 2.0], [[2.0]], [0.0])


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: Data.of([1.0, 2.0], [0, 1], [[1.0]], [0]), ShapeError, "at least 2 axes"),
        (lambda: Data.of([[1.0], [2.0]], [0, 1, 1], [[1.0]], [0]), ShapeError, "2 inputs but 3 targets"),
        (lambda: Data.of([[1.0]], [0.5], [[1.0, 2.0]], [0.5]), ShapeError, "all axes but the first"),
        (lambda: Data.of([[np.nan]], [0.5], [[1.0]], [0.5]), DataError, "finite"),
        (lambda: Data.of(np.zeros((0, 1)), np.zeros(0), [[1.0]], [0.5]), ShapeError, "at least 1"),
        (lambda: targets([-1, 0]), DataError, "labels run from -1"),
        (lambda: targets(np.zeros((2, 2, 2))), ShapeError, "targets"),
        (lambda: targets(["a", "b"]), ShapeError, "targets"),
        (lambda: mean_squared_error(np.zeros((3, 2)), np.zeros(2)), ShapeError, "expected"),
        (lambda: KernelSpace(jitter=0.0).posterior(repeated(1.0, 1.0)), DataError, "repeat"),
        (lambda: KernelSpace().posterior(repeated(1.0, 0.0)), DataError, "other targets"),
        (lambda: KernelSpace(RandomFeatures(5)).posterior(toy(3)), DataError, "number of features"),
        (lambda: KernelSpace(RBF(None)).posterior(Data.of([[1.0]] * 3, [1.0] * 3, [[1.0]], [1.0])), UsageError, "is 0"),
        (lambda: KernelSpace(jitter=-1.0), UsageError, "jitter"),
        (lambda: RBF(0.0), UsageError, "length must be above 0"),
        (lambda: Laplace(-1.0), UsageError, "length must be above 0"),
        (lambda: RBF(None)(BAD_X, BAD_X), UsageError, "no length yet"),
        (lambda: NNGP(depth=0), UsageError, "hidden layer"),
        (lambda: NTK(bias=-0.1), UsageError, "no negative bias"),
        (lambda: RandomFeatures(of="sine"), UsageError, "'rbf' or 'relu'"),
        (lambda: AdamSolve(epochs=0), UsageError, "positive epochs"),
        (lambda: MLP(width=0), UsageError, "width"),
        (lambda: CNN()((10,), 2), ShapeError, "Use MLP"),
        (lambda: CNN(blocks=4)((8, 8), 2), ShapeError, "at least 16 pixels"),
        (lambda: NetworkSpace(MLP(), epochs=0), UsageError, "at least 1"),
        (lambda: NetworkSpace(MLP(), learning_rate=0.0), UsageError, "learning_rate"),
        (lambda: NetworkSpace("mlp"), UsageError, "build a module"),
        (lambda: NetworkSpace(MLP(4), epochs=1).sample(toy(2), 3), DataError, "0 of 3 hypotheses"),
        (lambda: NetworkSpace(lambda s, c: nn.Linear(2, 7)).sample(toy(2), 2), TrainingError, "values per seed"),
        (lambda: fitting([1.0, 2.0], [1.0, 2.0], 0.0, ""), UsageError, "fits_below"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_words(act, error, words):
    with pytest.raises(error, match=words):
        act()


def test_networks_that_ignore_the_seed_are_refused():
    def same(shape, outputs):
        layer = nn.Linear(shape[0], outputs)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer

    with pytest.raises(UsageError, match="same weights for every seed"):
        NetworkSpace(same, epochs=1).sample(toy(2), 3)
