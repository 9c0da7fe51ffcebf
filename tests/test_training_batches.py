"""Batches: every example once per epoch, any step made again from its number alone, loss where it belongs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.training.batches import IGNORE, Batch, Fresh, Rows, Windows, shifted, stack

examples = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=12)


def tokens(sizes: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with prompts and answers of these lengths; every token differs, so that a wrong one shows."""
    prompt = np.array([p for p, _ in sizes])
    length = np.array([p + a for p, a in sizes])
    ids = np.zeros((len(sizes), length.max() + 2), np.uint8 if len(sizes) < 12 else np.int64)
    for row, n in enumerate(length):
        ids[row, :n] = 1 + row * 16 + np.arange(n)
    return ids, length, prompt


@given(examples)
def test_shifted_equals_a_loop(sizes: list[tuple[int, int]]) -> None:
    ids, length, prompt = tokens(sizes)
    batch = shifted(ids, length, prompt)
    assert batch.ids_bt.shape == batch.targets_bt.shape == (len(sizes), length.max() - 1)
    for row, (p, a) in enumerate(sizes):
        for t in range(batch.ids_bt.shape[1]):
            assert batch.ids_bt[row, t] == ids[row, t]
            answer = p <= t + 1 < p + a  # the token after position t belongs to the answer
            assert batch.targets_bt[row, t] == (ids[row, t + 1] if answer else IGNORE)
            assert not answer or t >= batch.first
    assert batch.first == min(prompt) - 1
    assert (batch.targets_bt[:, batch.first] != IGNORE).any()


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 5))
def test_rows_show_every_example_once_per_epoch(n: int, size: int, seed: int) -> None:
    ids = np.stack([np.arange(n), np.arange(n) + n], axis=1)
    rows = Rows(ids, np.full(n, 2), np.ones(n, int), size, seed)
    epochs = 3
    steps = -(-epochs * n // size)
    seen = np.concatenate([rows.batch(step).ids_bt[:, 0] for step in range(steps)])
    for epoch in range(epochs):
        assert sorted(seen[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_rows_come_in_another_order_each_epoch_and_seed() -> None:
    ids = np.stack([np.arange(100)] * 2, axis=1)
    orders = [
        Rows(ids, np.full(100, 2), np.ones(100, int), 100, seed).batch(epoch).ids_bt[:, 0].tolist()
        for seed in range(3)
        for epoch in range(3)
    ]
    assert len({tuple(order) for order in orders}) == 9


def make(n: int, seed: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Examples of five tokens, from the seed alone."""
    ids = np.random.default_rng(seed).integers(0, 9, (n, 5))
    return ids, np.full(n, 5), np.full(n, 3)


@pytest.mark.parametrize("kind", ["rows", "fresh", "windows"])
def test_a_batch_depends_on_its_step_only(kind: str) -> None:
    ids, length, prompt = make(50, (9, 9))

    def source() -> Rows | Fresh | Windows:
        if kind == "rows":
            return Rows(ids, length, prompt, 8, seed=4)
        return Fresh(make, 8, seed=4) if kind == "fresh" else Windows(ids.ravel(), 16, 8, seed=4)

    straight = source()
    wanted = [straight.batch(step) for step in range(30)]
    jumping = source()
    for step in [29, 0, 13, 14, 7, 29, 6]:
        batch = jumping.batch(step)
        assert (batch.ids_bt == wanted[step].ids_bt).all()
        assert (batch.targets_bt == wanted[step].targets_bt).all()
    assert any((wanted[0].ids_bt != other.ids_bt).any() for other in wanted[1:])


def test_windows_are_cut_from_the_stream_at_every_offset() -> None:
    stream = np.arange(40)
    windows = Windows(stream, context=30, size=64, seed=0)
    starts = set()
    for step in range(5):
        batch = windows.batch(step)
        assert batch.ids_bt.shape == (64, 30)
        assert (batch.targets_bt == batch.ids_bt + 1).all()  # the stream counts up: the next token is one more
        assert (np.diff(batch.ids_bt, axis=1) == 1).all()
        starts |= set(batch.ids_bt[:, 0].tolist())
    assert starts == set(range(10))  # 30 tokens and their next one fit at 10 places


def test_stack_pads_on_the_right_without_loss() -> None:
    short = Batch(np.array([[1, 2]], np.int32), np.array([[IGNORE, 3]]), 1)
    long = Batch(np.array([[4, 5, 6]], np.int32), np.array([[IGNORE, IGNORE, 7]]), 2)
    both = stack([short, long])
    assert both.ids_bt.tolist() == [[[1, 2, 0]], [[4, 5, 6]]]
    assert both.targets_bt.tolist() == [[[IGNORE, 3, IGNORE]], [[IGNORE, IGNORE, 7]]]
    assert both.first == 1
    assert both.tokens == 6
