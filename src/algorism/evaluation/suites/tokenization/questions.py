"""The paper's experiments as questions: which ways of writing are compared, on which sums, with which examples before.

Every arm of an experiment is asked the same sums with the same examples; only the writing differs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import Message, Prompt
from algorism.evaluation.questions import Question
from algorism.evaluation.suites.tokenization.sums import Sum, distinct, pairs, triples
from algorism.evaluation.suites.tokenization.writing import form

SYSTEM = "You are a helpful assistant."
SHOTS = 8
LENGTHS = (7, 8, 9)


@dataclass(frozen=True)
class Arm:
    """One way of asking.

    Args:
        query: how the question is written.
        answer: how the answers of the examples are written.
        repeat: how the examples first repeat the question, before "=" and the answer; None for no repeat.
        spaces: around plus and equals signs.
    """

    query: str
    answer: str
    repeat: str | None = None
    spaces: int = 0

    @property
    def name(self) -> str:
        """As tables show it: "nosep", "nosep+1", "comma_r2l>nosep", "nosep>comma_r2l>comma_r2l"."""
        parts = [self.query, *([self.repeat] if self.repeat else []), self.answer]
        text = ">".join(parts) if len(parts) > 2 or self.query != self.answer else self.query
        return f"{text}+{self.spaces}" if self.spaces else text


@dataclass(frozen=True)
class Experiment:
    """What is compared, and on which sums: "pairs" of addends' lengths, or "triples" with the sum's length."""

    about: str
    sums: Literal["pairs", "triples"]
    arms: tuple[Arm, ...]


def _same(*names: str) -> tuple[Arm, ...]:
    return tuple(Arm(name, name) for name in names)


_SYMBOLS = ("comma", "space", "dec", "dollar", "hashtag")
_BOTH = ("nosep", "comma_r2l")
_GRID = ("nosep", "comma_r2l", "space_r2l")
EXPERIMENTS: dict[str, Experiment] = {
    "direction": Experiment("no separators against commas from the right (section 3.1)", "pairs", _same(*_BOTH)),
    "separators": Experiment(
        "other separators from the right (section 3.2)", "pairs", _same(*(f"{name}_r2l" for name in _SYMBOLS))
    ),
    "controls": Experiment(
        "separators from the left, and more tokens without groups (section 3.3)",
        "pairs",
        (*_same(*(f"{name}_l2r" for name in _SYMBOLS)), *(Arm("nosep", "nosep", spaces=n) for n in (1, 2))),
    ),
    "lengths": Experiment("sums as long as an addend, and longer ones (section 4)", "triples", _same(*_BOTH)),
    "repeat": Experiment(
        "the question is first repeated, in another form or the same (section 5)",
        "pairs",
        (
            *(Arm(q, a, r) for q in _BOTH for r, a in (("nosep", "nosep"), ("comma_r2l", "comma_r2l"))),
            Arm("nosep", "nosep", "comma_r2l"),
            Arm("comma_r2l", "comma_r2l", "nosep"),
            *_same(*_BOTH),
        ),
    ),
    "grid": Experiment(
        "question and answer written alike, or not (section 5, control)",
        "pairs",
        tuple(Arm(q, a) for q in _GRID for a in _GRID),
    ),
    "forced": Experiment(
        "the same characters, cut into tokens from the left or from the right; models in this process only",
        "triples",
        _same("forced_l2r", "forced_r2l"),
    ),
}
USUAL = ("direction", "lengths", "grid")


def questions(
    names: Sequence[str] = USUAL,
    lengths: Sequence[int] = LENGTHS,
    n: int = 10,
    seed: int = 0,
    *,
    shots: int = SHOTS,
    size: int = 3,
    system: str | None = SYSTEM,
) -> list[Question]:
    """The questions of some experiments; what two of them share is asked once.

    Args:
        names: of EXPERIMENTS.
        lengths: digits of addends, and of sums where those are controlled.
        n: sums of each pair or triple of lengths; the paper has 10 and 100.
        seed: of sums and examples.
        shots: examples before each question, of the same lengths.
        size: digits per group.
        system: what the model is told first; None for nothing.

    Raises:
        UsageError: an unknown experiment; lengths or numbers that cannot be.

    >>> found = questions(["direction"], n=1)
    >>> len(found), found[-1].prompt[-1].content.count(","), found[0].facts["arm"]
    (18, 4, 'nosep')
    """
    if not lengths or min(lengths) < 1 or n < 1 or shots < 0:
        raise UsageError(f"questions: lengths {list(lengths)}, n={n}, shots={shots}; expected 1 or more, shots 0.")
    found: dict[str, Question] = {}
    for name in names:
        if name not in EXPERIMENTS:
            raise UsageError(f"suite tokenization: no task {name!r}. {nearest(name, EXPERIMENTS)}")
        experiment = EXPERIMENTS[name]
        for arm in experiment.arms:
            for index, (given, examples) in enumerate(_sums(experiment.sums, lengths, n, seed, shots)):
                key = f"tokenization/{seed}/{experiment.sums}/{arm.name}/{'-'.join(map(str, lengths))}/{index}"
                facts = {
                    "suite": "tokenization",
                    "sums": experiment.sums,
                    "arm": arm.name,
                    "query": arm.query,
                    "repeat": arm.repeat,
                    "answer": arm.answer,
                    "size": size,
                    "operands": list(given),
                }
                prompt = _prompt(arm, given, examples, size, system)
                found.setdefault(key, Question(key, prompt, str(sum(given)), facts=facts))
    return list(found.values())


def _sums(kind: str, lengths: Sequence[int], n: int, seed: int, shots: int) -> Iterator[tuple[Sum, list[Sum]]]:
    """Every sum with its examples, which have the same lengths and are other sums."""
    for wanted in pairs(lengths) if kind == "pairs" else triples(lengths):
        for index, given in enumerate(distinct(wanted, n, f"{seed}/{kind}")):
            yield given, distinct(wanted, shots, f"{seed}/{kind}/shots/{index}", without=[given])


def _prompt(arm: Arm, given: Sum, examples: Sequence[Sum], size: int, system: str | None) -> Prompt:
    query, answer = form(arm.query, size), form(arm.answer, size)
    repeat = form(arm.repeat, size) if arm.repeat else None
    turns = [Message("system", system)] if system else []
    for example in examples:
        turns.append(Message("user", query.sum(*example, arm.spaces)))
        said = repeat.sum(*example, arm.spaces) if repeat else ""
        turns.append(Message("assistant", said + answer.write(sum(example))))
    return (*turns, Message("user", query.sum(*given, arm.spaces)))


def longest_answer(asked: Sequence[Question]) -> int:
    """Characters of the longest answer that is expected: repeat, separators and all, with blanks around signs.

    >>> longest_answer(questions(["repeat"], n=1)) > longest_answer(questions(["direction"], n=1))
    True
    """

    def one(question: Question) -> int:
        facts = question.facts
        written = form(facts["answer"], facts["size"]).write(int(question.gold))
        first, second = facts["operands"]
        repeat = form(facts["repeat"], facts["size"]).sum(first, second, 2) if facts["repeat"] else ""
        return len(repeat) + len(written)

    return max(map(one, asked))
