"""Calibration sets of `algorism quantize`: a file, or a run's own training problems, as batches of a network.

Shape letters: n rows, t positions.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..training import Run

PROBLEMS = 256  # of a run's own, where no file is given
ROWS = 128  # most texts of a file for a Hugging Face folder
LONGEST = 512  # tokens of each
AT_ONCE = 4  # of them in a batch
SEED = (7, 10**6)  # of fresh problems; no step of a training has such a number


def run_batches(run: "Run", file: Path | None) -> list[dict[str, Any]]:
    """Batches for one of our networks: lines of a text file, or problems that it was trained on, grouped by length.

    Raises:
        DataError: an empty file, a character outside the alphabet, or a line longer than the context.
        UsageError: a file for a network that is told more than text.
    """
    import numpy as np
    import torch

    from ..errors import DataError, UsageError

    m = run.material
    if file is None:
        problems: Any = m.train
        if problems is None:
            problems = m.task.sample(PROBLEMS, SEED, m.test.keys())
        ids_nt, length_n, _, *index = m.numbered(problems[:PROBLEMS])
    else:
        if m.indexing is not None:
            raise UsageError("--calibration: this run numbers tokens by place value, which lines of text do not say.")
        rows = [m.tokenizer.encode(line) for line in lines_of(file)]
        length_n = np.array([len(row) for row in rows])
        if int(length_n.max()) > m.config.context:
            raise DataError(
                f"{file}: a line of {int(length_n.max())} tokens; the network reads {m.config.context}. Shorten it."
            )
        ids_nt = np.zeros((len(rows), int(length_n.max())), np.int64)
        for at, row in enumerate(rows):
            ids_nt[at, : len(row)] = row
        index = []
    batches = []
    for length in np.unique(length_n):
        chosen = np.flatnonzero(length_n == length)
        batch = {"ids_bt": torch.from_numpy(ids_nt[chosen, :length].astype(np.int64))}
        if index:
            batch["positions"] = torch.from_numpy(index[0][chosen, :length].astype(np.int64))
        batches.append(batch)
    return batches


def folder_batches(folder: Path, file: Path) -> list[dict[str, Any]]:
    """Batches for a Hugging Face model: a text file in its tokenizer's tokens, or `input_ids` of a safetensors file.

    Raises:
        DataError: an empty file, ids outside the vocabulary, or rows longer than the context.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer

    from ..errors import DataError

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    context, vocabulary = int(config.max_position_embeddings), int(config.vocab_size)
    if file.suffix == ".safetensors":
        ids_nt = ids_of(file)
        if ids_nt.shape[1] > context:
            raise DataError(f"{file}: rows of {ids_nt.shape[1]} tokens; the model reads {context}. Cut them shorter.")
    else:
        text = "\n".join(lines_of(file))
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{folder}: no tokenizer for {file} ({reason}). Give input_ids as safetensors.") from None
        ids_n = torch.tensor(tokenizer(text)["input_ids"])
        width = min(context, LONGEST, len(ids_n))
        if not width:
            raise DataError(f"{file}: no tokens; the calibration set is empty.")
        ids_nt = ids_n[: len(ids_n) // width * width].reshape(-1, width)[:ROWS]
    if int(ids_nt.min()) < 0 or int(ids_nt.max()) >= vocabulary:
        raise DataError(
            f"{file}: token ids from {int(ids_nt.min())} to {int(ids_nt.max())}; the model knows 0 to {vocabulary - 1}."
        )
    return [{"input_ids": part, "use_cache": False} for part in ids_nt.split(AT_ONCE)]


def ids_of(file: Path) -> Any:
    """The matrix `input_ids` (n, t) of a safetensors file."""
    from ..errors import DataError
    from ..lowbit.checkpoint import TensorFiles

    files = TensorFiles(file)
    if "input_ids" not in files.where:
        raise DataError(f"{file}: expected a tensor 'input_ids'; got {', '.join(files.where) or 'none'}.")
    ids_nt = files.get("input_ids")
    if ids_nt.dim() != 2 or ids_nt.is_floating_point() or not ids_nt.numel():
        raise DataError(f"{file}: input_ids must be whole numbers (rows, tokens); got {tuple(ids_nt.shape)}.")
    return ids_nt.long()


def lines_of(file: Path) -> list[str]:
    """Lines of a text file that are not empty.

    Raises:
        DataError: none, or no text.
    """
    from ..errors import DataError

    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not a text file ({error.reason}).") from None
    if not lines:
        raise DataError(f"{file}: the calibration set is empty; expected one text per line.")
    return lines
