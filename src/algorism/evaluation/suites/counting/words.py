"""Words to ask about: a list that comes with the package, a file of one's own, or made-up words of a given shape.

The list (`words.txt`, 500 words of 3 to 16 letters, 46 of them capitalised) was drawn from this package's own
documentation and docstrings, so that it is nobody else's; it leans to long words, as the paper's does.
"""

import random
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from algorism.errors import DataError, UsageError

VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"


def word_list(path: Path | str | None = None) -> tuple[str, ...]:
    """The words of a file, or of the list that comes with the package; each once, in the file's order.

    Args:
        path: UTF-8, words separated by white space.

    Raises:
        DataError: no words, or something that is not letters alone.

    >>> len(word_list()), word_list()[0]
    (500, 'Abramowitz')
    """
    if path is None:
        text = resources.files(__package__).joinpath("words.txt").read_text(encoding="utf-8")
    else:
        text = Path(path).read_text(encoding="utf-8")
    words = tuple(dict.fromkeys(text.split()))
    odd = next((word for word in words if not word.isalpha()), None)
    if odd is not None or not words:
        raise DataError(f"{path}: expected words of letters, separated by white space; found {odd!r}.")
    return words


def shuffled(words: Sequence[str], seed: int) -> list[str]:
    """The words in an order of the seed's."""
    order = list(words)
    random.Random(f"counting words {seed}").shuffle(order)
    return order


def made_up_word(rng: random.Random, length: int, distinct: int | None = None, capital: bool = False) -> str:
    """A word of consonants and vowels in turn.

    Args:
        rng: what it is drawn from.
        length: letters, at least 2.
        distinct: how many different letters; None for as many as come.
        capital: whether the first letter is a capital.

    Raises:
        UsageError: a word of that shape does not exist.

    >>> made_up_word(random.Random(0), 8, distinct=4)
    'ulucucol'
    """
    first = rng.randrange(2)
    places = [(at + first) % 2 for at in range(length)]  # 0 for a consonant, 1 for a vowel
    room = places.count(0), places.count(1)
    if length < 2 or (distinct is not None and not _splits(distinct, room)):
        raise UsageError(f"No word of consonants and vowels has {length} letters, {distinct} of them different.")
    if distinct is None:
        letters = [rng.choice(VOWELS if place else CONSONANTS) for place in places]
    else:
        of_consonants, of_vowels = rng.choice(_splits(distinct, room))
        kinds = [rng.sample(CONSONANTS, of_consonants), rng.sample(VOWELS, of_vowels)]
        filled = [kind + rng.choices(kind, k=space - len(kind)) for kind, space in zip(kinds, room, strict=True)]
        for some in filled:
            rng.shuffle(some)
        letters = [filled[place].pop() for place in places]
    word = "".join(letters)
    return word.capitalize() if capital else word


def _splits(distinct: int, room: tuple[int, int]) -> list[tuple[int, int]]:
    """How many different consonants and vowels there may be."""
    pairs = [(distinct - vowels, vowels) for vowels in range(1, min(len(VOWELS), room[1]) + 1)]
    return [(c, v) for c, v in pairs if 1 <= c <= min(len(CONSONANTS), room[0])]


def made_up_words(n: int, seed: int, lengths: Sequence[int], distinct: Sequence[int] | None = None) -> list[str]:
    """Different made-up words; which comes at a place depends on seed and place alone, save for repetitions.

    Args:
        n: how many.
        seed: of the set.
        lengths: each word's is drawn from these.
        distinct: as for lengths, numbers of different letters; pairs that do not exist are not drawn. None for any.

    Raises:
        DataError: there are not so many different words of these shapes.

    >>> made_up_words(3, 0, lengths=[4])
    ['unez', 'johi', 'yowi']
    """
    counts: Sequence[int | None] = [None] if distinct is None else list(distinct)
    shapes: list[tuple[int, int | None]] = [
        (length, count)
        for length in lengths
        for count in counts
        if count is None or _splits(count, (length // 2, length // 2))
    ]
    found: dict[str, None] = {}
    tries = 0
    while len(found) < n:
        if not shapes or tries > 50 * n + 1000:
            raise DataError(
                f"Only {len(found)} different made-up words of lengths {list(lengths)} were found, {n} wanted."
            )
        rng = random.Random(f"made-up {seed} {tries}")
        length, count = rng.choice(shapes)
        found.setdefault(made_up_word(rng, length, count))
        tries += 1
    return list(found)
