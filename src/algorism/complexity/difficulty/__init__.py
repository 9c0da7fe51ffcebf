"""How many bits of inductive bias a task asks for, whatever model is used (arXiv 2305.01034).

Names that need torch, the estimators on data, are imported when used.

>>> ClassificationTask(60_000, 14, 17.179045827, 10, 2.39870848, 0.001).difficulty().text()
'1.48e16 bits'
"""

from typing import TYPE_CHECKING, Any

from .formula import Difficulty, band_limited, on_torus
from .published import PUBLISHED, PublishedTask
from .sensitivity import Sensitivity, sensitivities
from .tasks import (
    ClassificationTask,
    ControlTask,
    FewShotTask,
    RegressionTask,
    TaskRecord,
    few_shot_samples,
    union,
)

if TYPE_CHECKING:
    from .control import measure_control
    from .dimension import (
        Dimension,
        from_distances,
        likelihood_dimension,
        likelihood_dimensions,
        two_nn_dimension,
    )
    from .estimate import Estimate
    from .few_shot import measure_few_shot
    from .measured import Measured, Settings
    from .resolution import class_resolution, extreme_distance, value_resolution
    from .supervised import measure_classification, measure_regression

_LATER = {
    "Dimension": "dimension",
    "Estimate": "estimate",
    "Measured": "measured",
    "Settings": "measured",
    "class_resolution": "resolution",
    "extreme_distance": "resolution",
    "from_distances": "dimension",
    "likelihood_dimension": "dimension",
    "likelihood_dimensions": "dimension",
    "measure_classification": "supervised",
    "measure_control": "control",
    "measure_few_shot": "few_shot",
    "measure_regression": "supervised",
    "two_nn_dimension": "dimension",
    "value_resolution": "resolution",
}

__all__ = [
    "PUBLISHED",
    "ClassificationTask",
    "ControlTask",
    "Difficulty",
    "Dimension",
    "Estimate",
    "FewShotTask",
    "Measured",
    "PublishedTask",
    "RegressionTask",
    "Sensitivity",
    "Settings",
    "TaskRecord",
    "band_limited",
    "class_resolution",
    "extreme_distance",
    "few_shot_samples",
    "from_distances",
    "likelihood_dimension",
    "likelihood_dimensions",
    "measure_classification",
    "measure_control",
    "measure_few_shot",
    "measure_regression",
    "on_torus",
    "sensitivities",
    "two_nn_dimension",
    "union",
    "value_resolution",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
