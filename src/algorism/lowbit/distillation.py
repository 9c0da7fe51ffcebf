"""A quantized student that learns from the float network. Source: arXiv 2103.13630, section IV-D; arXiv 1503.02531."""

import torch
from torch import Tensor, nn

from ..errors import ShapeError, UsageError


def distillation_loss(
    student_nk: Tensor,
    teacher_nk: Tensor,
    labels_n: Tensor | None = None,
    *,
    temperature: float = 4.0,
    hard: float = 0.5,
    soft: float = 0.5,
) -> Tensor:
    """Hard · H(labels, student) + soft · T² · H(teacher at T, student at T), a mean over samples n of k classes.

    T² keeps the soft term's gradient as large as the hard one's, whatever the temperature.

    Args:
        student_nk: logits, with gradient.
        teacher_nk: logits; no gradient passes to them.
        labels_n: true classes; None for the soft term alone.
        temperature: T, above 0.
        hard: weight of the labels.
        soft: weight of the teacher.

    Raises:
        ShapeError: logits of different shapes.
        UsageError: a temperature that is not above 0.

    >>> logits = torch.zeros(1, 2)
    >>> round(distillation_loss(logits, logits, temperature=1.0, soft=1.0).item(), 4)  # ln 2
    0.6931
    """
    if student_nk.shape != teacher_nk.shape:
        raise ShapeError(f"Distillation: student {tuple(student_nk.shape)}, teacher {tuple(teacher_nk.shape)}.")
    if not temperature > 0:
        raise UsageError(f"Distillation: the temperature is above 0; got {temperature}.")
    target_nk = torch.softmax(teacher_nk.detach() / temperature, dim=-1)
    loss = soft * temperature**2 * nn.functional.cross_entropy(student_nk / temperature, target_nk)
    if labels_n is not None:
        loss = loss + hard * nn.functional.cross_entropy(student_nk, labels_n)
    return loss
