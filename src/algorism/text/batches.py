"""From a task to token ids in one go: what training and evaluation call for their data.

Works in blocks whose planes stay in the processor's cache; equal in every value to sample, write, encode_texts.
"""

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
    if fmt.random:
        # Noise is drawn for the whole batch: the blocks would draw it differently.
        return tokenizer.encode_texts(fmt.write(task.sample(n, seed, exclude), seed))
    parts = [tokenizer.encode_texts(fmt.write(block, seed)) for block in task.blocks(n, seed, exclude)]
    if len(parts) == 1:
        return parts[0]
    width = max(part.ids_nt.shape[1] for part in parts)
    ids_nt = np.empty((n, width), dtype=parts[0].ids_nt.dtype)
    row = 0
    for part in parts:
        rows = ids_nt[row : row + len(part)]
        rows[:, : part.ids_nt.shape[1]] = part.ids_nt
        rows[:, part.ids_nt.shape[1] :] = tokenizer.pad_id
        row += len(part)
    lengths = np.concatenate([part.length_n for part in parts])
    return Encoded(ids_nt, lengths, np.concatenate([part.prompt_n for part in parts]))
