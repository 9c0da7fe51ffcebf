"""Downloads, against a server of our own that may also cut, lie, or send too much."""

import gzip
import hashlib
import re
import socket
import struct
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import numpy as np
import pytest

from algorism.datasets import DATASETS, SOURCES, File, ImageSource, Part, download, load
from algorism.errors import DataError, UsageError

PIXELS = np.random.default_rng(0).integers(0, 256, (500, 20, 20), np.uint8)  # random, so that packing gains nothing
IMAGES = struct.pack(">4B3I", 0, 0, 8, 3, *PIXELS.shape) + PIXELS.tobytes()
LABELS = struct.pack(">4BI", 0, 0, 8, 1, 500) + bytes(500)
FILES = {"/there/images.gz": gzip.compress(IMAGES), "/there/labels": LABELS}


class Handler(BaseHTTPRequestHandler):
    """Serves FILES in the manner that `server.manner` names."""

    def do_GET(self):
        manner, asked = self.server.manner, self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        if manner == "gone" or self.path not in FILES:
            self.send_error(404)
            return
        content = FILES[self.path]
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and manner != "no ranges" else 0
        if first >= len(content):
            self.send_error(416)
            return
        body, length = content[first:], len(content) - first
        if manner == "wrong":
            body = bytes(len(body))
        elif manner == "cut":
            body = body[: len(body) // 2]
        elif manner == "announces too much":
            length = 10**12
        elif manner == "another range":
            first = 1
        self.send_response(206 if asked and manner != "no ranges" else 200)
        if asked and manner != "no ranges":
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if manner not in ("endless", "without length"):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        try:
            for _ in range(100 if manner == "endless" else 1):
                self.wfile.write(body)
        except OSError:
            pass  # the client hung up, as it should

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, and the set `tiny` that lies on it."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("ALGORISM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.manner, httpd.asked = "honest", []
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    files = (
        File("images.gz", len(IMAGES), hashlib.sha256(IMAGES).hexdigest()),
        File("labels.bin", len(LABELS), hashlib.sha256(LABELS).hexdigest(), remote="labels"),
    )
    parts = {"whole": Part(500, files)}
    base = f"http://127.0.0.1:{httpd.server_port}/there/"
    row = ImageSource(
        "tiny", "Tiny", "none", "us", base=base, shape=(20, 20), classes=("a",), parts=parts, split="test"
    )
    publish(row, monkeypatch)
    httpd.row, httpd.folder = row, tmp_path / "data" / "tiny"
    yield httpd
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def publish(row, monkeypatch):
    monkeypatch.setitem(DATASETS, "tiny", row)
    monkeypatch.setitem(SOURCES, "tiny", row)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("manner", ["honest", "no ranges", "without length"])
def test_files_arrive_and_are_read(server, manner):
    server.manner, seen = manner, []
    paths = download("tiny", progress=lambda name, have, total: seen.append((name, have, total)))
    assert paths == [server.folder / "images.gz", server.folder / "labels.bin"]
    assert names(server.folder) == ["images.gz", "labels.bin"]
    np.testing.assert_array_equal(load("tiny").pixels, PIXELS)
    size = len(FILES["/there/images.gz"])
    mine = [row for row in seen if row[0] == "images.gz"]
    assert mine[-1] == ("images.gz", size, 0 if manner == "without length" else size)
    assert all(a[1] < b[1] for a, b in pairwise(mine))
    assert len(mine) > 2
    download("tiny")  # what is there is not fetched again
    assert len(server.asked) == 2


def test_load_fetches_only_if_asked(server):
    with pytest.raises(DataError, match="--download"):
        load("tiny")
    assert server.asked == []
    assert len(load("tiny", download=True)) == 500
    assert len(load("tiny", download=True)) == 500
    assert len(server.asked) == 2


def test_a_cut_is_named_and_continued(server):
    server.manner = "cut"
    half = len(FILES["/there/images.gz"]) // 2
    with pytest.raises(DataError, match=rf"images\.gz: the connection was cut after {half:,} bytes of"):
        download("tiny")
    assert names(server.folder) == ["images.part.gz"]
    server.manner = "honest"
    download("tiny")
    assert server.asked[1:] == [("/there/images.gz", f"bytes={half}-"), ("/there/labels", None)]
    assert names(server.folder) == ["images.gz", "labels.bin"]
    assert (server.folder / "images.gz").read_bytes() == FILES["/there/images.gz"]


def test_a_server_without_ranges_sends_all_again(server):
    server.manner = "cut"
    with pytest.raises(DataError):
        download("tiny")
    server.manner = "no ranges"
    download("tiny")
    assert (server.folder / "images.gz").read_bytes() == FILES["/there/images.gz"]


@pytest.mark.parametrize("start", [b"of an older version", FILES["/there/images.gz"], FILES["/there/images.gz"] + b"!"])
def test_whatever_an_earlier_call_left_the_right_file_comes(server, start):
    server.folder.mkdir(parents=True)
    (server.folder / "images.part.gz").write_bytes(start)
    download("tiny")
    assert names(server.folder) == ["images.gz", "labels.bin"]
    assert len(load("tiny")) == 500


def test_another_range_than_asked_is_not_joined(server):
    server.folder.mkdir(parents=True)
    (server.folder / "images.part.gz").write_bytes(FILES["/there/images.gz"][:1000])
    server.manner = "another range"
    with pytest.raises(DataError, match="the server sent others"):
        download("tiny")
    server.manner = "honest"
    download("tiny")
    assert len(load("tiny")) == 500


def test_a_damaged_file_is_replaced(server):
    download("tiny")
    (server.folder / "labels.bin").write_bytes(LABELS[:-1])
    download("tiny")
    assert (server.folder / "labels.bin").read_bytes() == LABELS


def test_the_same_content_packed_otherwise_is_kept(server):
    download("tiny")
    (server.folder / "images.gz").write_bytes(gzip.compress(IMAGES, 1))
    download("tiny")
    (server.folder / "images.gz").unlink()
    (server.folder / "images").write_bytes(IMAGES)
    download("tiny")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("wrong", r"not the published images\.gz: damaged gzip data.*Nothing was kept"),
        ("gone", "answers 404"),
        ("announces too much", "announces 1,000,000,000,000 bytes"),
        ("endless", "sends more than the"),
    ],
)
def test_what_is_not_the_file_does_not_enter(server, manner, said):
    server.manner, taken = manner, [0]
    with pytest.raises(DataError, match=said) as caught:
        download("tiny", progress=lambda name, have, total: taken.append(have))
    assert max(taken) < 1.01 * len(IMAGES) + 10_000
    assert f"http://127.0.0.1:{server.server_port}/there/images.gz" in str(caught.value)
    assert names(server.folder) == []


def test_a_wrong_checksum_is_shown(server, monkeypatch):
    row = server.row
    files = tuple(replace(file, sha256="ab" * 32) for file in row.files)
    publish(replace(row, parts={"whole": Part(500, files)}), monkeypatch)
    with pytest.raises(DataError, match=f"SHA-256 is {hashlib.sha256(IMAGES).hexdigest()}, not {'ab' * 32}"):
        download("tiny")
    assert names(server.folder) == []


def test_without_a_network_the_other_way_is_shown(server, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        publish(replace(server.row, base=f"http://127.0.0.1:{unused.getsockname()[1]}/"), monkeypatch)
        with pytest.raises(DataError, match=r"cannot be reached \(.*refused.*\)\. Without a network.*ALGORISM_DATA"):
            download("tiny")
    publish(replace(server.row, base="http://nowhere.invalid/"), monkeypatch)
    with pytest.raises(DataError, match="cannot be reached"):
        download("tiny")


def test_a_silent_server_is_given_up(server, monkeypatch):
    monkeypatch.setattr("algorism.datasets.downloading._PATIENCE", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        publish(replace(server.row, base=f"http://127.0.0.1:{silent.getsockname()[1]}/"), monkeypatch)
        with pytest.raises(DataError, match=r"cannot be reached \(.*timed out"):
            download("tiny")


def test_a_set_that_lies_nowhere_says_so(server, tmp_path, monkeypatch):
    publish(replace(server.row, base=None), monkeypatch)
    with pytest.raises(DataError, match=r"no public place.*images\.gz, labels\.bin into .*tiny"):
        download("tiny", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    assert download("digits", tmp_path) == []
    with pytest.raises(UsageError, match="Nearest known: 'mnist'"):
        download("mnits")
