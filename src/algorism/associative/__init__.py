"""Associative memories: Hebbian networks with pairwise and many-body interactions, their dynamics and their theory.

`HebbianMemory` is for one's own ±1 data. `patterns` draws archetypes and noisy examples, `couplings` makes networks of
them, `dynamics` runs these, `images` turns grey images into patterns. `theory` says what large networks do.
"""

from . import theory
from .couplings import Couplings, stored, supervised, unsupervised
from .dynamics import Average, Estimate, annealing, glauber, over_disorder, sample
from .images import ClassMeans, PixelSelection, class_means
from .memory import HebbianMemory
from .patterns import (
    archetypes,
    average_examples,
    dataset_entropy,
    examples,
    examples_from_entropy,
    normalised_weights,
    quality_from_entropy,
    second_moment,
)

__all__ = [
    "Average",
    "ClassMeans",
    "Couplings",
    "Estimate",
    "HebbianMemory",
    "PixelSelection",
    "annealing",
    "archetypes",
    "average_examples",
    "class_means",
    "dataset_entropy",
    "examples",
    "examples_from_entropy",
    "glauber",
    "normalised_weights",
    "over_disorder",
    "quality_from_entropy",
    "sample",
    "second_moment",
    "stored",
    "supervised",
    "theory",
    "unsupervised",
]
