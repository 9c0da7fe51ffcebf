"""Networks that are really trained, against autograd and the closed form; programs against integer arithmetic."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.complexity.permutations import (
    Descent,
    Program,
    Template,
    add,
    addition_program,
    all_inputs,
    function_rate,
    hot_inputs,
    lambda_max,
    midway,
    moments,
    permutation_program,
    regime_of,
    steps_needed,
    train_ensemble,
    weights,
)
from algorism.errors import ShapeError, TrainingError, UsageError

PARAMETERISATIONS = ("ntk", "standard")


def by_autograd(k, width, parameterisation, seed, network, steps, rate, x_tk, targets_ko, sigma_w):
    """One network written as a torch user would, from the same initial weights, trained by autograd."""
    state = np.random.SeedSequence([seed, network]).generate_state(1, np.uint64)
    random = torch.Generator().manual_seed(int(state[0]) & (2**63 - 1))
    u_hk, v_oh = torch.randn(width, k, generator=random), torch.randn(targets_ko.shape[1], width, generator=random)
    scales = sigma_w / math.sqrt(k), sigma_w / math.sqrt(width)
    if parameterisation == "standard":
        u_hk, v_oh, scales = u_hk * scales[0], v_oh * scales[1], (1.0, 1.0)
    u_hk.requires_grad_(), v_oh.requires_grad_()

    def answer(x):
        return scales[1] * torch.relu(scales[0] * x @ u_hk.T) @ v_oh.T

    optimizer = torch.optim.SGD([u_hk, v_oh], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(answer(torch.eye(k)), torch.tensor(targets_ko, dtype=torch.float32)).backward()
        optimizer.step()
    return answer(torch.nn.functional.normalize(torch.tensor(x_tk, dtype=torch.float32), dim=1)).detach().numpy()


@pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
def test_training_is_gradient_descent_on_the_mean_squared_error(parameterisation):
    targets_ko, x_tk = np.array([[1, 0], [0, 1], [1, 1]]), [[1, 1, 0], [0.3, -1, 2]]
    rate = 1.5 / lambda_max(3, parameterisation, 64, outputs=2, sigma_w=1.2)
    shared = {"sigma_w": 1.2, "seed": 9}
    found = train_ensemble(targets_ko, x_tk, 3, 64, parameterisation, learning_rate=rate, steps=4, **shared)
    assert found.steps_n.tolist() == [4, 4, 4]
    for network in range(3):
        expected = by_autograd(3, 64, parameterisation, 9, network, 4, rate, x_tk, targets_ko, 1.2)
        assert found.outputs_nto[network] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
def test_lambda_max_is_the_curvature_of_a_wide_network(parameterisation):
    k, width, random = 4, 20_000, np.random.default_rng(0)
    u_hk, v_h = random.normal(size=(width, k)), random.normal(size=width)
    first, second = 1 / math.sqrt(k), 1 / math.sqrt(width)
    if parameterisation == "standard":
        u_hk, v_h, first, second = u_hk * first, v_h * second, 1.0, 1.0
    # Gradients of one output at e_i: in the last layer relu(u_i), in the first layer v where u_i > 0, and only at e_i.
    last_hk = first * second * np.maximum(u_hk, 0)
    layer_k = (first * second * v_h[:, None] * (u_hk > 0)) ** 2
    theta = last_hk.T @ last_hk + np.diag(layer_k.sum(axis=0))
    measured = 2 / k**2 * np.linalg.eigvalsh(theta).max()
    assert lambda_max(k, parameterisation, width) == pytest.approx(measured, rel=0.03)


@pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
def test_trained_networks_follow_the_closed_form(parameterisation):
    """At width h the mean of 1 bits is off by about 0.14/√h in the tangent parameterisation; 0.2/√h is allowed."""
    k, width, networks = 5, 1_024, 400
    inputs_tk = hot_inputs(k)
    found = train_ensemble(np.eye(k), inputs_tk, networks, width, parameterisation, seed=1)
    assert found.converged
    assert found.train_mse_n.max() < 1e-7
    assert found.steps_n.max() <= 2 * steps_needed(k, found.learning_rate, parameterisation, width)
    m = moments(k, 2, regime_of(parameterisation, k, width))
    for bits, mean in ((inputs_tk, m.ones), (~inputs_tk, m.zeros)):
        of_network_n = found.outputs_nto[:, bits].mean(axis=1)
        error = float(of_network_n.std(ddof=1)) / math.sqrt(networks)
        assert of_network_n.mean() == pytest.approx(float(mean), abs=3 * error + 0.2 / math.sqrt(width))
    assert found.outputs_nto.var(axis=0, ddof=1).mean() == pytest.approx(float(m.variance), rel=0.08)


def test_training_that_has_not_ended_follows_the_closed_form():
    k, width, rate = 4, 2_048, 0.05
    found = train_ensemble(np.eye(k), hot_inputs(k), 600, width, "ntk", learning_rate=1.0, steps=8)
    assert not found.converged
    descent = Descent(function_rate(1.0, k, "ntk"), 8)
    m = moments(k, 2, "ntk", after=descent)
    assert rate < float(m.ones) < 0.9 * float(moments(k, 2).ones)
    assert found.outputs_nto[:, hot_inputs(k)].mean() == pytest.approx(float(m.ones), abs=0.01)
    assert found.outputs_nto.var(axis=0).mean() == pytest.approx(float(m.variance), rel=0.1)


def test_networks_do_not_depend_on_what_is_trained_beside_them():
    shared = {"targets_ko": np.eye(4), "inputs_tk": hot_inputs(4), "width": 512, "seed": 3}
    together = train_ensemble(networks=12, **shared)
    apart = train_ensemble(networks=5, memory_mb=1, **shared)
    assert together.outputs_nto[:5] == pytest.approx(apart.outputs_nto, abs=1e-6)
    assert together.steps_n[:5].tolist() == apart.steps_n.tolist()
    assert np.unique(together.outputs_nto[:, 0, 0]).size == 12
    state = torch.get_rng_state()
    train_ensemble(networks=1, **shared)
    assert torch.equal(state, torch.get_rng_state())


def test_permuted_targets_permute_outputs_in_distribution():
    order = [2, 0, 3, 1]
    found = train_ensemble(np.eye(4)[order], hot_inputs(4), 40, 1_024, seed=2)
    right_to = hot_inputs(4) @ np.eye(4)[order] > 0.5
    cut = midway(4, 2, "last-layer")
    assert ((found.outputs_nto.mean(axis=0) > cut) == right_to).all()


@pytest.mark.parametrize("regime", ["ntk", "last-layer"])
@pytest.mark.parametrize("bits", range(1, 6))
def test_addition_is_exact_for_all_pairs(bits, regime):
    a, b = np.divmod(np.arange(4**bits), 2**bits)
    sums, certificate = add(a, b, bits, regime)
    assert (sums == a + b).all()
    assert certificate.right
    assert certificate.highest_unset < 1e-12 < certificate.smallest_mean <= certificate.lowest_set


@settings(deadline=None, max_examples=15)
@given(st.integers(6, 10), st.integers(0, 2**32))
def test_addition_is_exact_to_ten_bits(bits, seed):
    a, b = np.random.default_rng(seed).integers(0, 2**bits, (2, 300))
    a[0] = b[0] = b[1] = 2**bits - 1  # the longest carry
    a[1] = 1
    sums, certificate = add(a, b, bits)
    assert (sums == a + b).all()
    assert certificate.right


def test_a_step_is_the_prediction_of_the_network():
    """Against the mean prediction for the marks themselves, and against the templates read in plain Python."""
    program = addition_program(2)
    states_bs = all_inputs(6)
    marks_bt = program.matches(states_bs)
    for state, marks in zip(states_bs, marks_bt):
        assert marks.tolist() == [all(state[i] == value for i, value in t.when.items()) for t in program.templates]
    some_b = marks_bt.any(axis=1)
    unit_bt = marks_bt[some_b] / np.sqrt(marks_bt[some_b].sum(axis=1, keepdims=True))
    means_bs = weights(unit_bt) @ program.targets_ts
    run = program.run(states_bs[some_b])
    assert (run.states_bs == (means_bs > 1e-10)).all()
    sizes = np.abs(means_bs)
    assert run.certificate.smallest_mean == pytest.approx(sizes[sizes > 1e-12].min(), abs=1e-12)
    assert run.certificate.highest_unset == pytest.approx(means_bs[~run.states_bs].max(), abs=1e-12)
    assert not program.run(np.zeros((1, 6))).states_bs.any()


@given(st.permutations(range(9)))
@settings(max_examples=20, deadline=None)
def test_permutation_program_permutes(order):
    inputs_bs = all_inputs(9)
    run = permutation_program(order).run(inputs_bs)
    expected_bs = np.zeros_like(inputs_bs)
    expected_bs[:, order] = inputs_bs
    assert (run.states_bs == expected_bs).all()


def test_certificate_notices_when_predictions_do_not_keep_bits_apart():
    """Bit 0 is written by thirty templates, of which one matches: the others pull its mean below the threshold."""
    program = Program(40, [Template({i: True}, [0 if i < 30 else i]) for i in range(40)])
    state = np.isin(np.arange(40), [3, *range(30, 40)])
    run = program.run([state])
    assert not run.states_bs[0, 0]
    assert run.states_bs[0, 30:].all()
    assert run.certificate.lowest_set < 0
    assert not run.certificate.right
    with pytest.raises(UsageError, match="apart"):
        run.certificate.networks_sufficient(0.1)


def test_certified_number_of_networks_is_sufficient():
    """Drawn ensembles of the certified size, cut at the certified threshold, fail no more often than allowed."""
    inputs_bs = hot_inputs(10, 6)[:20]
    certificate = permutation_program(list(range(10))).run(inputs_bs).certificate
    networks, delta = math.ceil(certificate.networks_sufficient(0.2)), 0.2
    m = moments(10, 6)
    noise = np.random.default_rng(0).normal(size=(4_000, 10)) * math.sqrt(m.variance / networks)
    means = np.where(inputs_bs[0], m.ones, m.zeros) + noise
    failed = ((means > certificate.threshold) != inputs_bs[0]).any(axis=1).mean()
    assert 0 < failed <= delta


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: train_ensemble(np.eye(3), [[1, 1]], 1, 8), ShapeError, r"\(2, outputs\)"),
        (lambda: train_ensemble(np.eye(3), [[0, 0, 0]], 1, 8), UsageError, "not 0"),
        (lambda: train_ensemble(np.eye(3), [1, 1, 0], 1, 8), ShapeError, "one input a row"),
        (lambda: train_ensemble(np.eye(2), [[1, 1]], 0, 8), UsageError, "positive"),
        (lambda: train_ensemble(np.eye(2), [[1, 1]], 1, 8, learning_rate=-1), UsageError, "learning_rate"),
        (lambda: train_ensemble(np.eye(2), [[1, 1]], 1, 8, steps=-1), UsageError, "steps"),
        (lambda: train_ensemble(np.eye(2), [[1, 1]], 1, 8, "nt"), UsageError, "'ntk'"),
        (lambda: train_ensemble(np.eye(2), [[1, 1]], 1, 8, learning_rate=10), UsageError, "stable below"),
        (lambda: steps_needed(5, 10.0), UsageError, "stable below"),
        (lambda: train_ensemble(np.eye(2), [[1, 1]], 2, 8, learning_rate=1e38, steps=9), TrainingError, "diverged"),
        (lambda: Program(3, []), UsageError, "at least one template"),
        (lambda: Program(3, [Template({3: True}, [0])]), UsageError, "bits 0 to 2"),
        (lambda: permutation_program([0, 0]), UsageError, "permutation"),
        (lambda: permutation_program([0]).run([[2]]), UsageError, "0 and 1"),
        (lambda: permutation_program([0]).run([1]), ShapeError, "batch, 1"),
        (lambda: permutation_program([0]).run([[1]], 0), UsageError, "iterations"),
        (lambda: add([1], [1, 2], 3), ShapeError, "equally many"),
        (lambda: add([8], [1], 3), UsageError, "2\\^3"),
        (lambda: add([-1], [1], 3), UsageError, "2\\^3"),
        (lambda: add([0.5], [1], 3), UsageError, "whole"),
        (lambda: add([1], [1], 0), UsageError, ">= 1"),
    ],
)
def test_bad_input_is_refused_with_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
