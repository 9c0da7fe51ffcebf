"""Questions about letters, taken from the counting suite: in words, and in strings whose letters stand apart.

Each is made from (level, index, seed); for words the level is how many letters they have.
"""

import random
import re
from dataclasses import replace
from functools import lru_cache

from algorism.evaluation.checkup.items import Item, letters
from algorism.evaluation.suites.counting.words import made_up_word, shuffled, word_list
from algorism.tasks.numeracy.combinations import FORMS


def in_word(level: int, index: int, seed: int) -> Item:
    """How often one of its letters stands in a word. Mostly once, which is why the blind answer beside it is high.

    >>> in_word(10, 0, 0).formula.startswith("number of ")
    True
    """
    word = _word(level, index, seed)
    letter = random.Random(f"checkup letter {seed} {level} {index}").choice(word)
    return _counted(f"number of {letter} in {word}", word.count(letter))


def distinct_in_word(level: int, index: int, seed: int) -> Item:
    """How many different letters a word has.

    >>> item = distinct_in_word(6, 0, 0)
    >>> len(set(item.formula.split()[-1])) == int(item.answer)
    True
    """
    word = _word(level, index, seed)
    return _counted(f"number of different letters in {word}", len(set(word)))


def letters_apart(level: int, index: int, seed: int) -> Item:
    """The same question as `letters`, with a space between the letters.

    >>> letters(3, 0, 0).formula, letters_apart(3, 0, 0).formula
    ('number of a in bab', 'number of a in b a b')
    """
    item = letters(level, index, seed)
    return replace(item, formula=re.sub(r"[ab]+$", lambda found: " ".join(found[0]), item.formula))


def _counted(formula: str, answer: int) -> Item:
    return Item(formula, "Count the letters", FORMS["integer"], str(answer))


def _word(length: int, index: int, seed: int) -> str:
    """A word of that length from the suite's list; behind its end made-up ones."""
    known = _words(length, seed)
    return known[index] if index < len(known) else made_up_word(random.Random(f"{seed} {length} {index}"), length)


@lru_cache(maxsize=64)
def _words(length: int, seed: int) -> list[str]:
    return [word for word in shuffled(word_list(), seed) if len(word) == length and word.islower()]
