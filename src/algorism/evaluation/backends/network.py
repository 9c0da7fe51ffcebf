"""A network of ours, asked bare problems of its own task: "123+456=" is rewritten as it learned to read it.

The operands are read from the prompt, written in the network's own format, continued, and the answer is read back, so
that a reply is the plain number. What it cannot be asked is a failure with its reason, never a wrong answer.

Shape letters: n question, t token.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from algorism.errors import DataError, ShapeError, UsageError
from algorism.evaluation.backends.bare import bare_problem
from algorism.evaluation.backends.protocol import Failure, Prompt, Reply, Request, Sampling
from algorism.evaluation.decoding import generate
from algorism.models.transformer import Transformer
from algorism.tasks import Problems, SequenceTask, Task
from algorism.tasks.operators import operator
from algorism.text import Format, Indexing, ListFormat, Texts

UNREADABLE = "(no number)"  # the reply for a completion from which the format reads no answer
Numbers = tuple[int, ...]  # operands in units of the task's last decimal


class Network:
    """A transformer of ours with what it was trained with.

    Args:
        model: the network.
        form: how it reads and writes problems.
        tokenizer: ours.
        task: its operator and decimals.
        indexing: how it is told where tokens stand; None by their places.
        name: as a person would type it.
        batch: most prompts at once, by each thread.
        device: "cpu", "cuda", …; default: a GPU if there is one.

    Raises:
        UsageError: a network for lists, whose problems have no bare form.

    >>> from algorism.models import TransformerConfig
    >>> from algorism.text import CharTokenizer, format_by_name
    >>> model = Transformer(TransformerConfig(vocab=26, context=14, layers=1, heads=1, width=8))
    >>> ours = Network(model, format_by_name("reverse"), CharTokenizer(), Task("+", digits=3), name="ours")
    >>> next(ours.generate([Request("a", "12-3=")], Sampling())).reason
    "a problem with '-'; this network knows '+' only"
    """

    def __init__(
        self,
        model: Transformer,
        form: Format | ListFormat,
        tokenizer: Any,
        task: Task | SequenceTask,
        indexing: Indexing | None = None,
        *,
        name: str,
        batch: int = 512,
        device: str | None = None,
    ) -> None:
        if not isinstance(task, Task) or not isinstance(form, Format):
            raise UsageError(
                f"{name}: its task is on lists, and questions about lists are not asked this way. Use `algorism eval`."
            )
        self.model = model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
        self.form, self.tokenizer, self.task, self.indexing = form, tokenizer, task, indexing
        self.name, self.batch = name, batch
        self.longest: int | None = model.position.longest
        self._room = lru_cache(maxsize=1000)(self._text_length)

    def fingerprint(self) -> Mapping[str, Any]:
        """A hash of the weights, and what the text goes through. Not the folder: it may move."""
        digest = hashlib.blake2b(digest_size=16)
        for key, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        index = None if self.indexing is None else f"{self.indexing.kind}{self.indexing.reach or ''}"
        words = {"format": self.form.name, "tokenizer": self.tokenizer.settings(), "index": index}
        asked = {"operator": self.task.operator, "decimals": self.task.decimals}
        return {"kind": "run", "weights": digest.hexdigest()} | words | asked

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Reply | Failure]:
        """Answer batch by batch, short operands first. How long an answer may be follows from the format alone.

        Raises:
            UsageError: `top_p` below 1, which these networks are not drawn with.
        """
        if sampling.top_p < 1:
            raise UsageError(f"{self.name}: top_p is not supported here; expected 1, got {sampling.top_p}.")
        fitting: dict[int, list[tuple[Request, Numbers]]] = {}
        for request in requests:
            try:
                numbers = self._read(request.prompt)
                digits = max(len(str(abs(n) // 10**self.task.decimals)) for n in numbers)
                self._room(digits)
            except (DataError, ShapeError) as error:
                yield Failure(request.key, request.sample, str(error))
            else:
                fitting.setdefault(digits, []).append((request, numbers))
        # Draws, of tokens or of a format's spaces and phrases, depend on a seed and a place in the batch. So that no
        # answer depends on what else is asked, such requests are asked one by one.
        size = 2 * self.batch if sampling.greedy and not self.form.random else 1
        for digits, rows in sorted(fitting.items()):
            for start in range(0, len(rows), size):
                yield from self._answered(rows[start : start + size], self._room(digits), sampling)

    def _read(self, prompt: Prompt) -> Numbers:
        """The operands of a prompt.

        Raises:
            DataError: this network cannot be asked it.
        """
        symbol, places = self.task.operator, self.task.decimals
        example = f"12{symbol}34" if operator(symbol).arity == 2 else f"{symbol}(1)"
        found = bare_problem(prompt) if isinstance(prompt, str) else None
        if found is None:
            raise DataError(f"no bare problem, such as {example}=, which is all that this network reads")
        if found.operator != symbol:
            raise DataError(f"a problem with {found.operator!r}; this network knows {symbol!r} only")
        numbers = [operand * 10**places for operand in found.operands]
        if any(number.denominator != 1 for number in numbers):
            known = f"more decimals than the {places}" if places else "decimals; whole numbers are all"
            raise DataError(f"a number with {known} that this network knows")
        if not operator(symbol).signed and min(numbers) < 0:
            raise DataError("a number below zero, which this network does not read")
        return tuple(map(int, numbers))

    def _text_length(self, digits: int) -> int:
        """Characters of the longest text with operands of so many digits.

        Raises:
            DataError: the format cannot write them.
            ShapeError: the network has not so many positions, so that it could not write every answer.
        """
        needed = self.form.max_length(digits, self.task.operator, self.task.decimals or None)
        # Where digits are numbered by their significance, the numbers are checked when they are there.
        placed = self.indexing is None or not self.indexing.needs_facts
        if placed and self.longest is not None and needed > self.longest:
            raise ShapeError(f"{digits} digits need {needed} positions; this network has {self.longest}")
        return needed

    def _indices(self, texts: Texts, width: int) -> list[np.ndarray] | None:
        """How tokens are numbered; behind the right answer's end, where a long one may go on, below the table's end.

        Raises:
            ShapeError: the question and its right answer need numbers that this network does not have.
        """
        if self.indexing is None:
            return None
        index_nt = self.indexing.of(texts, width)
        if self.longest is None:
            return list(index_nt)
        written_nt = np.arange(width) < texts.length_n[:, None]
        needed = int(index_nt[written_nt].max()) + 1
        if needed > self.longest:
            raise ShapeError(f"these digits are numbered up to {needed}; this network knows {self.longest} numbers")
        return list(np.minimum(index_nt, self.longest - 1))

    def _answered(
        self, rows: Sequence[tuple[Request, Numbers]], length: int, sampling: Sampling
    ) -> Iterator[Reply | Failure]:
        began = time.perf_counter()
        columns = zip(*(numbers for _, numbers in rows), strict=True)
        try:
            problems = Problems.of(self.task.operator, *columns, decimals=self.task.decimals)
            texts = self.form.write(problems, tuple(map(abs, rows[0][1])) if self.form.random else 0)
            encoded = self.tokenizer.encode_texts(texts)
            prompts = [encoded.ids_nt[at, :end].astype("int64") for at, end in enumerate(encoded.prompt_n)]
            longest = int(encoded.prompt_n.max())
            room = length - int(encoded.prompt_n.min())
            if self.longest is not None and self.indexing is None:
                room = min(room, self.longest - longest)
            if room < 1:
                raise ShapeError(f"a prompt of {longest} tokens; this network has {self.longest} positions")
            found = generate(
                self.model,
                prompts,
                max_new=room,
                stop=[int(self.tokenizer.encode(self.form.stop)[0])],
                temperature=sampling.temperature,
                seed=rows[0][0].seed,
                batch=self.batch,
                indices=self._indices(texts, longest + room),
            )
        except (DataError, ShapeError) as error:
            yield from (Failure(request.key, request.sample, str(error)) for request, _ in rows)
            return
        seconds = time.perf_counter() - began
        for (request, _), ids, completion in zip(rows, found, self.tokenizer.decode_batch(found), strict=True):
            text, _ = sampling.cut(self.form.read_answer(completion) or UNREADABLE)
            finish = "stop" if len(ids) < room else "length"
            yield Reply(request.key, request.sample, text, finish, len(ids), seconds)  # type: ignore[arg-type]
