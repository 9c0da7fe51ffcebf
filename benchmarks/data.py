"""Training data: problems drawn, answered exactly, written and tokenized, per second of one core.

Ours is `encoded_batch`, the call the training loop makes: seeding, digits, exact answers, text, token ids, lengths of
rows and prompts. The peers make less: reasoning-gym text and metadata, the plain Python script ids one by one.
"""

import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from _harness import Comparison, compare, main, pin
from algorism.tasks import Task
from algorism.text import CharTokenizer, encoded_batch, format_by_name

TOKENIZER = CharTokenizer("arithmetic")
ROWS = 65_536


def ours(task: Task, name: str, batches: int) -> Callable[[], float]:
    """Encode `batches` fresh batches of 65,536 rows."""
    fmt, step = format_by_name(name), count()

    def work() -> float:
        tokens = 0
        for _ in range(batches):
            batch = encoded_batch(task, fmt, TOKENIZER, ROWS, seed=(7, next(step)))
            tokens += int(batch.length_n[-1])
        assert tokens > 0
        return float(batches * ROWS)

    return work


def chain_sum(digits: int, items: int) -> Callable[[], float]:
    """reasoning-gym's sums of two numbers (it draws + and -): every item is a question, an answer and metadata."""
    import reasoning_gym

    seed = count()

    def work() -> float:
        data = reasoning_gym.create_dataset(
            "chain_sum", size=items, seed=next(seed), min_terms=2, max_terms=2, min_digits=digits, max_digits=digits
        )
        return float(sum(1 for _ in data))

    return work


def script(digits: int, items: int) -> Callable[[], float]:
    """What most training scripts do: two random integers, an f-string, a dictionary look-up per character."""
    ids, low, high = TOKENIZER.vocab, 10 ** (digits - 1), 10**digits - 1
    draw = random.Random(0)

    def work() -> float:
        table = np.zeros((items, 3 * digits + 4), dtype=np.uint8)
        for row in table:
            a, b = draw.randint(low, high), draw.randint(low, high)
            text = f"{a}+{b}={a + b}\n"
            row[: len(text)] = [ids[c] for c in text]
        return float(items)

    return work


def comparisons() -> Iterator[Comparison]:
    """The promised rows first, then what is slower."""
    pin(1)
    common: dict[str, Any] = {"unit": "examples/s", "clock": "cpu", "runs": 7, "packages": ("numpy", "reasoning-gym")}
    three, twenty, mixed = Task("+", digits=(3, 3)), Task("+", digits=(20, 20)), Task("+", digits=3)
    gym: dict[str, Any] = {"peer_name": "reasoning-gym chain_sum (text only)"}
    yield compare(
        "3 digits, zero-padded",
        ours(three, "pad", 16),
        chain_sum(3, 5000),
        target=300,
        **gym,
        **common,
    )
    yield compare("3 digits, plain", ours(three, "plain", 16), chain_sum(3, 5000), target=300, **gym, **common)
    yield compare("20 digits, plain", ours(twenty, "plain", 3), chain_sum(20, 5000), **gym, **common)
    by_hand: dict[str, Any] = {"peer_name": "Python script with a dictionary"}
    yield compare(
        "3 digits, plain, against a script", ours(three, "plain", 16), script(3, 20_000), target=50, **by_hand, **common
    )
    yield compare(
        "20 digits, plain, against a script",
        ours(twenty, "plain", 3),
        script(20, 10_000),
        target=30,
        **by_hand,
        **common,
    )
    yield compare("1-3 digits, plain", ours(mixed, "plain", 8), chain_sum(3, 5000), **gym, **common)
    yield compare(
        "1-20 digits, plain",
        ours(Task("+", digits=20, sampler="digits"), "plain", 2),
        chain_sum(20, 5000),
        **gym,
        **common,
    )
    scratch = CharTokenizer(format_by_name("detailed").alphabet)
    fmt = format_by_name("detailed")

    def detailed() -> float:
        return float(len(encoded_batch(three, fmt, scratch, 8192, seed=(7, 1))))

    yield compare("3 digits, detailed scratchpad", detailed, chain_sum(3, 5000), **gym, **common)


if __name__ == "__main__":
    main(__doc__, comparisons)
