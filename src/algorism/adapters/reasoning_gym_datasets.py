"""Every definition as a data set of reasoning-gym, usable as an environment: reward 1.0 for exactly right, else 0.0.

    import reasoning_gym, algorism.adapters.reasoning_gym_datasets
    data = reasoning_gym.create_dataset("algorism/addition", size=1000, seed=1, min_digits=2, max_digits=8)

Importing registers them. Items follow from a hash of seed and index, so that two seeds share no items by construction
(reasoning-gym's own sets draw item i from `seed + i`). Needs reasoning-gym.
"""

from dataclasses import dataclass
from typing import Any

from reasoning_gym.coaching import BaseCurriculum, RangeAttributeDefinition
from reasoning_gym.factory import DATASETS, ProceduralDataset, register_dataset

from algorism.adapters.definitions import DEFINITIONS, Definition
from algorism.errors import UsageError
from algorism.evaluation.grading import LEVELS, grade
from algorism.tasks.numeracy.draws import Draws

STEPS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100)  # digits of a curriculum's levels


@dataclass
class Config:
    """Settings of a data set; the classes registered differ in their defaults and limits only.

    Attributes:
        min_digits, max_digits: each item's digits are drawn between these.
        bare: only the figures, without instructions.
        level: how answers are graded: "lenient" (the default: rewards go to numbers, not to forms) or "strict".
        seed, size: as reasoning-gym has them.
    """

    min_digits: int = 1
    max_digits: int = 4
    bare: bool = False
    level: str = "lenient"
    seed: int | None = None
    size: int = 500

    def validate(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            UsageError: digits out of order, no items, or an unknown level.
        """
        if not 1 <= self.min_digits <= self.max_digits or self.size < 1 or self.level not in LEVELS:
            raise UsageError(
                f"Expected 1 <= min_digits <= max_digits, size >= 1 and level strict or lenient, got {self}."
            )


class Exact(ProceduralDataset):
    """Questions of one definition; subclasses name it."""

    row: Definition

    def __init__(self, config: Config) -> None:
        super().__init__(config=config, seed=config.seed, size=config.size)
        if config.min_digits < self.row.shortest or config.max_digits > self.row.longest:
            raise UsageError(
                f"{self.row.name}: expected digits from {self.row.shortest} to {self.row.longest}, "
                f"got {config.min_digits} to {config.max_digits}."
            )

    def __getitem__(self, idx: int) -> dict[str, Any]:
        """Item `idx`: question, answer and metadata."""
        low, high = self.config.min_digits, self.config.max_digits
        digits = Draws(f"{self.seed}/{self.row.name}/digits/{idx}").between(low, high)
        asked = self.row.question(idx, digits=digits, seed=self.seed, bare=self.config.bare)
        facts = {"source_dataset": f"algorism/{self.row.name}", "source_index": idx, "kind": asked.kind}
        return {
            "question": asked.prompt,
            "answer": asked.gold,
            "metadata": facts | {"digits": digits, "difficulty": {"digits": (low, high)}},
        }

    def score_answer(self, answer: str | None, entry: dict[str, Any]) -> float:
        """1.0 if the answer is exactly right, else 0.0; no credit for parts."""
        if not isinstance(answer, str):
            return 0.0
        return float(grade(answer, entry["answer"], kind=self.row.kind, level=self.config.level).correct)


def _classes(row: Definition) -> tuple[type[Exact], type[Config], type[BaseCurriculum]]:
    name = "".join(part.capitalize() for part in row.name.replace("-", "_").split("_"))

    @dataclass
    class Own(Config):
        min_digits: int = row.shortest
        max_digits: int = row.usual

    class Curriculum(BaseCurriculum):
        """Longer and longer numbers."""

        def __init__(self) -> None:
            super().__init__(f"{name}Curriculum", Own)
            levels = [digits for digits in STEPS if row.shortest <= digits <= row.longest]
            self._define_attributes(
                RangeAttributeDefinition(
                    name="digits",
                    levels=levels,
                    description="Digits of the longer operand",
                    lower_field_name="min_digits",
                    upper_field_name="max_digits",
                )
            )

    Own.__name__, Curriculum.__name__ = f"{name}Config", f"{name}Curriculum"
    data = type(f"{name}Dataset", (Exact,), {"row": row, "__doc__": row.about})
    return data, Own, Curriculum


for _row in DEFINITIONS.values():
    if f"algorism/{_row.name}" not in DATASETS:
        register_dataset(f"algorism/{_row.name}", *_classes(_row))
