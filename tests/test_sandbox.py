"""Programs that try to get out, to reach files or the network, or to use up the machine; and programs that work."""

import os
import time
from pathlib import Path

import pytest

from algorism.errors import UsageError
from algorism.evaluation.sandbox import Limits, run_program

SECRET = Path(__file__)

# What each of them would print if it succeeded is "escaped".
HOSTILE = {
    "read a file": f"print('escaped' if open({str(SECRET)!r}).read() else '')",
    "read a file by os": f"import os; os.open({str(SECRET)!r}, os.O_RDONLY); print('escaped')",
    "read the parent's environment": "print('escaped', open('/proc/self/environ').read())",
    "list a folder": "import os; os.listdir('/'); print('escaped')",
    "look for a file": f"import os; os.stat({str(SECRET)!r}); print('escaped')",
    "write a file": "open('/tmp/escaped', 'w').write('x'); print('escaped')",
    "write by a descriptor": "import os\nfor d in range(3, 200):\n  os.write(d, b'x'); print('escaped')",
    "remove a file": f"import os; os.remove({str(SECRET)!r}); print('escaped')",
    "make a folder": "import os; os.mkdir('/tmp/escaped'); print('escaped')",
    "make a link": "import os; os.symlink('/', '/tmp/escaped'); print('escaped')",
    "change rights": f"import os; os.chmod({str(SECRET)!r}, 0); print('escaped')",
    "start a shell": "import os; os.system('echo escaped') and 1/0",
    "start a process": "import subprocess; print(subprocess.run(['echo', 'escaped'], capture_output=True))",
    "fork": "import os; os.fork(); print('escaped')",
    "fork without end": "import os\nwhile True: os.fork(); print('escaped')",
    "become another program": "import os; os.execv('/bin/echo', ['echo', 'escaped'])",
    "start a thread": "import threading; t = threading.Thread(target=print, args=('escaped',)); t.start(); t.join()",
    "open a socket": "import socket; socket.socket(); print('escaped')",
    "call the network": "import urllib.request as u; u.urlopen('http://127.0.0.1:1/'); print('escaped')",
    "resolve a name": "import socket; socket.getaddrinfo('example.org', 80); print('escaped')",
    "open a socket pair": "import socket; socket.socketpair(); print('escaped')",
    "open a pipe": "import os; os.pipe(); print('escaped')",
    "kill the parent": "import os; os.kill(os.getppid(), 9); print('escaped')",
    "kill the group": "import os; os.killpg(0, 9); print('escaped')",
    "raise the limits": "import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1)); print('escaped')",
    "map a file": f"import mmap, os; mmap.mmap(os.open({str(SECRET)!r}, 0), 0, prot=1); print('escaped')",
    "load a library": "import ctypes; ctypes.CDLL('libcrypt.so.1'); print('escaped')",
    "call the kernel by hand": (
        "import sys; c = sys.modules['ctypes'].CDLL(None, use_errno=True)\n"
        "if c.open(b'/etc/passwd', 0) >= 0: print('escaped')\nelse: raise OSError(sys.modules['ctypes'].get_errno())"
    ),
    "fork by hand": (
        "import sys; c = sys.modules['ctypes'].CDLL(None)\nif c.fork() >= 0: print('escaped')\nelse: raise OSError"
    ),
    "trace by hand": (
        "import sys; c = sys.modules['ctypes'].CDLL(None)\n"
        "if c.ptrace(16, 1, 0, 0) >= 0: print('escaped')\nelse: raise OSError"
    ),
    "take the filter off": (
        "import sys; c = sys.modules['ctypes'].CDLL(None)\n"
        "if c.prctl(22, 0, 0, 0, 0) >= 0: print('escaped')\nelse: raise OSError"
    ),
    "find open through objects": (
        "o = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'FileIO'][0]\n"
        f"o({str(SECRET)!r}); print('escaped')"
    ),
    "import what is not there": "import sqlite3; sqlite3.connect('/tmp/escaped'); print('escaped')",
    "unpickle": "import pickle; pickle.loads(b\"cos\\nsystem\\n(S'echo escaped'\\ntR.\")",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_programs_reach_nothing(name):
    before = SECRET.read_bytes()
    outcome = run_program(HOSTILE[name], Limits(seconds=1))
    assert "escaped" not in outcome.output
    assert outcome.end in ("error", "killed", "time", "finished")
    assert outcome.end != "finished" or name in ("start a shell", "unpickle")  # whose shells do not start
    assert not Path("/tmp/escaped").exists()
    assert SECRET.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("while True: pass", "time"),
        ("import _signal as signal\nsignal.signal(signal.SIGXCPU, lambda *a: None)\nwhile True: pass", "time"),
        ("10 ** 10 ** 10", "time"),
        ("x = 'a' * 10 ** 10", "memory"),
        ("x = []\nwhile True: x.append(bytearray(10 ** 7))", "memory"),
        ("while True: print('x' * 1000)", "output"),
        ("def f(): f()\nf()", "error"),
        ("raise KeyboardInterrupt", "error"),
        ("import os; os._exit(3)", "error"),
        ("import os; os.abort()", "killed"),
        ("def", "error"),
        ("", "finished"),
        ("\0", "error"),
        ("'\ud800'", "error"),
        ("import sys; sys.exit(0)", "finished"),
    ],
)
def test_limits_are_named(source, end):
    started = time.monotonic()
    outcome = run_program(source, Limits(seconds=1, memory_mb=300, output=10_000))
    assert outcome.end == end
    assert len(outcome.output.encode()) <= 10_000
    assert time.monotonic() - started < 14


def test_waiting_is_limited_too(monkeypatch):
    monkeypatch.setattr("algorism.evaluation.sandbox.running._STARTUP", 1.0)
    assert run_program("import time; time.sleep(60)", Limits(seconds=1)).end == "time"
    assert run_program("import sys; print(repr(sys.stdin.read()))").output == "''\n"


def test_programs_that_calculate_work():
    source = """
import math, re, itertools, collections, datetime, fractions, decimal, random, statistics, json, dataclasses
from functools import reduce

@dataclasses.dataclass
class Word:
    text: str

    def count(self, letter):
        return sum(1 for c in self.text if c == letter)

print(Word("strawberry").count("r"), math.comb(10, 3), fractions.Fraction(1, 3) + 1)
print(datetime.date(2024, 2, 29).isoformat(), decimal.Decimal("0.1") * 3, re.findall(r"\\d+", "a1b22"))
print(sorted(collections.Counter("banana").items()), reduce(lambda a, b: a * b, range(1, 30)))
print(random.Random(1).random() < 1, json.dumps([1]), "ü≠")
"""
    outcome = run_program(source)
    assert (outcome.end, outcome.message) == ("finished", "")
    assert outcome.output.splitlines() == [
        "3 120 4/3",
        "2024-02-29 0.3 ['1', '22']",
        f"[('a', 3), ('b', 1), ('n', 2)] {8841761993739701954543616000000}",
        "True [1] ü≠",
    ]


def test_an_error_is_told():
    outcome = run_program("print(1)\n1/0")
    assert (outcome.end, outcome.output, outcome.message) == ("error", "1\n", "ZeroDivisionError: division by zero")


def test_the_environment_is_empty(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    outcome = run_program("import os; print(sorted(os.environ))")
    assert "OPENAI_API_KEY" not in outcome.output
    assert outcome.output.count(",") <= 1
    assert os.environ["OPENAI_API_KEY"] == "secret"


def test_impossible_limits_are_refused():
    for bad in ({"seconds": 0}, {"memory_mb": 5}, {"output": 0}):
        with pytest.raises(UsageError, match="Limits: expected"):
            Limits(**bad)
