"""Run a program in a confined process, and say how it ended."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from algorism.errors import AlgorismError, UsageError

End = Literal["finished", "error", "time", "memory", "output", "killed"]
_CHILD = Path(__file__).with_name("child.py")
_NO_FILTER = 77
_STARTUP = 10.0  # seconds the interpreter may need before the program's own time begins
_ERROR_BYTES = 4096


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Args:
        seconds: of processor time, and as many again of waiting.
        memory_mb: of address space, the interpreter's own 100 MB or so included.
        output: bytes it may write.
    """

    seconds: int = 5
    memory_mb: int = 512
    output: int = 100_000

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.seconds < 1 or self.memory_mb < 128 or self.output < 1:
            raise UsageError(f"Limits: expected seconds >= 1, memory_mb >= 128 and output >= 1, got {self}.")


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    Attributes:
        end: "finished"; "error" with its message; or the limit that it met: "time", "memory", "output"; "killed" by
            the kernel or by itself.
        output: what it wrote on standard output, as far as the limit.
        message: the last line of its error.
        seconds: from start to end.
    """

    end: End
    output: str
    message: str
    seconds: float


def run_program(source: str, limits: Limits | None = None) -> Outcome:
    r"""Run a Python program that may do anything, and let it do nothing.

    It has Python's language, and the modules that calculate (math, re, itertools, collections, datetime and so on). It
    has no files, no network, no other processes or threads, an empty environment and an empty standard input. The
    kernel sees to that (seccomp); where it cannot, nothing is run.

    Args:
        source: the program.
        limits: what it may use.

    Raises:
        AlgorismError: this system cannot confine a process.

    >>> run_program("print(sum(range(10)))").output
    '45\n'
    >>> run_program("open('/etc/passwd')").message
    "PermissionError: [Errno 1] Operation not permitted: '/etc/passwd'"
    """
    limits = limits or Limits()
    order = json.dumps({"source": source, "seconds": limits.seconds, "memory": limits.memory_mb << 20}).encode()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as nowhere:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONIOENCODING": "utf-8:backslashreplace", "LC_ALL": "C.UTF-8"},
            cwd=nowhere,
            start_new_session=True,
        )
        try:
            written, complaint, cut = _exchange(child, order, limits, began + _STARTUP + 2 * limits.seconds)
        finally:
            _end(child)
    output, message = written.decode("utf-8", "replace"), complaint.decode("utf-8", "replace").strip()
    if child.returncode == _NO_FILTER and not written and not message:
        raise AlgorismError(
            "Programs written by models are not run here: this system offers no way to confine them (it takes Linux "
            "with seccomp, on x86-64 or ARM64)."
        )
    end = cut or _how(child.returncode, message)
    return Outcome(end, output, message, time.monotonic() - began)


def _exchange(
    child: "subprocess.Popen[bytes]", order: bytes, limits: Limits, deadline: float
) -> tuple[bytes, bytes, End | None]:
    """Send the program; read what it writes up to the limits. The third is a limit it met."""
    stdin, stdout, stderr = (cast(IO[bytes], stream) for stream in (child.stdin, child.stdout, child.stderr))
    room = {stdout: limits.output, stderr: _ERROR_BYTES}
    found: dict[IO[bytes], bytearray] = {stdout: bytearray(), stderr: bytearray()}
    with contextlib.suppress(BrokenPipeError):  # if it ended before it had read everything, its status tells why
        stdin.write(order)
        stdin.close()
    with selectors.DefaultSelector() as waiting:
        for stream in found:
            os.set_blocking(stream.fileno(), False)
            waiting.register(stream, selectors.EVENT_READ)
        while waiting.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(found[stdout]), bytes(found[stderr]), "time"
            for key, _ in waiting.select(min(left, 0.2)):
                stream = cast(IO[bytes], key.fileobj)
                piece = stream.read(1 << 16)
                if piece == b"":
                    waiting.unregister(stream)
                elif piece is not None:
                    found[stream] += piece[: max(0, room[stream] - len(found[stream]))]
                    if stream is stdout and len(piece) and len(found[stream]) >= room[stream]:
                        return bytes(found[stdout]), bytes(found[stderr]), "output"
    return bytes(found[stdout]), bytes(found[stderr]), None


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        try:
            child.wait(0.2)  # its pipes are closed: it is ending
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _how(status: int, message: str) -> End:
    if status == 0:
        return "finished"
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return "time"
    if message.startswith("MemoryError"):
        return "memory"
    return "error" if status > 0 else "killed"
