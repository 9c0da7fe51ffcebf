"""The rules of docs/architecture.md, checked on the syntax tree of every module: nothing is imported for it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "algorism"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = sorted(PACKAGE.rglob("*.py"))
COMMITTED = sorted(p for top in ("src", "tests", "benchmarks", "docs") for p in (ROOT / top).rglob("*.py"))
LONGEST = 400
TOP = 1000  # the height of a name that cannot be read or is no room: nobody may import it

FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "dill.load",
    "dill.loads",
    "joblib.load",
    "marshal.load",
    "marshal.loads",
    "pandas.read_pickle",
    "pickle.Unpickler",
    "pickle.load",
    "pickle.loads",
    "shelve.open",
    "torch.load",
    "yaml.full_load",
    "yaml.load",
    "yaml.unsafe_load",
}
# The one place where a foreign program is run, in a process that can do nothing: see its tests.
CONFINED = {"src/algorism/evaluation/sandbox/child.py": ["exec"]}
FORBIDDEN_FLAGS = {"allow_pickle", "trust_remote_code"}


def floors() -> dict[str, int]:
    """Height of each room, from the block of the page; the lowest floor is 0."""
    lines = re.search(r"```floors\n(.*?)```", PAGE, re.DOTALL).group(1).split("\n")
    rows = [line.split() for line in lines if line.strip()]
    return {name: height for height, names in enumerate(reversed(rows)) for name in names}


def room(dotted: str) -> str:
    """The room of a module: `algorism.text.formats` is in `text`; the root itself is in ''."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def dotted_name(path: Path) -> str:
    parts = ["algorism", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def computed_name(argument: ast.expr, home: list[str]) -> str:
    """What `import_module` is given, as far as it is written out: f"algorism.text.{name}" is "algorism.text."."""
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
    text = first.value if isinstance(first, ast.Constant) else "algorism.?"
    return ".".join(home) + text if text.startswith(".") and not text.startswith("..") else text


def imported_rooms(source: str, module: str, is_package: bool, known: set[str]) -> Iterator[tuple[int, str]]:
    """Line and room of every import of the package, wherever it stands in the file."""
    home = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from algorism import pictures` imports a room; `from algorism import __version__` does not.
            names = [f"{origin}.{a.name}" if origin == "algorism" and a.name in known else origin for a in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [computed_name(node.args[0], home)]
        else:
            continue
        for name in dict.fromkeys(names):
            if name.split(".")[0] == "algorism":
                yield node.lineno, room(name)


def violations(source: str, module: str, is_package: bool, heights: dict[str, int]) -> list[str]:
    here = room(module)
    return [
        f"{module}, line {line}: {here or 'the root'} imports {there}"
        for line, there in imported_rooms(source, module, is_package, set(heights))
        if there not in ("", here) and (here == "" or heights.get(there, TOP) >= heights[here])
    ]


def refused(source: str) -> list[str]:
    """Calls that would run code out of data, under whatever name they were imported."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        head, _, tail = ast.unparse(node.func).partition(".")
        called = names.get(head, head) + (f".{tail}" if tail else "")
        if called.removeprefix("builtins.") in FORBIDDEN_CALLS:
            found.append(called)
        found += [
            keyword.arg
            for keyword in node.keywords
            if keyword.arg in FORBIDDEN_FLAGS
            and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        ]
    return found


def test_the_page_names_every_room_and_no_other():
    built = {
        p.stem if p.is_file() else p.name
        for p in PACKAGE.iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert set(floors()) == built - {"__init__"}


def test_rooms_called_not_built_are_not_there():
    section = PAGE.split("## Not built yet")[1]
    absent = [
        name for name in re.findall(r"`([a-z]+)(?:\.py)?`", section) if name not in ("checkup", "merge", "quantize")
    ]
    assert "merging" in absent
    assert [name for name in absent if name in floors()] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downwards(path):
    source = path.read_text(encoding="utf-8")
    assert violations(source, dotted_name(path), path.name == "__init__.py", floors()) == []


@pytest.mark.parametrize(
    ("module", "source", "count"),
    [
        ("algorism.text.formats", "def f():\n    from ..models.config import POSITIONS", 1),
        ("algorism.text.formats", "from algorism.tasks import Task", 0),
        ("algorism.text.formats", "from .planes import Texts\nfrom .. import __version__", 0),
        ("algorism.evaluation.decoding", "from ..training.run import load_run", 1),
        ("algorism.training.run", "import algorism.evaluation", 1),
        ("algorism.models.config", "from algorism import studies", 1),
        ("algorism.models.config", "from .. import claims, errors", 1),
        ("algorism.studies.runner", "from algorism import pictures", 0),
        ("algorism.errors", "import algorism.files", 1),
        ("algorism.studies.registry", 'importlib.import_module(f"algorism.studies.{name}")', 0),
        ("algorism.training.run", 'import_module(f".{name}", __name__)', 0),
        ("algorism.training.run", 'import_module(f"algorism.evaluation.{name}")', 1),
        ("algorism.training.run", "import_module(name)", 1),
        ("algorism.claims", "if TYPE_CHECKING:\n    from algorism.ledger import Ledger", 1),
    ],
)
def test_the_check_sees(module, source, count):
    assert len(violations(source, module, False, floors())) == count


def test_the_root_imports_nothing_of_the_package():
    assert violations("from .errors import AlgorismError", "algorism", True, floors()) != []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_code_is_run_out_of_data(path):
    assert refused(path.read_text(encoding="utf-8")) == CONFINED.get(str(path.relative_to(ROOT)), [])


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(stream)",
        "import pickle as p\np.loads(data)",
        "from torch import load as read\nread(path)",
        "import torch.nn\ntorch.load(path, weights_only=True)",
        "import yaml\nyaml.load(text, yaml.Loader)",
        "eval('1')",
        "import builtins\nbuiltins.exec('1')",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=flag)",
    ],
)
def test_forbidden_calls_are_seen(source):
    assert len(refused(source)) == 1


def test_what_only_looks_forbidden_is_let_through():
    source = "import numpy as np\nmodel.eval()\nnp.load(path, allow_pickle=False)\nload(path)\nprint('eval(')"
    assert refused(source) == []
