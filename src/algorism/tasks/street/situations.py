"""The table of situations: what is asked, from which ranges, and the exact answer as a fraction.

Topics, ranges and weights are those of StreetMath, version 2 (arXiv 2510.25776 and its repository); the sentences are
our own. Money is counted in whole cents, so that no binary rounding can move an answer. The answer is always that of
the question as it is written: where the paper shows miles rounded and grades others, we grade what is shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from algorism.errors import UsageError, nearest
from algorism.tasks.numeracy.draws import Draws

Make = Callable[[Draws], "Drawn"]


@dataclass(frozen=True)
class Drawn:
    """A question, its answer before rounding, and the prices in it, in cents."""

    prompt: str
    answer: Fraction
    prices: tuple[int, ...] = ()


@dataclass(frozen=True)
class Situation:
    """One kind of question.

    Attributes:
        name: of the kind.
        topic: that it belongs to.
        unit: of the answer; money is rounded to cents, half a cent upwards.
        make: draws one.
    """

    name: str
    topic: str
    unit: str
    make: Make

    def item(self, index: int, seed: int = 0) -> "Item":
        """One question, which depends on these arguments alone."""
        drawn = self.make(Draws(f"{seed}/street/{self.name}/{index}"))
        exact = _cents(drawn.answer) if self.unit == "money" else drawn.answer
        return Item(self.name, self.topic, self.unit, index, drawn.prompt, exact, drawn.prices)

    def items(self, n: int, seed: int = 0) -> list["Item"]:
        """The first n different questions; fewer if there are hardly more."""
        found: dict[str, Item] = {}
        for index in range(4 * n + 40):
            if len(found) == n:
                break
            item = self.item(index, seed)
            found.setdefault(item.prompt, item)
        return list(found.values())


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        situation, topic, unit: as in its row.
        index: which item of the row it is.
        prompt: the question.
        exact: its answer; money in whole cents, all else unrounded.
        prices: that stand in it, in cents; none where it is not about single prices.
    """

    situation: str
    topic: str
    unit: str
    index: int
    prompt: str
    exact: Fraction
    prices: tuple[int, ...] = field(default=())


def situation(name: str) -> Situation:
    """The row of this name.

    Raises:
        UsageError: for an unknown one, with the nearest known one.

    >>> item = situation("basket").item(0)
    >>> item.exact == Fraction(sum(item.prices), 100), item.prompt.count("$") == len(item.prices)
    (True, True)
    """
    try:
        return SITUATIONS[name]
    except KeyError:
        raise UsageError(f"There is no situation {name!r}. {nearest(name, SITUATIONS)}") from None


def _cents(value: Fraction) -> Fraction:
    scaled = value * 100
    whole = (Decimal(scaled.numerator) / Decimal(scaled.denominator)).quantize(Decimal(1), ROUND_HALF_UP)
    return Fraction(int(whole), 100)


def _prices(draws: Draws, fewest: int, most: int, low: int, high: int) -> list[int]:
    return [draws.between(low, high) for _ in range(draws.between(fewest, most))]


def _one(draws: Draws, choices: Sequence[int]) -> int:
    return choices[draws.below(len(choices))]


def _money(cents: int) -> str:
    return f"${cents // 100}.{cents % 100:02d}"


def _list(prices: Sequence[int]) -> str:
    return ", ".join(map(_money, prices))


def _paid(value: Fraction | int, prices: Sequence[int], prompt: str) -> Drawn:
    return Drawn(prompt, Fraction(value) / 100, tuple(prices))


def _basket(draws: Draws) -> Drawn:
    prices = _prices(draws, 3, 6, 79, 1999)
    return _paid(
        sum(prices),
        prices,
        f"There are {len(prices)} things in your basket: {_list(prices)}. Roughly what do they cost?",
    )


def _percent(draws: Draws) -> Drawn:
    prices, off = _prices(draws, 2, 5, 299, 4999), _one(draws, (10, 15, 20, 25, 30))
    paid = Fraction(sum(prices) * (100 - off), 100)
    return _paid(paid, prices, f"Your cart: {_list(prices)}. Everything is {off}% off. Roughly what do you pay?")


def _bogo(draws: Draws) -> Drawn:
    prices = sorted(_prices(draws, 2, 6, 149, 2499), reverse=True)
    return _paid(
        sum(prices[::2]),
        prices,
        f"Of every two things, taken from the dearest down, the cheaper one is free: {_list(prices)}. "
        "Roughly what do you pay?",
    )


def _free_units(draws: Draws) -> Drawn:
    price, n, m = draws.between(149, 799), draws.between(3, 5), draws.between(1, 3)
    quantity = draws.between(n + m, 2 * (n + m))
    groups, rest = divmod(quantity, n + m)
    paid = groups * n + min(rest, n)
    prompt = f"Buy {n} get {m} free, {_money(price)} each. You take {quantity} in all. Roughly what do you pay?"
    return _paid(paid * price, [price], prompt)


def _threshold(draws: Draws) -> Drawn:
    prices, spend, off = _prices(draws, 2, 5, 399, 3999), _one(draws, (25, 30, 40, 50)), _one(draws, (5, 10, 15))
    paid = sum(prices) - (100 * off if sum(prices) >= 100 * spend else 0)
    prompt = f"A coupon takes ${off} off if you spend ${spend} or more. Your cart: {_list(prices)}."
    return _paid(paid, prices, f"{prompt} Roughly what do you pay?")


def _stacked(draws: Draws) -> Drawn:
    prices, off = _prices(draws, 3, 6, 299, 3999), _one(draws, (10, 15, 20))
    spend, coupon = _one(draws, (30, 40, 50)), _one(draws, (5, 10))
    paid = Fraction(sum(prices) * (100 - off), 100)
    if paid >= 100 * spend:
        paid -= 100 * coupon
    prompt = f"First {off}% off, then a coupon of ${coupon} if what is left is ${spend} or more."
    return _paid(paid, prices, f"{prompt} Your cart: {_list(prices)}. Roughly what do you pay?")


def _tax(before_discount: bool) -> Make:
    def make(draws: Draws) -> Drawn:
        prices, rate = _prices(draws, 2, 5, 349, 5999), _one(draws, (60, 70, 75, 80, 85))  # in a thousand
        off = _one(draws, (0, 10, 15, 20))
        reduced = Fraction(sum(prices) * (100 - off), 100)
        paid = reduced + Fraction(rate, 1000) * (sum(prices) if before_discount else reduced)
        store = f"The store takes {off}% off. " if off else ""
        style = "the full prices" if before_discount else "what is left after discounts"
        prompt = (
            f"Your cart: {_list(prices)}. {store}Sales tax is {rate / 10:g}%, on {style}. Roughly what is the total?"
        )
        return _paid(paid, prices, prompt)

    return make


def _pounds(draws: Draws) -> Drawn:
    price, hundredths = draws.between(299, 1499), draws.between(50, 600)
    weight = f"{hundredths // 100}.{hundredths % 100:02d}"
    prompt = f"You buy {weight} lb at {_money(price)} a pound. Roughly what is that?"
    return _paid(Fraction(price * hundredths, 100), [price], prompt)


def _grams(draws: Draws) -> Drawn:
    price, grams = draws.between(399, 1999), _one(draws, (250, 300, 350, 400, 500, 750, 900))
    prompt = f"Cheese is {_money(price)} a kilogram, and you take {grams} g. Roughly what is that?"
    return _paid(Fraction(price * grams, 1000), [price], prompt)


def _tip(draws: Draws) -> Drawn:
    bill, fee, tip = draws.between(1200, 12_000), _one(draws, (0, 3, 5)), _one(draws, (15, 18, 20, 22))
    paid = Fraction(bill * (100 + fee) * (100 + tip), 10_000)
    prompt = f"The bill is {_money(bill)}. On it comes {fee}% for service, and on both a tip of {tip}%."
    return _paid(paid, [bill], f"{prompt} Roughly what do you pay?")


def _crowd(draws: Draws) -> Drawn:
    length, width = _one(draws, (30, 40, 50, 60, 70)), _one(draws, (20, 25, 30, 35))
    density = draws.between(1, 4)
    prompt = f"A square is about {length} m long and {width} m wide, with {density} people on each square metre."
    return Drawn(f"{prompt} Roughly how many people are that?", Fraction(length * width * density))


def _drive(draws: Draws) -> Drawn:
    tenths, speed = draws.between(50, 2400), _one(draws, (25, 35, 45, 55, 65))
    miles = (tenths + 5) // 10
    prompt = f"It is about {miles} miles, and you drive at {speed} miles an hour. Roughly how many hours is that?"
    return Drawn(prompt, Fraction(miles, speed))


def _fill(draws: Draws) -> Drawn:
    litres, rate = _one(draws, (10, 15, 20, 30, 40, 50)), draws.between(4, 8)
    prompt = f"A tap gives {rate} litres a minute, and {litres} litres are wanted."
    return Drawn(f"{prompt} Roughly how many minutes is that?", Fraction(litres, rate))


WEIGHTS: dict[str, int] = {  # in tenths, as the benchmark allots its items
    "basket": 14,
    "discounts": 14,
    "taxes": 10,
    "units": 10,
    "tips": 10,
    "crowds": 8,
    "travel": 8,
    "filling": 8,
}
SITUATIONS: dict[str, Situation] = {
    row.name: row
    for row in (
        Situation("basket", "basket", "money", _basket),
        Situation("percent", "discounts", "money", _percent),
        Situation("bogo", "discounts", "money", _bogo),
        Situation("free_units", "discounts", "money", _free_units),
        Situation("threshold", "discounts", "money", _threshold),
        Situation("stacked", "discounts", "money", _stacked),
        Situation("tax_before", "taxes", "money", _tax(before_discount=True)),
        Situation("tax_after", "taxes", "money", _tax(before_discount=False)),
        Situation("pounds", "units", "money", _pounds),
        Situation("grams", "units", "money", _grams),
        Situation("tip", "tips", "money", _tip),
        Situation("crowd", "crowds", "people", _crowd),
        Situation("drive", "travel", "hours", _drive),
        Situation("fill", "filling", "minutes", _fill),
    )
}


def allocation(n: int) -> dict[str, int]:
    """How many of n questions each situation gets: topics by their weights, the kinds of a topic alike.

    What rounding leaves over goes to the first topics, and kinds, in order. Of some kinds there are few different
    questions (30 of filling, 80 of crowds).

    >>> sum(allocation(100).values()), allocation(100)["basket"]
    (100, 18)
    """
    total = sum(WEIGHTS.values())
    topics = {topic: n * weight // total for topic, weight in WEIGHTS.items()}
    for topic in list(topics)[: n - sum(topics.values())]:
        topics[topic] += 1
    found = {}
    for topic, count in topics.items():
        kinds = [row.name for row in SITUATIONS.values() if row.topic == topic]
        for at, name in enumerate(kinds):
            found[name] = count // len(kinds) + (at < count % len(kinds))
    return found
