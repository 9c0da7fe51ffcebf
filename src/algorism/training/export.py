"""A finished run as a checkpoint that `transformers` loads."""

from pathlib import Path

from ..errors import UsageError
from ..models.export import End, export
from ..models.transformer import Transformer
from .material import Material
from .run import load_run


def export_run(folder: Path | str, out: Path | str) -> None:
    """Write a run as a GPT-2 or Llama folder; its format's stop becomes the end-of-text token.

    Args:
        folder: of a finished run.
        out: the new folder.

    Raises:
        UsageError: a network without a counterpart there, with the setting that prevents it.
    """
    run = load_run(folder)
    export_model(run.model, run.material, out)


def export_model(model: Transformer, material: Material, out: Path | str) -> None:
    """Write a network that speaks a run's format and alphabet, such as a quantized copy of the run's.

    Raises:
        UsageError: as for `export_run`.
    """
    reason = exportable_material(material)
    if reason is not None:
        raise UsageError(f"export: this network has no counterpart in transformers. {reason}")
    stop = material.format.stop
    end = End(int(material.tokenizer.encode(stop)[0]), stop)
    export(model, out, material.tokenizer, end)


def exportable_material(material: Material) -> str | None:
    """Return None if a network of a run reads its tokens in order, as `transformers` gives them; else the setting."""
    indexing = material.indexing
    if indexing is not None and indexing.needs_facts:
        return f"text.index: {indexing.kind!r} numbers digits by their significance; GPT-2 and Llama number by place."
    return None
