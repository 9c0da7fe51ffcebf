"""A model by its name, as it is typed: every kind of `evaluation.backends`, and runs of ours.

Here, because a run is loaded by `training`, of which `evaluation` knows nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..evaluation.backends.network import Network
    from ..evaluation.backends.protocol import Backend


def model_named(spec: str, **options: Any) -> "Backend":
    """The model that a name means; arguments as for `evaluation.backends.backend`.

    Raises:
        UsageError: an unknown kind, name or option.
        CheckpointError: no finished run is in the folder.

    >>> model_named("scripted:oracle").name
    'scripted:oracle'
    """
    from ..evaluation.backends import names

    return names.backend(spec, names.KINDS | {"run": _run}, **options)


def _run(name: str, options: dict[str, Any]) -> "Backend":
    from ..evaluation.backends.names import made

    return made(run_model, "run", (name,), options)


def run_model(folder: str, *, batch: int = 512, device: str | None = None) -> "Network":
    """A run of ours as a model that is asked bare problems of its task, such as "123+456=".

    Args:
        folder: the run's.
        batch: most prompts at once.
        device: "cpu", "cuda", …; default: a GPU if there is one.

    Raises:
        CheckpointError: no finished run is there.
        UsageError: a run on lists.
    """
    from ..evaluation.backends.network import Network
    from ..training import load_run

    run = load_run(folder)
    m = run.material
    return Network(
        run.model, m.format, m.tokenizer, m.task, m.indexing, name=f"run:{folder}", batch=batch, device=device
    )
