"""Looking inside networks: hidden states by layer, linear probes on them, and weights that one kind of text needs."""

from algorism.interpretability.probes import LayerProbes, Probe, probe, probe_layers, transfer
from algorism.interpretability.pruning import importance, random_masks, specific, without
from algorism.interpretability.states import layer_states, span_states

__all__ = [
    "LayerProbes",
    "Probe",
    "importance",
    "layer_states",
    "probe",
    "probe_layers",
    "random_masks",
    "span_states",
    "specific",
    "transfer",
    "without",
]
