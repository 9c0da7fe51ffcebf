"""The ledger: every measurement of every finished study run, with its provenance, in one SQLite file.

A run enters in one transaction when its study has finished, so the ledger never holds half of one. The file uses
the rollback journal, not the write-ahead log: between transactions the one file is complete and can be committed.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import algorism
from algorism.claims import Measurement, Measurements
from algorism.errors import DataError, UsageError

APPLICATION_ID = 0x416C676F  # "Algo": SQLite keeps it in the header, so a foreign file is known at once
LAYOUT = 1
BUSY_SECONDS = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, study TEXT NOT NULL, scale TEXT NOT NULL, seed INTEGER NOT NULL, date TEXT NOT NULL,
    device TEXT NOT NULL, version TEXT NOT NULL, python TEXT NOT NULL, torch TEXT NOT NULL, "commit" TEXT NOT NULL,
    seconds REAL NOT NULL, settings TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS measurements (
    run TEXT NOT NULL REFERENCES runs(id), place INTEGER NOT NULL, name TEXT NOT NULL, value REAL NOT NULL,
    low REAL NOT NULL, high REAL NOT NULL, n INTEGER NOT NULL, unit TEXT NOT NULL, seeds INTEGER NOT NULL,
    device TEXT NOT NULL, details TEXT NOT NULL, PRIMARY KEY (run, name)
);
CREATE INDEX IF NOT EXISTS runs_by_study ON runs (study, scale, date);
"""
_MEASURED = "place, name, value, low, high, n, unit, seeds, device, details"


@dataclass(frozen=True)
class Run:
    """Where a set of measurements comes from.

    Args:
        id: globally unique; merging goes by it.
        date: when the run finished, UTC, ISO 8601.
        commit: of the source tree, with "+" where it had changes; empty outside a checkout.
        seconds: wall time of the last start of the run (a resumed run counts from its resumption).
        settings: the scale's settings as JSON text.
    """

    id: str
    study: str
    scale: str
    seed: int
    date: str
    device: str
    version: str
    python: str = ""
    torch: str = ""
    commit: str = ""
    seconds: float = 0.0
    settings: str = "{}"


_RUN_COLUMNS = ", ".join(f'"{f.name}"' for f in fields(Run))
_RUN_MARKS = ", ".join("?" for _ in fields(Run))


class Ledger:
    """One ledger file. It is created by the first write; a file that does not exist reads as empty.

    >>> import tempfile, pathlib
    >>> ledger = Ledger(pathlib.Path(tempfile.mkdtemp()) / "ledger.sqlite")
    >>> run = Run("r1", "sums", "cpu", seed=0, date="2024-01-01T00:00:00Z", device="a cpu", version="0.1.0")
    >>> ledger.add(run, [Measurement("plain", 0.8, 0.7, 0.9, n=100)])
    >>> ledger.latest("sums", "cpu")["plain"].low, len(ledger.latest("sums", "gpu"))
    (0.7, 0)
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def add(self, run: Run, measurements: Iterable[Measurement]) -> None:
        """Record a finished run, all of it or nothing.

        Raises:
            UsageError: no measurements, or this run is already there.
            DataError: the file is damaged, is not a ledger, or cannot be written.
        """
        items = list(Measurements(measurements).values())
        if not items:
            raise UsageError(f"Run {run.id!r} of {run.study!r} holds no measurements; there is nothing to record.")
        rows = [
            (i, m.name, m.value, m.low, m.high, m.n, m.unit, m.seeds, m.device or run.device, json.dumps(m.details))
            for i, m in enumerate(items)
        ]
        with self._writing() as connection:
            if self._rows(connection, run.id):
                raise UsageError(f"Run {run.id!r} is already in {self.path}.")
            self._insert(connection, astuple(run), rows)

    def runs(self, study: str | None = None, scale: str | None = None) -> list[Run]:
        """The recorded runs, newest first."""
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                f"SELECT {_RUN_COLUMNS} FROM runs WHERE study = coalesce(?, study) AND scale = coalesce(?, scale)"
                " ORDER BY date DESC, rowid DESC",
                (study, scale),
            ).fetchall()
        return [Run(*row) for row in rows]

    def measurements(self, run: Run) -> Measurements:
        """Every measurement of one run, in the order in which the study yielded them."""
        with self._reading() as connection:
            rows = [] if connection is None else self._rows(connection, run.id)
        found = Measurements(
            Measurement(name, value, low, high, n, unit, seeds, json.loads(details), device=device)
            for _, name, value, low, high, n, unit, seeds, device, details in rows
        )
        return found.stamped(scale=run.scale, device=run.device, date=run.date, version=run.version)

    def latest(self, study: str, scale: str) -> Measurements:
        """The measurements of the newest run of a study at a scale; empty when there is none."""
        runs = self.runs(study, scale)
        return self.measurements(runs[0]) if runs else Measurements()

    def check(self) -> None:
        """Read the file through, and make sure that it can be written, before hours are spent on filling it.

        Raises:
            DataError: the file is damaged, is not a ledger, or cannot be written.
        """
        with self._writing() as connection:
            _check_whole(connection, self.path)

    def merge(self, files: Sequence[Path | str]) -> int:
        """Take over the runs of other ledgers, once each: merging the same file again changes nothing.

        Returns:
            the number of runs that were new.

        Raises:
            UsageError: a file that does not exist.
            DataError: a file that is damaged or is not a ledger, or the same run with other numbers. Nothing is
                merged then, not even from the other files.
        """
        incoming: dict[str, tuple[tuple, list[tuple]]] = {}
        for path in map(Path, files):
            if not path.is_file():
                raise UsageError(f"There is no ledger at {path}.")
            if path.stat().st_size == 0:
                raise DataError(f"{path} is empty; a ledger is never empty once it was written. Copy it again.")
            with Ledger(path)._reading() as connection:
                assert connection is not None
                _check_whole(connection, path)
                for run in connection.execute(f"SELECT {_RUN_COLUMNS} FROM runs ORDER BY rowid").fetchall():
                    found = (run, self._rows(connection, run[0]))
                    if incoming.setdefault(run[0], found) != found:
                        raise DataError(f"{path} holds run {run[0]!r} with other numbers than another of these files.")
        added = 0
        with self._writing() as connection:
            for run_id, (run, rows) in incoming.items():
                known = connection.execute(f"SELECT {_RUN_COLUMNS} FROM runs WHERE id = ?", (run_id,)).fetchone()
                if known is None:
                    self._insert(connection, run, rows)
                    added += 1
                elif (known, self._rows(connection, run_id)) != (run, rows):
                    raise DataError(
                        f"Run {run_id!r} is in {self.path} with other numbers; one of the files was altered."
                    )
        return added

    @staticmethod
    def _rows(connection: sqlite3.Connection, run_id: str) -> list[tuple]:
        query = f"SELECT {_MEASURED} FROM measurements WHERE run = ? ORDER BY place"
        return connection.execute(query, (run_id,)).fetchall()

    @staticmethod
    def _insert(connection: sqlite3.Connection, run: tuple, rows: list[tuple]) -> None:
        connection.execute(f"INSERT INTO runs ({_RUN_COLUMNS}) VALUES ({_RUN_MARKS})", run)
        marks = ", ".join("?" for _ in range(11))
        connection.executemany(
            f"INSERT INTO measurements (run, {_MEASURED}) VALUES ({marks})", [(run[0], *row) for row in rows]
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.is_file() or self.path.stat().st_size == 0:
            yield None
            return
        with _explained(self.path):
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
                _check_header(connection, self.path)
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, so that concurrent writers queue up."""
        with _explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                        connection.execute(f"PRAGMA user_version = {LAYOUT}")
                        for statement in filter(str.strip, _SCHEMA.split(";")):
                            connection.execute(statement)
                    _check_header(connection, self.path)
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise


def _check_header(connection: sqlite3.Connection, path: Path) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if owner != APPLICATION_ID:
        raise DataError(f"{path} is an SQLite file, but not a ledger of this package.")
    if layout != LAYOUT:
        raise DataError(f"{path} has ledger layout {layout}; this version of algorism reads layout {LAYOUT}.")


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if answer != "ok":
        raise DataError(f"Ledger {path} is damaged: {answer}")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise DataError(
            f"Ledger {path} cannot be used: {error}. Expected an SQLite file written by algorism."
        ) from error


def locate(start: Path | str | None = None) -> Path:
    """Find the ledger that commands use when none is named.

    In this order: the file named by ALGORISM_LEDGER; `results/ledger.sqlite` in `start` (the working directory) or
    the nearest parent that has one; the same in the checkout that the package runs from; otherwise a new file
    under `start`.
    """
    named = os.environ.get("ALGORISM_LEDGER")
    if named:
        return Path(named)
    inside = Path("results") / "ledger.sqlite"
    here = Path(start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / inside).is_file():
            return folder / inside
    package = Path(algorism.__file__).parent
    checkout = package.parents[1]
    if package.parent.name == "src" and (checkout / "pyproject.toml").is_file():
        return checkout / inside
    return here / inside


def locate_for_reading(start: Path | str | None = None) -> Path:
    """As `locate`, but where no such file exists, the ledger shipped inside the installed package."""
    path = locate(start)
    shipped = Path(algorism.__file__).parent / "results" / "ledger.sqlite"
    return shipped if not path.is_file() and shipped.is_file() else path
