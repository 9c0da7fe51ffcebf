"""How an item is put to a model. Bare completion models and chat models each have styles that suit them.

Which one is used is found out at the start: a few easy sums are asked in every style, and the style with the most right
answers asks the rest. Those sums count for nothing else.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from algorism.evaluation.backends.protocol import Message, Prompt
from algorism.evaluation.checkup.items import Item, Make
from algorism.evaluation.questions import item_seed

SHOTS = 4


@dataclass(frozen=True)
class Style:
    """One way of asking.

    Attributes:
        name: short and unique.
        title: in plain words.
        write: the prompt of an item, given worked examples of the same kind.
        stop: what ends an answer.
        room: tokens beyond what the bare answer needs.
        examples: worked examples that are shown.
        backwards: answers are read from the last digit to the first.
    """

    name: str
    title: str
    write: Callable[[Item, Sequence[Item]], Prompt]
    stop: tuple[str, ...] = ("\n",)
    room: int = 8
    examples: int = 0
    backwards: bool = False

    def tokens(self, item: Item) -> int:
        """Most tokens of an answer: two for each character of the right one, and some room, as a power of two."""
        needed = 2 * len(item.shown or item.answer) + self.room
        return 1 << (needed - 1).bit_length()


def worked_examples(make: Make, level: int, style: Style, item: Item, seed: int) -> tuple[Item, ...]:
    """Examples that a style shows before an item: of its kind and level, drawn apart, never the item itself."""
    apart, found = item_seed(seed, "examples", 0), dict[str, Item]()
    for index in range(20 * style.examples):
        example = make(level, index, apart)
        if example.formula != item.formula:
            found.setdefault(example.formula, example)
        if len(found) == style.examples:
            break
    return tuple(found.values())


def compact(formula: str) -> str:
    """A formula without the spaces around its signs.

    >>> compact("12 + 34"), compact("3201 at position 2")
    ('12+34', '3201 at position 2')
    """
    return re.sub(r" (//|[-+*/%]) ", r"\1", formula)


def told(item: Item) -> str:
    """The formula, after what is to be done with it unless its sign says so: "79 =" could ask for anything.

    >>> from algorism.evaluation.checkup.items import cookbook, sum_of
    >>> told(sum_of(12, 34)), told(cookbook("max-integer")(2, 0, 0)).partition(":")[0]
    ('12 + 34', 'Give the larger number')
    """
    return item.formula if re.search(r" (//|[-+*/%]) ", item.formula) else f"{item.task}: {item.formula}"


def _statement(item: Item) -> str:
    return f"{item.sentence[0].upper()}{item.sentence[1:]} is" if item.sentence else f"{item.formula} ="


def _question(item: Item) -> str:
    return f"What is {item.sentence}?" if item.sentence else f"{item.task}: {item.formula} ="


def _bare(item: Item, examples: Sequence[Item]) -> Prompt:
    return _statement(item) if item.sentence else f"{compact(told(item))}="


def _spaced(item: Item, examples: Sequence[Item]) -> Prompt:
    return _statement(item) if item.sentence else f"{told(item)} ="


def _dollar(item: Item, examples: Sequence[Item]) -> Prompt:
    return f"${_bare(item, examples)}"


def _qa(item: Item, examples: Sequence[Item]) -> Prompt:
    return f"Question: {_question(item)}\nAnswer:"


def _shots(item: Item, examples: Sequence[Item]) -> Prompt:
    lines = [f"{_statement(example)} {example.shown or example.answer}" for example in examples]
    return "\n".join([*lines, _statement(item)])


def _chat(item: Item, examples: Sequence[Item]) -> Prompt:
    return (Message("user", f"{item.form} {_question(item)}"),)


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style("chat", "an instruction with the form of the answer", _chat, stop=(), room=112),
        Style("examples", f"{SHOTS} worked examples, then the formula", _shots, examples=SHOTS),
        Style("question", "Question: … Answer:", _qa),
        Style("bare", "the formula without spaces", _bare),
        Style("spaced", "the formula with spaces", _spaced),
        Style("dollar", "the formula after a dollar sign", _dollar, stop=("$", "\n")),
        Style(
            "dollar-backwards",
            "the formula after a dollar sign, the answer read from its last digit",
            _dollar,
            stop=("$", "\n"),
            backwards=True,
        ),
    )
}
