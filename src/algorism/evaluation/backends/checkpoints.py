"""A fingerprint of a checkpoint's folder: which weights, which configuration, which tokenizer."""

import hashlib
from pathlib import Path

_BLOCKS, _BLOCK = 64, 4096  # of a large file


def checkpoint_hash(folder: Path | str) -> str:
    """A hash of a folder's JSON, model and safetensors files: the same for a copy, another for other weights.

    Small files enter whole. Of a large one (weights) its size, its first and last block and 64 blocks between them do,
    so that a checkpoint of 100 GB costs no more than one of 1 MB; training changes nearly every weight.

    Args:
        folder: where the files are; a name that is no folder is hashed as a text.

    >>> import tempfile, pathlib
    >>> one, other = (pathlib.Path(tempfile.mkdtemp()) for _ in range(2))
    >>> for folder, text in ((one, "a"), (other, "a")):
    ...     _ = (folder / "config.json").write_text(text)
    >>> checkpoint_hash(one) == checkpoint_hash(other)
    True
    """
    digest = hashlib.blake2b(digest_size=16)
    folder = Path(folder)
    if not folder.is_dir():
        return hashlib.blake2b(str(folder).encode(), digest_size=16).hexdigest()
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".json", ".safetensors", ".model", ".txt", ".jinja") or not path.is_file():
            continue
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as stream:
            if size <= _BLOCKS * _BLOCK:
                digest.update(stream.read())
                continue
            for block in range(_BLOCKS + 1):
                stream.seek(block * (size - _BLOCK) // _BLOCKS)
                digest.update(stream.read(_BLOCK))
    return digest.hexdigest()
