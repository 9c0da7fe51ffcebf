"""Training: recipes, the loop, run folders. Names that need torch are imported when first used."""

from typing import TYPE_CHECKING, Any

from .recipe import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, load_recipe, parse_recipe

if TYPE_CHECKING:
    from .export import export_run
    from .material import Material, prepare
    from .run import Run, load_run, train, train_many

__all__ = [
    "Material",
    "ModelRecipe",
    "Recipe",
    "Run",
    "TaskRecipe",
    "TextRecipe",
    "TrainingRecipe",
    "export_run",
    "load_recipe",
    "load_run",
    "parse_recipe",
    "prepare",
    "train",
    "train_many",
]

_LATER = {
    "export_run": "export",
    "Material": "material",
    "prepare": "material",
    "Run": "run",
    "load_run": "run",
    "train": "run",
    "train_many": "run",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
