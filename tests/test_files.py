"""Atomic writes: whole or not at all, also on a full disk."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from algorism.files import read_json, write_atomic, write_json, write_text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk needs root; the simulated full disk is tested in any case")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_file_before_in_place(small_disk: Path) -> None:
    path = small_disk / "model.bin"
    write_atomic(path, lambda stream: stream.write(b"a" * 1000))
    with pytest.raises(OSError) as caught:
        write_atomic(path, lambda stream: stream.write(b"b" * 1_000_000))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"a" * 1000
    assert os.listdir(small_disk) == ["model.bin"]
    write_atomic(path, lambda stream: stream.write(b"c" * 1000))  # the room was given back
    assert path.read_bytes() == b"c" * 1000


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_call_leaves_the_file_before_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "before")

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_text(path, "after")
    assert caught.value.filename == str(path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_writer_that_fails_half_way(tmp_path: Path) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_atomic(tmp_path / "new.txt", write)
    assert os.listdir(tmp_path) == []


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write(stream: BinaryIO) -> None:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"

    write_atomic(path, write)
    assert path.read_text() == "new"
    assert os.stat(path).st_mode & 0o777 == 0o644


def test_json_round_trip_and_folders_made(tmp_path: Path) -> None:
    value = {"größe": [1, 2.5, None, True], "b": {"c": "≥"}}
    write_json(tmp_path / "x" / "y" / "v.json", value)
    assert read_json(tmp_path / "x" / "y" / "v.json") == value
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "nan.json", float("nan"))
    assert not (tmp_path / "nan.json").exists()
