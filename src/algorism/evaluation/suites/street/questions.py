"""StreetMath's questions for any model, with and without a hint that an estimate is wanted (arXiv 2510.25776).

The conditions are the paper's, the sentences our own. Both are asked the same items.
"""

from collections.abc import Sequence
from fractions import Fraction

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import Message
from algorism.evaluation.questions import Question
from algorism.evaluation.suites.street.judging import MARKER
from algorism.tasks.street import SITUATIONS, Item, allocation

SYSTEM = "You are careful with numbers and practical in daily life. You answer as a helpful person would."
RULES = f"Write one number, without words or units, in the form '{MARKER} <number>'."
HINT = (
    "One rounded estimate is wanted. Do not work out exact totals. Round prices and amounts to friendly numbers first: "
    "fractions to whole numbers, whole numbers to multiples of 5 or 10."
)
CONDITIONS: dict[str, str] = {"plain": RULES, "hint": f"{RULES} {HINT}"}


def question(item: Item, condition: str, seed: int = 0) -> Question:
    """An item as a request.

    Raises:
        UsageError: a condition that does not exist.
    """
    if condition not in CONDITIONS:
        raise UsageError(f"There is no condition {condition!r}. {nearest(condition, CONDITIONS)}")
    facts = {
        "suite": "street",
        "condition": condition,
        "situation": item.situation,
        "topic": item.topic,
        "item": f"{item.situation}/{item.index}",
        "exact": str(item.exact),
    }
    key = f"street/{seed}/{condition}/{item.situation}/{item.index}"
    prompt = (Message("system", SYSTEM), Message("user", f"{item.prompt}\n\n{CONDITIONS[condition]}"))
    return Question(key, prompt, decimal(item.exact), "decimal", MARKER, facts)


def decimal(value: Fraction, places: int = 4) -> str:
    """A fraction written with so many places at most.

    >>> decimal(Fraction(50, 7)), decimal(Fraction(5, 2)), decimal(Fraction(3)), decimal(Fraction(1, 10**9))
    ('7.1429', '2.5', '3', '0')
    """
    scaled = round(value * 10**places)
    whole, behind = divmod(abs(scaled), 10**places)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{behind:0{places}d}".rstrip("0").rstrip(".")


def questions(
    names: Sequence[str] = (), n: int = 100, seed: int = 0, conditions: Sequence[str] = tuple(CONDITIONS)
) -> list[Question]:
    """Items in both conditions.

    Args:
        names: situations or topics, n of each situation; by default n in all, spread as in the benchmark.
        n: items.
        seed: of the items.
        conditions: "plain", "hint".

    Raises:
        UsageError: an unknown situation or condition.

    >>> found = questions(n=28)
    >>> len(found), found[0].facts["item"] == found[28].facts["item"]
    (56, True)
    """
    topics = {row.topic for row in SITUATIONS.values()}
    for name in names:
        if name not in SITUATIONS and name not in topics:
            raise UsageError(f"suite street: no task {name!r}. {nearest(name, {*SITUATIONS, *topics})}")
    counts = {row.name: n for row in SITUATIONS.values() if row.name in names or row.topic in names}
    items = [item for name, count in (counts or allocation(n)).items() for item in SITUATIONS[name].items(count, seed)]
    return [question(item, condition, seed) for condition in conditions for item in items]
