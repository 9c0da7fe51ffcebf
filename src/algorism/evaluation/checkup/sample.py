"""A fixed sample of a check-up's questions: the same ones whatever is answered, so that two models can be compared."""

from algorism.evaluation.checkup.probes import PROBES, Stream
from algorism.evaluation.checkup.session import Asked
from algorism.evaluation.checkup.styles import Style, worked_examples
from algorism.evaluation.questions import item_seed

# Probes and levels that small models solve in part: where nothing is right before, nothing can be lost.
SETS: tuple[tuple[str, int], ...] = (
    ("add-integer", 1),
    ("add-integer", 2),
    ("add-integer", 3),
    ("sub-integer", 2),
    ("multiply_hard-integer", 1),
    ("multiply_hard-integer", 2),
    ("add-float", 1),
    ("max-integer", 3),
    ("length-integer", 3),
    ("copy-list", 4),
    ("sort-list", 3),
)


def sample(style: Style, n: int, seed: int = 0) -> dict[str, list[Asked]]:
    """Questions by the name of their set, n of each; fewer where there are no more.

    Args:
        style: how they are put.
        n: questions of each set.
        seed: of the questions.

    >>> from algorism.evaluation.checkup.styles import STYLES
    >>> asked = sample(STYLES["bare"], 2)
    >>> list(asked)[1], [len(row) for row in asked.values()] == [2] * len(SETS)
    ('add, 2 digits', True)
    """
    found, apart = {}, item_seed(seed, "sample", 0)
    for name, level in SETS:
        probe, stream = PROBES[name], Stream(PROBES[name], level, apart)
        unit = probe.unit.removesuffix("s") if level == 1 else probe.unit
        title = f"{probe.title[0].lower()}{probe.title[1:]}, {level} {unit}"
        found[title] = [
            Asked(
                f"sample/{name}/{level}/{index}/{style.name}",
                item,
                style,
                worked_examples(probe.make, level, style, item, apart),
            )
            for index, item in stream.take(n)
        ]
    return found
