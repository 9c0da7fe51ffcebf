"""How problems on lists are written: `< 7 3 9 > 3 7 9 .`, with index hints or a scratchpad where wanted.

A row is: start, question, marker, what is asked about, work, answer, end. Every word is one token. Parts join with "+":

- `plain`: nothing more.
- `hints`: before every symbol of the question its index hint, a word of one ordered alphabet, from a random start; in
  copies also before every symbol of the answer (arXiv 2310.16028). `hints300` has 300 such words.
- `scratchpad`: for parity the paper's: a sign, then for each 1 its hint and the flipped sign; for mode every symbol
  with its count before the answer (the paper's own form is not known).
- `prefix`: for parity, the parity so far after every bit.

Shape letters: n row, k column, t place in a list.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError, ShapeError, UsageError, nearest
from algorism.tasks.sequences import HINTS, RULES, Lists, Sequences
from algorism.tasks.sequences.draws import counts
from algorism.text.planes import Part
from algorism.text.words import GAP, Block, WordTexts, WordTokenizer

START, ASK, STOP = "<", ">", "."
EVEN, ODD = "+", "-"
PARTS = {
    "plain": "the question and the answer",
    "hints": "an index hint before every symbol",
    "scratchpad": "working before the answer (parity, mode)",
    "prefix": "the parity after every bit (parity)",
}
HINT_WORDS = 100  # unless the name says otherwise
HINTED_ANSWERS = ("copy", "copy-distinct")
# Rules whose answer's k-th symbol belongs to the question's k-th, counted from the left or from the right.
ALIGNED = {"copy": 1, "copy-distinct": 1, "reverse": -1, "reverse-distinct": -1, "parity": 1}


@dataclass(frozen=True)
class ListFormat:
    """A way of writing problems of one rule; made by `list_format`.

    Args:
        name: parts joined by "+".
        rule: name of the rule.
        symbols: number of different symbols.

    >>> from algorism.tasks.sequences import SequenceTask
    >>> form = list_format("plain", "sort", 10)
    >>> form.write(SequenceTask("sort", length=(3, 3), values=10).sample(1, seed=1)).strings()
    ['< 4 9 5 > 4 5 9 .']
    """

    name: str
    rule: str
    symbols: int

    @cached_property
    def parts(self) -> dict[str, int]:
        """The parts of the name with their arguments, 0 for none."""
        found = [re.fullmatch(r"([a-z]+)(\d*)", word) for word in self.name.split("+")]
        return {m[1]: int(m[2] or 0) for m in found if m}

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every word that can be written."""
        questions = [f"{hint.name}?" for hint in HINTS.values() if self.rule in hint.rules]
        signs = [EVEN, ODD] if "scratchpad" in self.parts and self.rule == "parity" else []
        numbers = [f"n{k}" for k in range(self._reach("scratchpad"))] if self._counts else []
        hints = [f"h{k}" for k in range(self._reach("hints"))] if "hints" in self.parts else []
        return (START, ASK, STOP, *questions, *signs, *hints, *numbers, *map(str, range(self.symbols)))

    @property
    def stop(self) -> str:
        """The word that ends an answer."""
        return STOP

    @property
    def random(self) -> bool:
        """Whether writing draws random numbers (where hints start)."""
        return "hints" in self.parts

    @property
    def aligned(self) -> bool:
        """Whether every symbol of the answer belongs to a place of the question, and places can be told the model."""
        beside = {"hints", "scratchpad"} & self.parts.keys()
        return self.rule in ALIGNED and not beside and (self.rule != "parity" or "prefix" in self.parts)

    def tokenizer(self) -> WordTokenizer:
        """The tokenizer of this vocabulary."""
        return WordTokenizer(self.vocabulary)

    def write(self, problems: Sequences, seed: int | tuple[int, ...] = 0) -> WordTexts:
        """The texts of all problems; `seed` matters only where `random` is true.

        Raises:
            DataError: problems of another rule, or with other symbols.
            ShapeError: a list longer than the index hints reach.
        """
        self._check(problems)
        n = len(problems)
        question_nt = problems.question.symbols_nt
        hint_nt = self._hints(problems.question, seed)
        marker_n = np.where(problems.asked_n == 0, self._at(ASK), self._at(STOP) + problems.asked_n)
        place_nt = self._places(problems.question)
        blocks = [
            Block(self._fixed(START, n), Part.OPENING, prompt=True),
            self._hinted(question_nt, hint_nt, Part.FIRST, place_nt, prompt=True),
            Block(marker_n[:, None].astype(np.int16), Part.SYMBOL, prompt=True),
            Block(self._words(problems.argument.symbols_nt), Part.SECOND, prompt=True),
            *self._work(problems, hint_nt),
            self._answer(problems, hint_nt),
            Block(self._fixed(STOP, n), Part.CLOSING),
        ]
        return WordTexts.of(self.vocabulary, blocks)

    def read_answer(self, completion: str) -> str | None:
        """A model's completion as answer text ("1 3 3"); None if something else is written.

        Everything from the first stop word on, and the working, is ignored.

        >>> list_format("plain", "sort", 10).read_answer("1 3 3 . 7")
        '1 3 3'
        """
        words = completion.split()
        words = words[: words.index(STOP)] if STOP in words else words
        if self.rule == "parity" and "scratchpad" in self.parts:
            return {EVEN: "0", ODD: "1"}.get(words[-1]) if words else None
        if self.rule == "parity" and "prefix" in self.parts:
            words = words[-1:]
        if self._counts:
            if ASK not in words:
                return None
            words = words[words.index(ASK) + 1 :]
        if self.rule in HINTED_ANSWERS and "hints" in self.parts:
            words = words[1::2]
        symbols = set(map(str, range(self.symbols)))
        return " ".join(words) if set(words) <= symbols else None

    def reference(self, problems: Sequences) -> Lists:
        """The right answers."""
        return problems.answer

    def max_length(self, length: int) -> int:
        """Words of the longest text with lists of this length: what a context must hold."""
        top, cycle = [self.symbols - 1] * length, [k % self.symbols for k in range(length)]
        rule = RULES[self.rule]
        rng = np.random.default_rng(0)
        drawn, argument = rule.draw(rng, np.array([length] * 2, dtype=np.int32), self.symbols)
        free = rule.most is None
        question = Lists.of([top, cycle]) if free else drawn
        argument = Lists.nothing(2) if free else argument
        answer = rule.columns(question, argument, self.symbols)
        size_n = np.full(2, length, dtype=np.int32)
        kind_n = np.zeros(2, dtype=np.int8)
        problems = Sequences(self.rule, question, argument, answer, (self.rule,), kind_n, size_n)
        return int(self.write(problems).length_n.max())

    @property
    def _counts(self) -> bool:
        return self.rule == "mode" and "scratchpad" in self.parts

    def _reach(self, part: str) -> int:
        return self.parts.get(part, 0) or HINT_WORDS

    def _at(self, word: str) -> int:
        return self.vocabulary.index(word)

    def _fixed(self, word: str, n: int) -> NDArray[np.int16]:
        return np.full((n, 1), self._at(word), dtype=np.int16)

    def _words(self, symbols_nt: NDArray[np.int16]) -> NDArray[np.int16]:
        """Words of symbols; gaps stay gaps."""
        return np.where(symbols_nt >= 0, symbols_nt + self._at("0"), GAP).astype(np.int16)

    def _hints(self, question: Lists, seed: int | tuple[int, ...]) -> NDArray[np.int16] | None:
        """The index hint of every place of the question, as words."""
        if "hints" not in self.parts:
            return None
        reach, width = self._reach("hints"), question.symbols_nt.shape[1]
        longest = int(question.length_n.max(initial=0))
        if longest > reach:
            raise ShapeError(
                f"format {self.name!r}: {reach} index hints do not reach over {longest}. Use 'hints{longest}'."
            )
        key = (seed,) if isinstance(seed, int) else tuple(seed)
        start_n = np.random.default_rng([*key, 6]).integers(0, reach - question.length_n + 1)
        return (self._at("h0") + start_n[:, None] + np.arange(width)).astype(np.int16)

    def _hinted(
        self,
        symbols_nt: NDArray[np.int16],
        hint_nt: NDArray[np.int16] | None,
        part: Part,
        place_nt: NDArray[np.int16] | None,
        prompt: bool = False,
    ) -> Block:
        """Symbols as words, each behind its hint if there are any."""
        words_nt = self._words(symbols_nt)
        if hint_nt is None:
            return Block(words_nt, part, place_nt, prompt)
        both = np.stack([np.where(words_nt == GAP, GAP, hint_nt[:, : words_nt.shape[1]]), words_nt], axis=2)
        return Block(both.reshape(len(words_nt), -1).astype(np.int16), part, None, prompt)

    def _places(self, question: Lists) -> NDArray[np.int16] | None:
        """Place of every symbol of the question, so that answer and question agree; None if they do not belong."""
        direction = ALIGNED.get(self.rule)
        if direction is None:
            return None
        place_t = np.arange(question.symbols_nt.shape[1])
        place_nt = place_t if direction > 0 else question.length_n[:, None] - 1 - place_t
        return np.broadcast_to(place_nt, question.symbols_nt.shape).astype(np.int16)

    def _work(self, problems: Sequences, hint_nt: NDArray[np.int16] | None) -> list[Block]:
        """The scratchpad of the rows that ask the rule itself."""
        main_n1 = problems.asked_n[:, None] == 0
        bits_nt = problems.question.symbols_nt
        if self.rule == "parity" and "scratchpad" in self.parts:
            assert hint_nt is not None
            one_nt = bits_nt == 1
            odd_nt = one_nt.cumsum(axis=1) % 2
            sign_nt = np.where(odd_nt == 1, self._at(ODD), self._at(EVEN))
            steps = np.stack([np.where(one_nt, hint_nt, GAP), np.where(one_nt, sign_nt, GAP)], axis=2)
            work_nk = np.concatenate([self._fixed(EVEN, len(problems)), steps.reshape(len(problems), -1)], axis=1)
            return [Block(np.where(main_n1, work_nk, GAP).astype(np.int16), Part.WORK)]
        if self.rule == "parity" and "prefix" in self.parts:
            before_nt = (bits_nt == 1).cumsum(axis=1) % 2
            last_nt = np.arange(bits_nt.shape[1]) == problems.question.length_n[:, None] - 1
            shown_nt = np.where((bits_nt >= 0) & ~last_nt & main_n1, before_nt, GAP)
            return [Block(self._words(shown_nt.astype(np.int16)), Part.ANSWER, self._places(problems.question))]
        if self._counts:
            counts_ns = counts(bits_nt, self.symbols)
            if counts_ns.max(initial=0) >= self._reach("scratchpad"):
                raise ShapeError(
                    f"format {self.name!r}: a count of {counts_ns.max()} needs 'scratchpad{counts_ns.max() + 1}'."
                )
            symbol_ns = np.broadcast_to(np.arange(self.symbols), counts_ns.shape).astype(np.int16)
            steps = np.stack([self._words(symbol_ns), counts_ns + self._at("n0")], axis=2)
            work_nk = np.where((counts_ns > 0)[:, :, None] & main_n1[:, :, None], steps, GAP).reshape(len(problems), -1)
            ask_n1 = np.where(main_n1, self._at(ASK), GAP)
            return [Block(np.concatenate([work_nk, ask_n1], axis=1).astype(np.int16), Part.WORK)]
        return []

    def _answer(self, problems: Sequences, hint_nt: NDArray[np.int16] | None) -> Block:
        symbols_nt = problems.answer.symbols_nt
        if self.rule == "parity" and "scratchpad" in self.parts:  # the last sign is the answer
            return Block(np.empty((len(problems), 0), dtype=np.int16), Part.ANSWER)
        if self.rule in HINTED_ANSWERS and hint_nt is not None and not (problems.asked_n != 0).any():
            return self._hinted(symbols_nt, hint_nt, Part.ANSWER, None)
        place_nt: NDArray[np.int16] | None = None
        if self.rule == "parity" and "prefix" in self.parts:
            place_nt = (problems.question.length_n[:, None] - 1).astype(np.int16)
        elif self.rule in ALIGNED and self.rule != "parity":
            place_nt = np.broadcast_to(np.arange(symbols_nt.shape[1]), symbols_nt.shape).astype(np.int16)
        return Block(self._words(symbols_nt), Part.ANSWER, place_nt)

    def _check(self, problems: Sequences) -> None:
        if problems.rule != self.rule:
            raise DataError(f"format of {self.rule!r}: expected its problems, got problems of {problems.rule!r}.")
        for lists in (problems.question, problems.argument, problems.answer):
            if lists.symbols_nt.max(initial=0) >= self.symbols:
                top = lists.symbols_nt.max()
                raise DataError(f"format of {self.rule!r} with {self.symbols} symbols cannot write symbol {top}.")


def list_format(name: str, rule: str, symbols: int) -> ListFormat:
    """The format of this name for a rule's problems.

    Args:
        name: keys of PARTS joined by "+"; `hints` and `scratchpad` take a number of words.
        rule: a name in `RULES`.
        symbols: number of different symbols.

    Raises:
        UsageError: an unknown part, or one that this rule does not have.
    """
    for word in name.split("+"):
        base = word.rstrip("0123456789")
        if base not in PARTS or (base != word and base not in ("hints", "scratchpad")):
            raise UsageError(f"Unknown format {word!r} of lists. {nearest(word, PARTS)}")
        if base == "scratchpad" and rule not in ("parity", "mode"):
            raise UsageError(f"format: rule {rule!r} has no scratchpad; 'parity' and 'mode' have.")
        if base == "prefix" and rule != "parity":
            raise UsageError(f"format: 'prefix' is for 'parity', not for {rule!r}.")
    form = ListFormat(name, rule, symbols)
    if rule == "parity" and "scratchpad" in form.parts and "hints" not in form.parts:
        raise UsageError("format: the scratchpad of 'parity' names index hints; use 'hints+scratchpad'.")
    if "prefix" in form.parts and "scratchpad" in form.parts:
        raise UsageError("format: 'prefix' and 'scratchpad' are two ways of working; give one.")
    return form
