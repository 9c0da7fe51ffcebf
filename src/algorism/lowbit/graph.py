"""Which layer's outputs go where, read from a symbolic trace: what folding and zero-shot calibration need to know.

Only what passes values on one by one is followed: ReLU, flattening, pooling, dropout, identities.
"""

import operator
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import fx, nn

from ..errors import UsageError

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
Activation = Literal["none", "relu", "relu6"]

_RELU = (nn.ReLU, F.relu, torch.relu, "relu", "relu_", torch.relu_)
_RELU6 = (nn.ReLU6, F.relu6)
# Values leave as they came, or as means of some of them: a range that held before holds after.
_PASSING = (
    nn.Identity, nn.Dropout, nn.Dropout2d, nn.Flatten, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, F.dropout, F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d,
    torch.flatten, "flatten", "reshape", "view", "contiguous", "mean", torch.mean, operator.getitem,
)  # fmt: skip


class _Tracer(fx.Tracer):
    """A tracer that leaves the other threads alone.

    While `torch.fx` traces, every module's call in the whole process goes through the tracer. A network that is trained
    beside in another thread would end up in the trace, or fail.
    """

    lock = threading.Lock()  # two traces at once would also put back each other's changes in the wrong order

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Trace a call of this thread; let any other happen."""
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)


def _traced(model: nn.Module) -> fx.GraphModule:
    with _Tracer.lock:
        return fx.GraphModule(model, _Tracer().trace(model))


@dataclass(frozen=True)
class Step:
    """One operation of a forward pass.

    Args:
        name: of the module; empty for functions and methods.
        what: its class, function, or method's name.
        node: in the trace.
    """

    name: str
    what: Any
    node: fx.Node


class Graph:
    """A model's forward pass as steps.

    Args:
        model: anything that `torch.fx` can trace: no branches that depend on values.

    Raises:
        UsageError: it cannot be traced.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    >>> graph = Graph(model)
    >>> graph.norm_behind("0"), graph.norm_before("3"), graph.norm_before("0")
    ('1', ('1', 'relu'), None)
    """

    def __init__(self, model: nn.Module) -> None:
        try:
            self.traced = _traced(model)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise UsageError(
                f"{type(model).__name__} cannot be traced ({reason}). Give the pairs of layer and norm by name."
            ) from None
        self.modules = dict(self.traced.named_modules())
        self.steps = [self._step(node) for node in self.traced.graph.nodes]
        self.of = {step.node: step for step in self.steps}

    def _step(self, node: fx.Node) -> Step:
        if node.op == "call_module":
            return Step(str(node.target), type(self.modules[str(node.target)]), node)
        return Step("", node.target if node.op in ("call_function", "call_method") else node.op, node)

    def uses(self, name: str) -> list[Step]:
        """Where a module is called; more than one where its weight is shared in time."""
        return [step for step in self.steps if step.name == name]

    def norm_behind(self, name: str) -> str | None:
        """The batch norm that gets a layer's outputs, if nothing else does, and it gets nothing else."""
        uses = self.uses(name)
        if len(uses) != 1 or len(uses[0].node.users) != 1:
            return None
        step = self.of[next(iter(uses[0].node.users))]
        alone = step.name and issubclass(step.what, NORMS) and len(self.uses(step.name)) == 1
        return step.name if alone else None

    def norm_before(self, name: str) -> tuple[str, Activation] | None:
        """The batch norm that a layer's inputs come from, and the activation in between."""
        uses = self.uses(name)
        activation: Activation = "none"
        for step in self._back(uses[0].node) if len(uses) == 1 else ():
            if step.name and issubclass(step.what, NORMS):
                return step.name, activation
            if step.what in _RELU:
                activation = "relu" if activation == "none" else activation
            elif step.what in _RELU6:
                activation = "relu6"
            elif step.what not in _PASSING:
                return None
        return None

    def first_layers(self) -> list[str]:
        """Layers that get the model's input, as it is or rearranged."""
        found = []
        for step in self.steps:
            if step.name and issubclass(step.what, LAYERS):
                last = next((s for s in self._back(step.node) if s.what not in _PASSING), None)
                if last is not None and last.what == "placeholder":
                    found.append(step.name)
        return found

    def _back(self, node: fx.Node) -> Iterator[Step]:
        """The steps before one, as long as each has its values from one other."""
        while node.all_input_nodes:
            node = node.all_input_nodes[0]
            yield self.of[node]
            if len(node.all_input_nodes) > 1:
                return
