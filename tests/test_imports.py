"""What is light stays light: no module imports torch or transformers before it needs them."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "accelerate", "altair", "sklearn", "pandas")


def loaded(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys\nprint('loaded:', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "module",
    [
        "algorism",
        "algorism.cli",
        "algorism.files",
        "algorism.tasks",
        "algorism.text",
        "algorism.models.config",
        "algorism.training",
        "algorism.training.recipe",
        "algorism.training.schedule",
        "algorism.training.batches",
        "algorism.training.material",
    ],
)
def test_light_modules(module: str) -> None:
    assert loaded(f"import {module}") == set()


def test_the_check_sees_what_it_looks_for() -> None:
    assert "torch" in loaded("import algorism.training\nalgorism.training.train")


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["sample", "addition", "-n", "2"]])
def test_light_commands(arguments: list[str]) -> None:
    code = (
        f"import sys\nsys.argv = ['algorism', *{arguments}]\nfrom algorism.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert loaded(code) == set()


def test_a_bad_recipe_is_refused_before_torch_is_imported() -> None:
    code = (
        "import sys\nsys.argv = ['algorism', 'train', 'nowhere.yaml']\nfrom algorism.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 2, stop.code"
    )
    assert loaded(code) == set()
