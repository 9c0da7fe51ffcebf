"""From a task to token ids in one go: what training and evaluation call for their data.

Works in blocks whose planes stay in the processor's cache; equal in every value to sample, write, encode_texts.
"""

from functools import cache

import numpy as np

from algorism.tasks.task import Keys, Seed, Task
from algorism.text.formats import Format
from algorism.text.tokenizers import Encoded, Tokenizer


def encoded_batch(
    task: Task, fmt: Format, tokenizer: Tokenizer, n: int, seed: Seed = 0, exclude: Keys | None = None
) -> Encoded:
    """Draw n problems, write and encode them: the ids, and the lengths of rows and of prompts.

    Args:
        task: what is asked.
        fmt: how it is written.
        tokenizer: how that becomes ids.
        n: rows.
        seed: an integer or a tuple such as (seed, step); the same seed gives the same batch.
        exclude: keys of problems that must not occur (a test set's `keys()`).

    Returns:
        ids_nt (n, t) with t the longest row of the batch, length_n, prompt_n.

    >>> from algorism.tasks import task
    >>> from algorism.text import CharTokenizer, format_by_name
    >>> batch = encoded_batch(task("addition"), format_by_name("pad"), CharTokenizer(), 4, seed=(0, 1))
    >>> batch.ids_nt.shape, batch.prompt_n.tolist()
    ((4, 13), [8, 8, 8, 8])
    """
    _keep_freed_memory()
    if fmt.random:
        # Noise is drawn for the whole batch: the blocks would draw it differently.
        return tokenizer.encode_texts(fmt.write(task.sample(n, seed, exclude), seed))
    ids_nt, length_n, prompt_n = np.empty((n, 0), dtype=tokenizer.dtype), np.empty(n, np.int32), np.empty(n, np.int32)
    row = 0
    for block in task.blocks(n, seed, exclude):
        rows = slice(row, row + len(block))
        part = tokenizer.encode_texts(fmt.write(block, seed), ids_nt[rows])
        if len(part) == n:
            return part
        width = part.ids_nt.shape[1]
        if width > ids_nt.shape[1]:
            # The first block sets the width; a later one seldom has a longer row.
            wider_nt = np.empty((n, width), dtype=tokenizer.dtype)
            wider_nt[:row, : ids_nt.shape[1]] = ids_nt[:row]
            wider_nt[:row, ids_nt.shape[1] :] = tokenizer.pad_id
            ids_nt = wider_nt
        if part.ids_nt.base is not ids_nt:
            ids_nt[rows, :width] = part.ids_nt
        ids_nt[rows, width:] = tokenizer.pad_id
        length_n[rows], prompt_n[rows] = part.length_n, part.prompt_n
        row += len(block)
    return Encoded(ids_nt, length_n, prompt_n)


@cache
def _keep_freed_memory() -> None:
    """Let the C library keep small freed blocks instead of giving them back to the system.

    glibc returns the top of the heap after every block of rows and gets it again, page by page, for the next; that
    costs as much as the work itself. Freeing one large array once raises its threshold. Nothing is touched or kept.
    """
    np.empty(16 << 20, dtype=np.uint8)
