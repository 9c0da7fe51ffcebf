"""Sums of uncertain digits, against every combination of digits, exact fractions and Python's integers."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.symbolic.sums import (
    best_naming,
    digit_posteriors,
    digits_of_sum,
    digitwise_sum,
    from_digits,
    log_probability,
    log_probability_under_any_naming,
    most_probable_sum,
    namings,
    sum_marginals,
    to_digits,
)
from algorism.symbolic.sums.carry_chain import log_sum, place_totals

NEVER = float("-inf")


def digits(numbers: int, places: int, base: int, seed: int, zeros: float = 0.0, batch: tuple[int, ...] = ()):
    """Log-probabilities in float64, some of them −∞."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(base, 0.5), (*batch, numbers, places))
    p = np.where(rng.random(p.shape) < zeros, 0, p)
    p[p.sum(-1) == 0] = 1 / base
    return torch.tensor(p / p.sum(-1, keepdims=True)).log()


def enumerated(log_p_klv: torch.Tensor) -> dict[int, float]:
    """Probability of every sum, from all combinations of digits; numbers are Python's own."""
    numbers, places, base = log_p_klv.shape
    p = log_p_klv.exp().tolist()
    found: dict[int, float] = {}
    for combination in itertools.product(range(base), repeat=numbers * places):
        chance, total = 1.0, 0
        for i, digit in enumerate(combination):
            k, place = divmod(i, places)
            chance *= p[k][place][digit]
            total += digit * base ** (places - 1 - place)
        found[total] = found.get(total, 0.0) + chance
    return found


def as_sum(total: int, places: int, base: int) -> torch.Tensor:
    """A whole number as a lead and digits, by divmod."""
    lead, rest = divmod(total, base**places)
    return torch.tensor([lead, *to_digits([rest], places, base)[0].tolist()])


# (numbers, places, base): few enough combinations to walk through them all
SMALL = st.sampled_from([(1, 1, 2), (1, 3, 4), (2, 1, 10), (2, 2, 4), (2, 4, 2), (3, 1, 4), (3, 2, 3), (5, 2, 2)])


@settings(max_examples=25, deadline=None)
@given(SMALL, st.integers(0, 10**6), st.sampled_from([0.0, 0.5]))
def test_every_sum_has_the_probability_of_its_combinations(size, seed, zeros):
    _, places, base = size
    log_p = digits(*size, seed, zeros)
    wanted = enumerated(log_p)
    sums = torch.stack([as_sum(total, places, base) for total in wanted])
    found = log_probability(log_p.expand(len(sums), *log_p.shape), sums)
    torch.testing.assert_close(found.exp(), torch.tensor(list(wanted.values()), dtype=torch.float64))
    assert from_digits(sums, base) == list(wanted)
    assert abs(float(found.exp().sum()) - 1) < 1e-12


@settings(max_examples=25, deadline=None)
@given(SMALL, st.integers(0, 10**6), st.sampled_from([0.0, 0.6]))
def test_the_most_probable_sum_is_the_best_of_all(size, seed, zeros):
    log_p = digits(*size, seed, zeros)
    wanted = enumerated(log_p)
    found, score = most_probable_sum(log_p)
    best = max(wanted.values())
    assert abs(float(score.exp()) - best) < 1e-12
    assert abs(wanted[from_digits(found[None], size[2])[0]] - best) < 1e-12


@settings(max_examples=25, deadline=None)
@given(SMALL, st.integers(0, 10**6))
def test_marginals_are_sums_over_all_sums(size, seed):
    numbers, places, base = size
    log_p = digits(*size, seed)
    lead_k, digit_lv = torch.zeros(numbers).double(), torch.zeros(places, base).double()
    for total, chance in enumerated(log_p).items():
        lead, *row = as_sum(total, places, base).tolist()
        lead_k[lead] += chance
        for place, digit in enumerate(row):
            digit_lv[place, digit] += chance
    found_lead, found_digit = sum_marginals(log_p)
    torch.testing.assert_close(found_lead.exp(), lead_k)
    torch.testing.assert_close(found_digit.exp(), digit_lv)


@pytest.mark.parametrize("size", [(2, 2, 3), (3, 2, 2), (2, 1, 6)])
def test_posteriors_are_shares_of_the_combinations(size):
    numbers, places, base = size
    log_p = digits(*size, seed=4)
    for total in (0, 2, numbers * (base**places - 1)):
        share = torch.zeros(size).double()
        for combination in itertools.product(range(base), repeat=numbers * places):
            row = torch.tensor(combination).view(numbers, places)
            if sum(from_digits(row, base)) == total:
                one_hot = torch.nn.functional.one_hot(row, base).double()
                share += one_hot * (log_p * one_hot).nansum().exp()
        found = digit_posteriors(log_p, as_sum(total, places, base))
        torch.testing.assert_close(found, share / share.sum(-1, keepdim=True))


def test_posterior_of_an_impossible_sum_is_nothing():
    log_p = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]]).log()
    assert log_probability(log_p, torch.tensor([1, 0])) == NEVER
    assert digit_posteriors(log_p, torch.tensor([1, 0])).tolist() == torch.zeros(2, 1, 2).tolist()


@pytest.mark.parametrize(("numbers", "places", "base"), [(2, 2, 3), (3, 2, 2), (2, 9, 2), (1, 2, 3)])
def test_gradients(numbers, places, base):
    """By finite differences; 9 places go through the tree, the others along the walk."""
    log_p = digits(numbers, places, base, seed=1).requires_grad_()
    row = torch.randint(base, (numbers, places), generator=torch.Generator().manual_seed(0))
    sums = digits_of_sum(row, base)
    assert torch.autograd.gradcheck(lambda x: log_probability(x, sums), log_p)
    assert torch.autograd.gradcheck(lambda x: sum_marginals(x)[1].exp(), log_p)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(0, 10**6), st.floats(0, 0.95))
def test_gradients_at_probability_zero_are_finite(places, seed, zeros):
    log_p = digits(2, places, 4, seed, zeros).requires_grad_()
    sums = digits_of_sum(torch.randint(4, (2, places), generator=torch.Generator().manual_seed(seed)), 4)
    found = log_probability(log_p, sums)
    assert not found.isnan()
    (gradient,) = torch.autograd.grad(found, log_p)
    assert bool(gradient.isfinite().all())
    if found > NEVER:  # then each digit's posterior is a distribution
        torch.testing.assert_close(gradient.sum(-1), torch.ones(2, places).double())


@pytest.mark.parametrize("places", [9, 16, 33])
def test_the_tree_equals_the_walk(places, monkeypatch):
    log_p = digits(3, places, 10, seed=places, batch=(4,))
    sums = digits_of_sum(log_p.argmax(-1))
    tree = log_probability(log_p, sums)
    monkeypatch.setattr("algorism.symbolic.sums.carry_chain.TREE_ABOVE", 10**9)
    torch.testing.assert_close(log_probability(log_p, sums), tree)


def test_a_thousand_places_in_float32_lose_nothing():
    """A probability near 10^-426 underflows every float; its logarithm does not."""
    places = 1000
    p = torch.tensor([0.25, 0.75]).expand(2, places, 2)
    sums = torch.tensor([0, *[1] * places])  # all digits 1: never a carry, each place 0 + 1 or 1 + 0
    wanted = places * np.log(2 * 0.25 * 0.75)
    assert float(log_probability(p.log(), sums)) == pytest.approx(wanted, rel=1e-5)
    assert float(log_probability(p.double().log(), sums)) == pytest.approx(wanted, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.integers(2, 16), st.data())
def test_digit_sums_are_pythons(numbers, places, base, data):
    values = data.draw(st.lists(st.integers(0, base**places - 1), min_size=numbers, max_size=numbers))
    rows = to_digits(values, places, base)
    assert from_digits(rows, base) == values
    assert from_digits(digits_of_sum(rows, base)[None], base) == [sum(values)]
    one_hot = torch.nn.functional.one_hot(rows, base).double().log()
    assert torch.equal(digitwise_sum(one_hot), digits_of_sum(rows, base))
    assert float(log_probability(one_hot, digits_of_sum(rows, base))) == 0.0
    found, score = most_probable_sum(one_hot)
    assert (from_digits(found[None], base), float(score)) == ([sum(values)], 0.0)


def test_most_probable_digits_may_give_a_less_probable_sum():
    log_p = torch.tensor([[[0.4, 0.3, 0.3]], [[0.4, 0.3, 0.3]]]).log()  # sums 0 … 4: .16 .24 .33 .18 .09
    found, score = most_probable_sum(log_p)
    assert found.tolist() == [0, 2]
    assert float(score.exp()) == pytest.approx(0.33)
    assert digitwise_sum(log_p).tolist() == [0, 0]


def test_totals_are_convolutions():
    log_p = digits(3, 1, 10, seed=0)
    wanted = np.convolve(np.convolve(*log_p.exp()[:2, 0].numpy()), log_p.exp()[2, 0].numpy())
    np.testing.assert_allclose(place_totals(log_p)[0].exp(), wanted, rtol=1e-12)


def test_batches_of_any_shape():
    log_p = digits(2, 3, 10, seed=0, batch=(2, 3))
    sums = digits_of_sum(log_p.argmax(-1))
    found = log_probability(log_p, sums)
    assert found.shape == (2, 3)
    torch.testing.assert_close(found[1, 2], log_probability(log_p[1, 2], sums[1, 2]))
    assert most_probable_sum(log_p)[0].shape == (2, 3, 4)


def test_log_sum_of_nothing():
    x = torch.full((3,), NEVER, requires_grad=True)
    log_sum(x).backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_a_carry_of_tiny_probability_is_not_forgotten():
    """The carry into the first place has a probability of e^-900, and what follows allows nothing else."""
    log_p = torch.full((2, 2, 2), NEVER).double()
    log_p[:, 1, 0], log_p[:, 1, 1] = 0.0, -450.0
    log_p[:, 0, 0] = torch.tensor([0.0, NEVER])
    log_p[1, 0] = torch.tensor([0.0, NEVER])
    _, score = most_probable_sum(log_p)
    assert float(score) == pytest.approx(0.0)
    assert float(log_probability(log_p, torch.tensor([0, 1, 0]))) == pytest.approx(-900.0)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([(2, 10), (2, 5), (3, 6), (4, 8)]), st.integers(0, 10**6))
def test_digits_named_wrongly_but_consistently(size, seed):
    numbers, base = size
    rows = torch.randint(0, base, (6, numbers, 4), generator=torch.Generator().manual_seed(seed))
    sums = digits_of_sum(rows, base)
    for shift in range(base):
        named = (rows + shift) % base
        kept = torch.equal(digits_of_sum(named, base)[:, -1], sums[:, -1])  # the last place has no carry in it
        assert not (shift in namings(numbers, base) and not kept)
    for shift in namings(numbers, base):
        log_p = torch.nn.functional.one_hot((rows + shift) % base, base).double().log()
        found = log_probability_under_any_naming(log_p, sums)
        each = [log_probability(log_p.roll(k, -1), sums).sum().exp() for k in namings(numbers, base)]
        assert float(found.exp()) == pytest.approx(float(sum(each)) / len(each))
        assert torch.equal(log_p.roll(best_naming(log_p, sums), -1).argmax(-1), rows)


def test_a_network_that_names_digits_wrongly_is_not_pulled_away():
    """Under the plain likelihood the gradient is against the wrong naming; under any naming it is with it."""
    rows = torch.randint(0, 10, (20, 2, 8), generator=torch.Generator().manual_seed(0))
    logits = (3.0 * torch.nn.functional.one_hot((rows + 5) % 10, 10)).requires_grad_()
    sums = digits_of_sum(rows)
    pulls = []
    for likelihood in (lambda x: log_probability(x, sums).sum(), lambda x: log_probability_under_any_naming(x, sums)):
        (gradient,) = torch.autograd.grad(likelihood(logits.log_softmax(-1)), logits)
        pulls.append(float(gradient.gather(-1, ((rows + 5) % 10).unsqueeze(-1)).mean()))
    assert pulls[1] > 0.1
    assert pulls[0] < pulls[1] / 2


@pytest.mark.parametrize(
    ("log_p", "sums", "error", "message"),
    [
        (torch.zeros(2, 10), [0, 0], ShapeError, "numbers, places, base"),
        (torch.zeros(2, 0, 10), [0], ShapeError, "numbers, places, base"),
        (torch.zeros(2, 1, 1), [0, 0], UsageError, "base of at least 2"),
        (torch.full((2, 1, 10), float("nan")), [0, 0], DataError, "NaN"),
        (torch.full((2, 1, 10), float("inf")), [0, 0], DataError, "inf"),
        (torch.zeros(2, 1, 10, dtype=torch.long), [0, 0], DataError, "log_softmax"),
        (torch.zeros(2, 1, 10), [0, 0, 0], ShapeError, "a lead and 1 digits"),
        (torch.zeros(2, 1, 10), [2, 0], DataError, "lead of 0 … 1"),
        (torch.zeros(2, 1, 10), [0, 10], DataError, "digits of 0 … 9"),
        (torch.zeros(2, 1, 10), [0, -1], DataError, "digits of 0 … 9"),
        (torch.zeros(2, 1, 10), [0.0, 1.0], DataError, "whole numbers"),
    ],
)
def test_what_is_no_sum_is_refused(log_p, sums, error, message):
    with pytest.raises(error, match=message):
        log_probability(log_p, torch.tensor(sums))


def test_a_naming_needs_problems():
    with pytest.raises(ShapeError, match="problems, numbers, places, base"):
        best_naming(torch.zeros(2, 1, 10), torch.tensor([0, 0]))


def test_digits_that_allow_nothing():
    with pytest.raises(DataError, match="no sum possible"):
        most_probable_sum(torch.full((2, 1, 10), NEVER))


def test_too_uncertain_for_the_most_probable_sum(monkeypatch):
    monkeypatch.setattr("algorism.symbolic.sums.most_probable.MOST_BEGINNINGS", 3)
    with pytest.raises(DataError, match="digitwise_sum"):
        most_probable_sum(digits(4, 4, 10, seed=0))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: to_digits([1], 0), UsageError),
        (lambda: to_digits([1], 2, base=1), UsageError),
        (lambda: to_digits([100], 2), DataError),
        (lambda: to_digits([-1], 2), DataError),
        (lambda: digits_of_sum(torch.tensor([1, 2])), ShapeError),
        (lambda: digits_of_sum(torch.tensor([[1], [10]])), DataError),
        (lambda: digits_of_sum(torch.tensor([[1.0], [2.0]])), DataError),
    ],
)
def test_what_are_no_digits_is_refused(call, error):
    with pytest.raises(error):
        call()
