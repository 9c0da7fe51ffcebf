"""Labels of training samples: from values of an attribute's domain to their places in it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import DataError, ShapeError
from .rules import Attribute, Value, show


def places(attribute: Attribute, labels: Tensor | Sequence[Value]) -> Tensor:
    """Places of labels in an attribute's domain.

    Args:
        attribute: whose values the labels are.
        labels: one value for each sample: a whole-number tensor (b,), (b, parts) for tuples, or a sequence of values.

    Returns:
        (b,), on the labels' device.

    Raises:
        ShapeError: a tensor of another shape.
        DataError: labels that are no whole numbers, or not in the domain.

    >>> places(Attribute("digit", [5, 6, 7]), torch.tensor([7, 5]))
    tensor([2, 0])
    """
    if not isinstance(labels, Tensor):
        return torch.tensor([_place(attribute, value) for value in labels], dtype=torch.long)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise DataError(
            f"Labels of '{attribute.name}' must be whole numbers, got {labels.dtype}; convert with .long()."
        )
    if labels.dim() not in (1, 2):
        raise ShapeError(
            f"Labels of '{attribute.name}' have shape (b,), or (b, parts) for tuples; got {tuple(labels.shape)}."
        )
    if not len(labels):
        return labels.new_zeros(0, dtype=torch.long)
    different, inverse_b = labels.unique(dim=0, return_inverse=True)
    rows = different.tolist()
    found = [_place(attribute, tuple(row) if isinstance(row, list) else row) for row in rows]
    return torch.tensor(found, device=labels.device)[inverse_b]


def _place(attribute: Attribute, value: Value) -> int:
    try:
        return attribute.index[value]
    except (KeyError, TypeError):
        known = ", ".join(map(show, attribute.domain[:10])) + (", …" if len(attribute.domain) > 10 else "")
        raise DataError(f"The label {show(value)} is not a value of '{attribute.name}'; its values: {known}.") from None
