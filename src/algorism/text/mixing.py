"""Texts as one long stream of characters, for training on random windows; alone, or between paragraphs of prose."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError
from algorism.tasks.numbers import U8
from algorism.text.planes import Texts


def stream(texts: Texts, seed: int | None = 0) -> U8:
    r"""All rows in random order, one after the other: uint8 code points (total,).

    A row that does not end with a newline gets one, so `$128+367=594$` becomes a line of the paper's files.

    Args:
        texts: the rows.
        seed: of the order; None keeps the order.

    >>> rows = Texts([np.frombuffer(b"123", dtype=np.uint8), ord("=")], 1, 3)
    >>> bytes(stream(rows, seed=None))
    b'1=\n2=\n3=\n'
    """
    chars_nw, length_n = texts.chars_nw, texts.length_n
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(texts))
        chars_nw, length_n = chars_nw[order], length_n[order]
    n, width = chars_nw.shape
    table_nw = np.zeros((n, width + 1), dtype=np.uint8)
    table_nw[:, :width] = chars_nw
    row = np.arange(n)
    unended = (length_n == 0) | (table_nw[row, np.maximum(length_n, 1) - 1] != ord("\n"))
    table_nw[row[unended], length_n[unended]] = ord("\n")
    return table_nw[table_nw != 0]


def mix(prose: str, rows: Sequence[Texts], seed: int = 0) -> U8:
    """Prose with examples at random places between its paragraphs: uint8 code points (total,).

    Paragraphs (separated by blank lines) keep their order; all examples of all `rows` are shuffled together, and each
    goes into a uniformly random gap, before the first paragraph and after the last included.

    Args:
        prose: the text.
        rows: examples, e.g. plain and detailed ones.
        seed: of order and places.

    Raises:
        DataError: if the prose holds characters above U+00FF.
    """
    wrong = next((c for c in prose if not 0 < ord(c) < 256), None)
    if wrong is not None:
        raise DataError(f"mix: expected characters U+0001 to U+00FF in the prose, got {wrong!r}.")
    rng = np.random.default_rng(seed)
    paragraphs = [p.strip("\n") + "\n\n" for p in prose.split("\n\n") if p.strip("\n")]
    examples = [line for texts in rows for line in texts.strings()]
    gap_n = rng.integers(0, len(paragraphs) + 1, len(examples))
    order: NDArray[np.intp] = np.lexsort((rng.random(len(examples)), gap_n))
    pieces: list[str] = []
    at = 0
    for gap, paragraph in enumerate([*paragraphs, ""]):
        inside = []
        while at < len(order) and gap_n[order[at]] == gap:
            inside.append(examples[order[at]].removesuffix("\n") + "\n")
            at += 1
        # A blank line after the examples keeps the next paragraph a paragraph.
        pieces += [*inside, "\n" if inside and paragraph else "", paragraph]
    return np.frombuffer("".join(pieces).encode("latin-1"), dtype=np.uint8)
