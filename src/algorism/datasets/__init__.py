"""Real images, tables and texts: embedded digits, and MNIST and others from a data folder or a verified download."""

from .content import mismatch
from .downloading import download
from .idx import read_idx
from .image_sources import DATASETS
from .images import Images
from .loading import load
from .omniglot import Omniglot, OneShotRuns, omniglot
from .parquet import read_parquet
from .places import SOURCES, available, find
from .sheet import contact_sheet, write_png
from .sources import File, ImageSource, Part, Source, TableSource, TextSource
from .table_sources import TABLES, TEXTS
from .tables import Table, table
from .texts import text

__all__ = [
    "DATASETS",
    "SOURCES",
    "TABLES",
    "TEXTS",
    "File",
    "ImageSource",
    "Images",
    "Omniglot",
    "OneShotRuns",
    "Part",
    "Source",
    "Table",
    "TableSource",
    "TextSource",
    "available",
    "contact_sheet",
    "download",
    "find",
    "load",
    "mismatch",
    "omniglot",
    "read_idx",
    "read_parquet",
    "table",
    "text",
    "write_png",
]
