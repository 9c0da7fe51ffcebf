"""How long it takes until anything can happen: `import algorism` and `algorism --help` against importing transformers.

Each run is a fresh Python process, start of the interpreter included. Needs nothing but the package itself.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator

from _harness import Comparison, compare, main

PEER = "import transformers"


def process(*arguments: str) -> Callable[[], None]:
    """A function that runs Python with these arguments, quietly, and waits for its end."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    return run


def comparisons() -> Iterator[Comparison]:
    """The import of the package, and the help of its command."""
    for name, arguments in (
        ("import algorism", ("-c", "import algorism")),
        ("algorism --help", ("-m", "algorism", "--help")),
    ):
        yield compare(
            name,
            process(*arguments),
            process("-c", PEER),
            peer_name=PEER,
            unit="s",
            quantity="seconds",
            packages=("typer", "transformers"),
        )


if __name__ == "__main__":
    main(__doc__, comparisons)
