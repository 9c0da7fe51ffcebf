"""How the lists are drawn. Every function takes the generator, the wanted lengths (n,) and the number of symbols, and
gives the question and what it asks about.

Shape letters: n row, t place, s symbol.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from algorism.tasks.sequences.lists import EMPTY, Lists

Drawn = tuple[Lists, Lists]
Lengths = NDArray[np.int32]


def cut(symbols_nt: NDArray[np.integer], length_n: Lengths) -> Lists:
    """The first `length_n` symbols of each row."""
    behind_nt = np.arange(symbols_nt.shape[1]) >= length_n[:, None]
    return Lists(np.where(behind_nt, EMPTY, symbols_nt).astype(np.int16))


def alone(question: Lists) -> Drawn:
    """A question about nothing in particular."""
    return question, Lists.nothing(len(question))


def any_symbols(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Symbols uniform, with repetitions."""
    return alone(cut(rng.integers(0, values, (len(length_n), int(length_n.max(initial=0)))), length_n))


def distinct_symbols(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """No symbol twice in a list."""
    order_ns = rng.random((len(length_n), values)).argsort(axis=1)
    return alone(cut(order_ns[:, : int(length_n.max(initial=0))], length_n))


def few_symbols(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Many repetitions: each list uses only a few symbols, 1 to half its length."""
    n, width = len(length_n), int(length_n.max(initial=0))
    kinds_n = rng.integers(1, np.maximum(length_n // 2, 1) + 1)
    chosen_ns = rng.random((n, values)).argsort(axis=1)
    picked_nt = (rng.random((n, width)) * np.minimum(kinds_n, values)[:, None]).astype(np.int64)
    return alone(cut(np.take_along_axis(chosen_ns, picked_nt, axis=1), length_n))


def pairs_symbols(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Every symbol twice (the last one once where the length is odd), in random order."""
    n, width = len(length_n), int(length_n.max(initial=0))
    chosen_ns = rng.random((n, values)).argsort(axis=1)
    doubled_nt = chosen_ns[:, np.arange(width) // 2 % values]
    order_nt = np.where(np.arange(width) < length_n[:, None], rng.random((n, width)), 2.0).argsort(axis=1)
    return alone(cut(np.take_along_axis(doubled_nt, order_nt, axis=1), length_n))


def one_winner(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Symbols uniform, with one symbol more frequent than every other."""
    symbols_nt = any_symbols(rng, length_n, values)[0].symbols_nt
    tied_n = _tied(symbols_nt, values)
    while tied_n.any():
        rows = np.flatnonzero(tied_n)
        fresh_nt = any_symbols(rng, length_n[rows], values)[0].symbols_nt
        symbols_nt[rows, : fresh_nt.shape[1]] = fresh_nt
        tied_n[rows] = _tied(fresh_nt, values)
    return alone(Lists(symbols_nt))


def close_race(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Two symbols only, one of them more frequent by one or two."""
    n, width = len(length_n), int(length_n.max(initial=0))
    pair_ns = rng.random((n, values)).argsort(axis=1)[:, :2]
    losers_n = (length_n - 1) // 2
    ranked_nt = np.where(np.arange(width) < length_n[:, None], rng.random((n, width)), 2.0).argsort(axis=1)
    loses_nt = ranked_nt.argsort(axis=1) < losers_n[:, None]
    return alone(cut(np.where(loses_nt, pair_ns[:, 1:], pair_ns[:, :1]), length_n))


def often_all_ones(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Bits: all ones in every second list; else zeros, from one of them to all, at random places."""
    n, width = len(length_n), int(length_n.max(initial=0))
    rank_nt = np.where(np.arange(width) < length_n[:, None], rng.random((n, width)), 2.0).argsort(1).argsort(1)
    zeros_n = np.where(rng.random(n) < 0.5, 0, rng.integers(1, np.maximum(length_n, 1) + 1))
    return alone(cut((rank_nt >= zeros_n[:, None]).astype(np.int64), length_n))


def one_zero(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Bits: all ones but for one zero at a random place."""
    width = int(length_n.max(initial=0))
    return alone(cut((np.arange(width) != rng.integers(0, length_n)[:, None]).astype(np.int64), length_n))


_LATE = 5  # bits at the end that "late ones" never varies


def late_ones(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """As `often_all_ones`, but the last five bits are always ones (Zhou et al. 2023, the AND example)."""
    early, _ = often_all_ones(rng, np.maximum(length_n - _LATE, 0), values)
    width = int(length_n.max(initial=0))
    symbols_nt = np.ones((len(length_n), width), dtype=np.int64)
    filled_nt = early.filled_nt
    symbols_nt[:, : filled_nt.shape[1]][filled_nt] = early.symbols_nt[filled_nt]
    return alone(cut(symbols_nt, length_n))


def late_zeros(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """What `late_ones` never shows: all ones in every second list; else one to all of the last five bits are zeros."""
    width = int(length_n.max(initial=0))
    behind_nt = length_n[:, None] - 1 - np.arange(width)  # places from the end
    late_nt = (behind_nt >= 0) & (behind_nt < _LATE)
    rank_nt = np.where(late_nt, rng.random((len(length_n), width)), 2.0).argsort(1).argsort(1)
    zeros_n = rng.integers(1, np.minimum(length_n, _LATE) + 1) * rng.integers(0, 2, len(length_n))
    return alone(cut((rank_nt >= zeros_n[:, None]).astype(np.int64), length_n))


def trailing_nines(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Digits, most significant first, whose run of nines at the end has a uniform length from none to all."""
    n, width = len(length_n), int(length_n.max(initial=0))
    digits_nt = rng.integers(0, values, (n, width))
    run_n = rng.integers(0, length_n + 1)
    place_t, start_n = np.arange(width), length_n - run_n
    digits_nt[place_t >= start_n[:, None]] = values - 1
    before_nt = place_t == start_n[:, None] - 1
    digits_nt[before_nt] = rng.integers(0, values - 1, int(before_nt.sum()))
    return alone(cut(digits_nt, length_n))


def all_nines(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Digits that are all nines but for the first, which is random: the carry runs through the whole number."""
    width = int(length_n.max(initial=0))
    digits_nt = np.full((len(length_n), width), values - 1)
    digits_nt[:, 0] = rng.integers(0, values, len(length_n))
    return alone(cut(digits_nt, length_n))


def ranges(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """First and last number of a run of `length_n` numbers."""
    first_n = rng.integers(0, values - length_n + 1)
    return alone(Lists(np.stack([first_n, first_n + length_n - 1], axis=1).astype(np.int16)))


def key_value_pairs(rng: Generator, length_n: Lengths, values: int) -> Drawn:
    """Pairs of a key (lower half of the symbols, none twice) and a value (upper half); one key is asked about."""
    keys, width = values // 2, int(length_n.max(initial=0))
    key_nt = rng.random((len(length_n), keys)).argsort(axis=1)[:, :width]
    value_nt = rng.integers(keys, values, key_nt.shape)
    both_nt = np.stack([key_nt, value_nt], axis=2).reshape(len(length_n), -1)
    asked_n = key_nt[np.arange(len(length_n)), rng.integers(0, length_n)]
    return cut(both_nt, 2 * length_n), Lists.single(asked_n)


def _tied(symbols_nt: NDArray[np.int16], values: int) -> NDArray[np.bool_]:
    """Rows in which two symbols share the highest count."""
    counts_ns = counts(symbols_nt, values)
    top_ns = counts_ns == counts_ns.max(axis=1, keepdims=True)
    return top_ns.sum(axis=1) > 1


def counts(symbols_nt: NDArray[np.int16], values: int) -> NDArray[np.int64]:
    """How often each symbol stands in each row: (n, s)."""
    n = len(symbols_nt)
    flat = (symbols_nt.astype(np.int64) + 1 + (np.arange(n) * (values + 1))[:, None]).ravel()
    return np.bincount(flat, minlength=n * (values + 1)).reshape(n, values + 1)[:, 1:]
