"""A folder behind `transformers serve`, for tests that want a real server."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"  # as a text would be sent


@contextmanager
def served(folder: Path, serve: Any) -> Iterator[str]:
    """The address of a server that serves it.

    Args:
        folder: a checkpoint.
        serve: the module `transformers.cli.serve`, which not every machine can import.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = serve.Serve(
        force_model=str(folder), device="cpu", host="127.0.0.1", port=port, non_blocking=True, log_level="error"
    )
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1).close()
            break
        except (urllib.error.URLError, TimeoutError):
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.02)
    yield f"{address}/v1"
    server.kill_server()
