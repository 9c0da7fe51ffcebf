"""Tables and texts: read as the `csv` module and Python read them, refused by row and column."""

import csv
import gzip
import hashlib
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.datasets import SOURCES, TABLES, TEXTS, File, Table, TableSource, TextSource, mismatch, table, text
from algorism.errors import DataError, UsageError

CONTENT = 'id,name,mass\r\n1,Ann,2.5\r\n2,"O\'Neill, ""Bo""",-9\r\n3,,\r\n'


def offer(monkeypatch, tmp_path, content, packed=False, **fields):
    """Make `content` the table `tiny`, in a data folder of its own."""
    data = content if isinstance(content, bytes) else content.encode()
    path = tmp_path / "tiny" / ("a.csv.gz" if packed else "a.csv")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(data) if packed else data)
    fields = {"rows": 3, "columns": ("id", "name", "mass"), "text": ("name",), "missing": -9, **fields}
    row = TableSource(
        "tiny", "Tiny", "none", "us", file=File(path.name, max(len(data) // 2 + 1, 60), "0" * 64), **fields
    )
    monkeypatch.setitem(TABLES, "tiny", row)
    monkeypatch.setitem(SOURCES, "tiny", row)
    monkeypatch.setenv("ALGORISM_DATA", str(tmp_path))
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("change", [str, lambda s: s.replace("\r\n", "\n"), lambda s: "\ufeff" + s, str.rstrip])
def test_columns_are_numbers_or_words(monkeypatch, tmp_path, packed, change):
    offer(monkeypatch, tmp_path, change(CONTENT) if change is not str.rstrip else CONTENT.rstrip("\r\n"), packed)
    found = table("tiny")
    assert len(found) == 3
    assert found["name"].tolist() == ["Ann", 'O\'Neill, "Bo"', ""]
    np.testing.assert_array_equal(found["id"], [1, 2, 3])
    np.testing.assert_array_equal(found["mass"], [2.5, np.nan, np.nan])
    np.testing.assert_array_equal(found.numbers(), [[1, 2.5], [2, np.nan], [3, np.nan]])
    np.testing.assert_array_equal(found.numbers("mass", "id")[:, 1], [1, 2, 3])
    assert found.unknown() == {"id": 0, "name": 1, "mass": 2}


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(rows=st.lists(st.tuples(st.floats(allow_infinity=False), WORDS), min_size=1, max_size=20))
def test_what_was_written_is_read(tmp_path_factory, rows):
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("x", "word"), *rows])
    columns = {"rows": len(rows), "columns": ("x", "word"), "text": ("word",), "missing": None}
    with pytest.MonkeyPatch.context() as patch:
        offer(patch, tmp_path_factory.mktemp("table"), stream.getvalue(), **columns)
        found = table("tiny")
    assert found["word"].tolist() == [word for _, word in rows]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, (b, _) in zip(found["x"], rows, strict=True))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "expected the columns id, name, mass; got"),
        ("id,name,weight\n1,a,2\n", "got id, name, weight"),
        ("id;name;mass\n1;a;2\n", "got id;name;mass"),
        ("id,name,mass\n1,Ann,2\n2,Bo,3\n", "2 rows, expected 3"),
        ("id,name,mass\n" + "1,a,2\n" * 4, "4 rows, expected 3"),
        ("id,name,mass\n1,Ann,2\n2,Bo\n3,Cy,3\n", "row 2 has 2 cells, expected 3"),
        ("id,name,mass\n1,Ann,2\n2,Bo,3,\n3,Cy,3\n", "row 2 has 4 cells"),
        ("id,name,mass\n1,Ann,2\n2,Bo,heavy\n3,Cy,3\n", "mass, row 2: expected a number, got 'heavy'"),
        ("id,name,mass\n1,Ann,2\n2,Bo,3_0x\n3,Cy,3\n", "got '3_0x'"),
        ('id,name,mass\n1,"Ann,2\n', "unexpected end of data"),
        ('id,name,mass\n1,"Ann"x,2\n', "line 2: ',' expected"),
        (b"id,name,mass\n1,\xff,2\n", "not UTF-8"),
    ],
)
def test_refused(monkeypatch, tmp_path, content, said):
    path = offer(monkeypatch, tmp_path, content)
    with pytest.raises(DataError, match=said) as caught:
        table("tiny")
    assert str(path) in str(caught.value)


def test_no_more_is_read_than_a_copy_could_have(monkeypatch, tmp_path):
    path = offer(monkeypatch, tmp_path, CONTENT, packed=True)
    path.write_bytes(gzip.compress(CONTENT.encode() + b"4,Dee,1\n" * 1_000_000))
    with pytest.raises(DataError, match="more than the 120 bytes"):
        table("tiny")


def test_damaged_gzip_is_refused(monkeypatch, tmp_path):
    path = offer(monkeypatch, tmp_path, CONTENT, packed=True)
    whole = path.read_bytes()
    for content in (whole[:-9], whole[:-1], whole[:5], b"plain", whole[:-5] + b"\1" + whole[-4:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.csv\.gz"):
            table("tiny")


def test_misuse_is_named():
    found = Table("t", {"mass": np.zeros(2), "name": np.array(["a", "b"])})
    for said, call in {
        "no column 'mas'. Nearest known: 'mass'": lambda: found["mas"],
        "column 'name' holds words": lambda: found.numbers("mass", "name"),
        "Nearest known: 'titanic'": lambda: table("titanik"),
        "Nearest known: 'warpeace'": lambda: text("warandpeace"),
        "name one of its parts 'valid', 'test'; got None": lambda: text("wikitext2"),
        "got 'train'": lambda: text("wikitext2", "train"),
    }.items():
        with pytest.raises(UsageError, match=said):
            call()


def test_texts_are_the_published_ones(monkeypatch, tmp_path):
    content = "naïve\nline\n".encode()
    row = TextSource(
        "tiny", "T", "none", "us", parts={"whole": File("a.txt", len(content), hashlib.sha256(content).hexdigest())}
    )
    monkeypatch.setitem(TEXTS, "tiny", row)
    path = tmp_path / "tiny" / "a.txt"
    path.parent.mkdir()
    path.write_bytes(content)
    assert text("tiny", folder=tmp_path) == text("tiny", "whole", folder=tmp_path) == "naïve\nline\n"
    for wrong, said in [
        (content[:-1], "11 bytes instead of 12: cut short"),
        (content.replace(b"\n", b"\r\n"), "more than the 12 bytes"),
        (content.upper(), "SHA-256"),
    ]:
        path.write_bytes(wrong)
        with pytest.raises(DataError, match=said):
            text("tiny", folder=tmp_path)


def test_mismatch_unpacks_no_more_than_is_listed(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(5_000_000)))
    listed = File("a.gz", 5_000_000, hashlib.sha256(bytes(5_000_000)).hexdigest())
    assert mismatch(path, listed) is None
    assert mismatch(path, File("a.gz", 4_999_999, listed.sha256)) == "more than the 4,999,999 bytes that were expected"
    assert "cut short" in mismatch(path, File("a.gz", 5_000_001, listed.sha256))
