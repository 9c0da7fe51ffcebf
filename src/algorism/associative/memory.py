"""An associative memory for one's own ±1 data, with the verbs of scikit-learn.

Shape letters: b state, k pattern or class, n neuron.
"""

from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from algorism.errors import ShapeError, UsageError, nearest

from .checks import checked_count, checked_order, checked_rows, checked_spins, per_pattern, require_memory
from .couplings import Couplings
from .dynamics import Update, glauber
from .patterns import second_moment

Protocol = Literal["stored", "supervised", "unsupervised"]
PROTOCOLS = ("stored", "supervised", "unsupervised")
Rows = TypeVar("Rows", Tensor, NDArray[Any])


class HebbianMemory:
    """Hebbian network of even order P that recalls what it was shown; up to N = 100,000 neurons for P = 2.

    Args:
        order: P; 2 is the Hopfield network, which holds some 0.14 N patterns; P holds some N^{P−1}.
        protocol: "stored": every row is a pattern. "supervised": rows are noisy examples with class labels, and only
            each class's average is kept. "unsupervised": every example enters by itself.
        quality: r, where known: an entry of an example is right with probability (1 + r)/2. By default it is estimated
            from how far a class's average is from ±1. It sets the unit of temperature.
        classes: number of archetypes behind unlabelled examples, which with `quality` sets the unit of temperature;
            by default each of them counts like a stored pattern.
        diluted: whether patterns may hold zeros (blanks). States never do.
        dtype: of the fields, "float32" or "float64".

    Attributes:
        couplings_: the network, after `fit`.
        references_kn_: what `overlap` compares with: the patterns; each class's majority vote (0 where it is a tie);
            or, unlabelled, the examples.
        classes_: labels of the references.
        second_moment_: R of each class, as given or estimated; empty where nothing is known of classes.

    Raises:
        UsageError: for an odd order, an unknown protocol, or a quality outside [0, 1].

    >>> rng = np.random.default_rng(0)
    >>> patterns = rng.choice([-1, 1], size=(40, 64))
    >>> damaged = np.where(rng.random(patterns.shape) < 0.1, -patterns, patterns)
    >>> bool((HebbianMemory(order=4).fit(patterns).recall(damaged) == patterns).all())
    True
    >>> bool((HebbianMemory(order=2).fit(patterns).recall(damaged) == patterns).all())  # 40 > 0.14 · 64
    False
    """

    couplings_: Couplings
    references_kn_: Tensor
    classes_: NDArray[Any]
    second_moment_: NDArray[np.float64]

    def __init__(
        self,
        order: int = 2,
        protocol: Protocol = "stored",
        *,
        quality: float | None = None,
        classes: int | None = None,
        diluted: bool = False,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> None:
        self.order = checked_order(order)
        if protocol not in PROTOCOLS:
            raise UsageError(f"There is no protocol {protocol!r}. {nearest(str(protocol), PROTOCOLS)}")
        if dtype not in ("float32", "float64"):
            raise UsageError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        if quality is not None:
            per_pattern("quality", quality, 1, 0, 1)
        self.protocol, self.quality, self.diluted, self.dtype = protocol, quality, diluted, dtype
        self.classes = None if classes is None else checked_count("classes", classes)

    def fit(self, examples: ArrayLike | Tensor, labels: ArrayLike | None = None) -> "HebbianMemory":
        """Learn from examples, one a row.

        Args:
            examples: (rows, neurons) of −1 and +1, and 0 where `diluted`.
            labels: class of each row; needed for "supervised", used for the scale by "unsupervised".

        Returns:
            itself.

        Raises:
            UsageError: for other entries, labels missing or not wanted, or more than fits in memory.
            ShapeError: for empty or misshapen examples, or another number of labels.
        """
        rows = checked_spins("examples", examples, zeros=self.diluted)
        if self.protocol == "stored" and labels is not None:
            raise UsageError("protocol='stored' takes every row as a pattern; for labelled examples use 'supervised'.")
        if self.protocol == "supervised" and labels is None:
            raise UsageError("protocol='supervised' needs labels, the class of each example.")
        real = torch.float32 if self.dtype == "float32" else torch.float64
        if labels is None:
            weights_k = self._unlabelled_weights(len(rows))
            self.references_kn_, self.classes_ = rows.clone(), np.arange(len(rows))
            self.couplings_ = Couplings(rows, self.order, weights_k, dtype=real)
            return self

        given = np.asarray(labels)
        if given.shape != (len(rows),):
            raise ShapeError(f"Expected {len(rows)} labels, one for each example; got shape {given.shape}.")
        self.classes_, class_of = np.unique(given, return_inverse=True)
        require_memory(
            8 * len(self.classes_) * rows.shape[1], f"{len(self.classes_)} averages of {rows.shape[1]} neurons"
        )
        number_k = np.bincount(class_of)
        mean_kn, shown_k = _averages(rows, class_of, number_k)
        self.references_kn_ = mean_kn.sign().to(torch.int8)
        self.second_moment_ = self._second_moments(mean_kn, number_k, shown_k)
        if self.protocol == "supervised":
            scale_k = torch.from_numpy(np.sqrt(self.second_moment_)).to(mean_kn.dtype)
            self.couplings_ = Couplings(mean_kn / scale_k[:, None], self.order, dtype=real)
        else:
            weights_k = 1 / (number_k * self.second_moment_ ** (self.order / 2))
            self.couplings_ = Couplings(rows, self.order, weights_k[class_of], dtype=real)
        return self

    def recall(
        self,
        states: Rows,
        temperature: float | NDArray[Any] = 0.0,
        sweeps: int = 30,
        *,
        update: Update = "sequential",
        seed: int = 0,
    ) -> Rows:
        """Run the dynamics from each state.

        Args:
            states: (rows, neurons) of −1 and +1; one state may stand alone.
            temperature: T ≥ 0, or one for each sweep (`dynamics.annealing`); 0 goes downhill in energy.
            sweeps: updates of every neuron, at most.
            update: "sequential", or "parallel", which may alternate between two states at high load.
            seed: of the order, the noise, and ties.

        Returns:
            the states reached: int8, an array for an array and a tensor for a tensor, in the same shape.

        Raises:
            UsageError, ShapeError: for bad states or settings, or before `fit`.
        """
        net = self._fitted()
        checked_spins("states", states, neurons=net.neurons)
        end_bn = glauber(net, states, temperature, sweeps, update=update, seed=seed)
        shaped = end_bn.reshape(tuple(np.shape(states)))
        return shaped if isinstance(states, Tensor) else shaped.cpu().numpy()

    def overlap(self, states: ArrayLike | Tensor, references: ArrayLike | Tensor | None = None) -> NDArray[np.float32]:
        """(1/N) Σ_i ξ_i^k σ_i of each state with each reference; 1 is perfect, −1 its negative, equally stable.

        Args:
            states: (rows, neurons) of −1 and +1.
            references: patterns to compare with; by default `references_kn_`.

        Raises:
            UsageError, ShapeError: for bad states or references, or before `fit`.
        """
        net = self._fitted()
        states_bn = checked_spins("states", states, neurons=net.neurons).float()
        given = self.references_kn_ if references is None else references
        rows_kn = checked_rows("references", given, neurons=net.neurons)
        parts = [states_bn @ rows.float().T for rows in rows_kn.split(max(1, (1 << 24) // net.neurons))]
        return (torch.cat(parts, dim=1) / net.neurons).numpy()

    def energy(self, states: ArrayLike | Tensor) -> NDArray[np.float64]:
        """H of each state (see `couplings`); recall at zero temperature never raises it.

        Raises:
            UsageError, ShapeError: for bad states, or before `fit`.
        """
        net = self._fitted()
        return net.energy(net.states(states)).numpy()

    def _fitted(self) -> Couplings:
        if not hasattr(self, "couplings_"):
            raise UsageError("This memory has learned nothing yet. Call fit(examples) first.")
        return self.couplings_

    def _unlabelled_weights(self, rows: int) -> NDArray[np.float64] | None:
        self.second_moment_ = np.empty(0)
        if self.protocol == "stored" or self.classes is None:
            return None
        if self.quality is None:
            raise UsageError("With classes= and without labels the scale cannot be estimated: give quality= as well.")
        number = rows / self.classes
        if number < 1:
            raise UsageError(f"{rows} examples cannot be of {self.classes} classes.")
        self.second_moment_ = np.atleast_1d(second_moment(self.quality, number))
        return np.full(rows, 1 / (number * self.second_moment_[0] ** (self.order / 2)))

    def _second_moments(
        self, mean_kn: Tensor, number_k: NDArray[np.int64], shown_k: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """R of each class: from the quality, or the mean square of its average where something was shown."""
        if self.quality is not None:
            return second_moment(self.quality, number_k)
        found = mean_kn.square().sum(1).numpy() / np.maximum(shown_k, 1)
        if not np.all(found > 0):
            raise UsageError(
                f"Class {self.classes_[int(np.argmin(found))]!r} averages to nothing: its examples cancel. "
                "Leave the class out, or give quality=."
            )
        return found


def _averages(
    rows: Tensor, class_of: NDArray[np.int64], number_k: NDArray[np.int64]
) -> tuple[Tensor, NDArray[np.float64]]:
    """Mean example of each class, and how many entries of it are not blank in all examples."""
    mean_kn = torch.empty(len(number_k), rows.shape[1])
    shown_k = np.empty(len(number_k))
    for k, number in enumerate(number_k):
        own = rows[torch.from_numpy(np.flatnonzero(class_of == k))]
        mean_kn[k] = own.sum(0, dtype=torch.float32) / int(number)
        shown_k[k] = float((own != 0).any(0).sum())
    return mean_kn, shown_k
