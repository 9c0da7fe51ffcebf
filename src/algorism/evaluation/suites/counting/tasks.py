"""The four word tasks (arXiv 2410.14166, section 3): letters, substrings, lengths, different letters.

Every item is numbered: what it asks depends on the seed, the words and its number alone.
"""

import random
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from algorism.errors import UsageError, nearest
from algorism.evaluation.suites.counting.rewrites import Written, rewrite
from algorism.evaluation.suites.counting.words import made_up_word, shuffled, word_list

Answers = Literal["number", "yes or no"]


@dataclass(frozen=True)
class WordTask:
    """A task.

    Attributes:
        number: I to IV in the paper.
        answers: what is answered.
        templates: the first is the paper's, as in its released data; {x} is asked about, {word} is the word.
        exact: (word, asked) → the right answer.
        asked: draws what is asked about, from (word, item number, generator).
    """

    number: str
    answers: Answers
    templates: tuple[str, ...]
    exact: Callable[[str, str], str]
    asked: Callable[[str, int, random.Random], str]


def _a_letter(word: str, index: int, rng: random.Random) -> str:
    return rng.choice(word)


def _a_substring(word: str, index: int, rng: random.Random) -> str:
    """Cut out of the word; in every second item with one letter changed so that the word no longer holds it."""
    size = rng.randint(2, max(2, len(word) - 1))
    start = rng.randrange(len(word) - size + 1)
    piece = word[start : start + size]
    if index % 2 == 0:
        return piece
    while piece in word:
        at = rng.randrange(size)
        other = rng.choice(string.ascii_lowercase.replace(piece[at].lower(), ""))
        piece = word[start : start + at] + other + word[start + at + 1 : start + size]
    return piece


TASKS: dict[str, WordTask] = {
    "letter": WordTask(
        "I",
        "number",
        (
            'How many {x}\'s in the word "{word}"?',
            "How many times does the letter '{x}' appear in the word \"{word}\"?",
            "Can you count the number of '{x}'s in \"{word}\"?",
            'How many {x}\'s can be found in "{word}"?',
            "How often does the letter '{x}' show up in the word \"{word}\"?",
        ),
        lambda word, asked: str(word.count(asked)),
        _a_letter,
    ),
    "substring": WordTask(
        "II",
        "yes or no",
        (
            'Is substring "{x}" part of the word "{word}"?',
            'Does the word "{x}" stand, letter by letter, somewhere inside the word "{word}"?',
            'Are the letters "{x}" found, in this order and without gaps, in the word "{word}"?',
        ),
        lambda word, asked: "Yes" if asked in word else "No",
        _a_substring,
    ),
    "length": WordTask(
        "III",
        "number",
        (
            'How many characters in the word "{word}"?',
            'How long is the word "{word}", counted in characters?',
            'What is the number of letters of "{word}"?',
        ),
        lambda word, asked: str(len(word)),
        lambda word, index, rng: "",
    ),
    "distinct": WordTask(
        "IV",
        "number",
        (
            'How many distinct characters in the word "{word}"?',
            'How many different characters does the word "{word}" have?',
            'Counting every letter once, how many letters does "{word}" use?',
        ),
        lambda word, asked: str(len(set(word))),
        lambda word, index, rng: "",
    ),
}


def word_task(name: str) -> WordTask:
    """The task of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in TASKS:
        raise UsageError(f"There is no counting task {name!r}. {nearest(name, TASKS)}")
    return TASKS[name]


@dataclass(frozen=True)
class Item:
    """One question about a word, with everything that tables are made by.

    Attributes:
        task: of TASKS.
        index: its number.
        written: the word as it is shown, as it is counted, and what is asked about.
        text: the question.
        gold: the right answer.
        rewrite: of REWRITES.
        template: which of the task's templates.
    """

    task: str
    index: int
    written: Written
    text: str
    gold: str
    rewrite: str = "none"
    template: int = 0


def item(task: str, word: str, index: int, seed: int = 0, way: str = "none", template: int = 0) -> Item:
    r"""The question of a number about a word.

    Args:
        task: of TASKS.
        word: at least two letters.
        index: its number; of substrings, even ones are there and odd ones are not, before the word is rewritten.
        seed: of the set.
        way: of REWRITES.
        template: which of the task's templates.

    Raises:
        UsageError: an unknown task, rewrite or template.

    >>> item("letter", "strawberry", 0).text, item("letter", "strawberry", 0).gold
    ('How many r\'s in the word "strawberry"?', '3')
    """
    rng = random.Random(f"counting {seed} {task} {index}")
    return _item(task, word, word_task(task).asked(word, index, rng), index, seed, way, template)


def _item(task: str, word: str, asked: str, index: int, seed: int, way: str, template: int) -> Item:
    made = word_task(task)
    if not 0 <= template < len(made.templates):
        raise UsageError(f"Task {task!r} has templates 0 to {len(made.templates) - 1}, got {template}.")
    written = rewrite(way, word, asked, random.Random(f"counting {seed} {task} {index} {way}"))
    text = made.templates[template].format(x=written.asked, word=written.shown)
    return Item(task, index, written, text, made.exact(written.bare, written.asked), way, template)


def items(
    task: str,
    n: int,
    seed: int = 0,
    *,
    words: Sequence[str] | None = None,
    way: str = "none",
    template: int = 0,
) -> list[Item]:
    """The first n items of a set. All tasks and rewrites of one seed are about the same words, in the same order.

    Args:
        task: of TASKS; "substring" asks twice about each word.
        n: how many; beyond the words there are, made-up ones follow.
        seed: of the set.
        words: to ask about; the package's list by default.
        way: of REWRITES.
        template: which of the task's templates.

    >>> [i.gold for i in items("length", 3)] == [str(len(i.written.bare)) for i in items("letter", 3)]
    True
    """
    order = shuffled(words or word_list(), seed)
    step = 2 if task == "substring" else 1
    return [item(task, _word(order, at // step, seed), at, seed, way, template) for at in range(n)]


def balanced_items(
    n: int,
    seed: int = 0,
    counts: Sequence[int] = (0, 1, 2, 3, 4),
    lengths: Sequence[int] = (8, 9, 10, 11, 12),
    way: str = "none",
) -> list[Item]:
    """Letter questions whose answers are equally often each of `counts`, whatever the word's length.

    In a natural list most answers are 1, so that "1" is right in about 4 of 5 questions; here it is in 1 of 5.

    Args:
        n: how many; number i has the answer counts[i mod len(counts)] before the word is rewritten.
        seed: of the set.
        counts: answers.
        lengths: of the words, which are made up around the letter.
        way: of REWRITES.

    Raises:
        UsageError: a count that does not fit into a length.

    >>> [i.gold for i in balanced_items(5)]
    ['0', '1', '2', '3', '4']
    """
    if max(counts) > min(lengths):
        raise UsageError(f"A letter cannot stand {max(counts)} times in a word of {min(lengths)} letters.")
    made = []
    for index in range(n):
        rng = random.Random(f"counting balanced {seed} {index}")
        letter, count = rng.choice(string.ascii_lowercase), counts[index % len(counts)]
        length = rng.choice(list(lengths))
        others = made_up_word(rng, length + 6)
        letters = [x for x in others if x != letter]
        while len(letters) < length - count:
            letters.append(rng.choice(string.ascii_lowercase.replace(letter, "")))
        word = letters[: length - count]
        for _ in range(count):
            word.insert(rng.randint(0, len(word)), letter)
        made.append(_item("letter", "".join(word), letter, index, seed, way, 0))
    return made


def _word(order: Sequence[str], at: int, seed: int) -> str:
    if at < len(order):
        return order[at]
    rng = random.Random(f"counting made-up {seed} {at}")
    return made_up_word(rng, rng.randint(3, 18), capital=rng.random() < 0.1)


def best_constant(golds: Sequence[str]) -> tuple[str, float]:
    """The one answer that is right most often, and its share: what a blind model can get.

    >>> best_constant(["1", "1", "2"])
    ('1', 0.6666666666666666)
    """
    answer, count = Counter(golds).most_common(1)[0]
    return answer, count / len(golds)
