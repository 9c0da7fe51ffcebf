"""Thirteen ways to write a word otherwise before a question about it is asked (arXiv 2410.14166, section 4.1).

What is asked about is rewritten along, where letters are renamed; right answers are counted in the bare word, so that
separators never count as letters. Renaming is one-to-one, so that counts stay; the paper's printed example of it
(strawberry as abcdefghhi) is not, which its text asks for.
"""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

from algorism.errors import DataError, UsageError, nearest

SPECIAL = "!@#$%&'()*+,-./:;<=>?[]^_{|}~"  # no double quote, which encloses the word


@dataclass(frozen=True)
class Written:
    """A word as the question shows it.

    Attributes:
        shown: with separators.
        bare: without them; answers are counted here.
        asked: the letter or substring that is asked about.
    """

    shown: str
    bare: str
    asked: str


def _changed(change: Callable[[str, random.Random], str]) -> "Rewrite":
    def write(word: str, asked: str, rng: random.Random) -> Written:
        bare = change(word, rng)
        return Written(bare, bare, asked)

    return write


def _separated(separator: str) -> "Rewrite":
    return lambda word, asked, rng: Written(separator.join(word), word, asked)


def _mapped(symbols: str) -> "Rewrite":
    """The first new letter becomes the first symbol, and so on; letters that are only asked about come last."""

    def write(word: str, asked: str, rng: random.Random) -> Written:
        letters = list(dict.fromkeys(word + asked))
        if len(letters) > len(symbols):
            raise DataError(f"{word!r} has {len(letters)} different letters, more than the {len(symbols)} symbols.")
        table = str.maketrans(dict(zip(letters, symbols, strict=False)))
        bare = word.translate(table)
        return Written(bare, bare, asked.translate(table))

    return write


def _delete(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at + 1 :] if len(word) > 1 else word


def _insert(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word) + 1)
    return word[:at] + rng.choice(string.ascii_lowercase) + word[at:]


def _repeat(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return word[: at + 1] + word[at:]


def _replace(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return word[:at] + rng.choice(string.ascii_lowercase.replace(word[at].lower(), "")) + word[at + 1 :]


def _swap(word: str, rng: random.Random) -> str:
    letters = list(word)
    if len(letters) > 1:
        a, b = rng.sample(range(len(letters)), 2)
        letters[a], letters[b] = letters[b], letters[a]
    return "".join(letters)


def _shuffle(word: str, rng: random.Random) -> str:
    return "".join(rng.sample(word, len(word)))


Rewrite = Callable[[str, str, random.Random], Written]

REWRITES: dict[str, Rewrite] = {
    "none": _changed(lambda word, rng: word),
    "delete": _changed(_delete),
    "insert": _changed(_insert),
    "repeat": _changed(_repeat),
    "replace": _changed(_replace),
    "swap": _changed(_swap),
    "left-shift": _changed(lambda word, rng: word[1:] + word[:1]),
    "right-shift": _changed(lambda word, rng: word[-1:] + word[:-1]),
    "shuffle": _changed(_shuffle),
    "alphabet": _mapped(string.ascii_lowercase + string.ascii_uppercase),
    "special": _mapped(SPECIAL),
    "dash": _separated("-"),
    "space": _separated(" "),
    "comma": _separated(","),
}


def rewrite(name: str, word: str, asked: str, rng: random.Random) -> Written:
    """Write a word otherwise.

    Args:
        name: of REWRITES.
        word: at least one letter.
        asked: the letter or substring the question is about; "" for none.
        rng: what chance is drawn from.

    Raises:
        UsageError: an unknown name.
        DataError: more different letters than there are symbols to rename them to.

    >>> rewrite("alphabet", "strawberry", "r", random.Random(0))
    Written(shown='abcdefgcch', bare='abcdefgcch', asked='c')
    >>> rewrite("comma", "berry", "r", random.Random(0)).shown
    'b,e,r,r,y'
    """
    if name not in REWRITES:
        raise UsageError(f"There is no rewrite {name!r}. {nearest(name, REWRITES)}")
    return REWRITES[name](word, asked, rng)
