"""The process a foreign program runs in. A script by itself: it is started by `running` and imports nothing of ours.

It reads the limits and the program from standard input, loads the modules a program may want, and then gives up, for
good, every system call but a few: reading and writing what is open, memory, time, ending. What is open is a pipe to
read from, empty by then, and two to write to. Python's own barriers are not relied upon: a program may reach any object
of the interpreter, and still cannot ask the kernel for a file, a socket, or another process.
"""

import ctypes
import json
import platform
import resource
import struct
import sys

NO_FILTER = 77  # exit status: this system cannot confine a process; nothing was run
FAILED = 1

MODULES = (
    *("array", "bisect", "calendar", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "enum"),
    *("fractions", "functools", "heapq", "itertools", "json", "math", "numbers", "operator", "random", "re"),
    *("statistics", "string", "textwrap", "time", "traceback", "typing", "unicodedata"),
)

# Numbers of the system calls that stay, by machine, and what the kernel calls the machine.
KEPT = {
    "x86_64": (
        0xC000003E,
        {"read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12}
        | {"rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28}
        | {"nanosleep": 35, "getpid": 39, "exit": 60, "gettimeofday": 96, "sigaltstack": 131, "futex": 202}
        | {"restart_syscall": 219, "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231}
        | {"set_robust_list": 273, "getrandom": 318, "rseq": 334},
    ),
    "aarch64": (
        0xC00000B7,
        {"close": 57, "lseek": 62, "read": 63, "write": 64, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98}
        | {"set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_nanosleep": 115, "sched_yield": 124}
        | {"restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139}
        | {"gettimeofday": 169, "getpid": 172, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226}
        | {"madvise": 233, "getrandom": 278, "rseq": 293},
    ),
}
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of the kernel's classic BPF
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1 is EPERM
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2


class Program(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def confine() -> bool:
    """Give up all other system calls; whether the kernel agreed."""
    if sys.platform != "linux" or platform.machine() not in KEPT:
        return False
    machine, kept = KEPT[platform.machine()]
    numbers = sorted(kept.values())
    steps = [(LOAD, 0, 0, 4), (JUMP_IF_EQUAL, 1, 0, machine), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(JUMP_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return not prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0)


def main() -> int:
    """Run the program; the exit status is 0, or FAILED with the error's last line on standard error."""
    order = json.loads(sys.stdin.buffer.read())
    for name in MODULES:
        __import__(name)
    import traceback

    resource.setrlimit(resource.RLIMIT_CPU, (order["seconds"], order["seconds"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
    for nothing in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(nothing, (0, 0))
    sys.setrecursionlimit(2000)
    if not confine():
        return NO_FILTER
    try:
        exec(compile(order["source"], "<program>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return 0 if end.code in (None, 0) else FAILED
    except BaseException as error:
        lines = traceback.format_exception_only(error)
        sys.stderr.write(lines[-1][:500])
        return FAILED
    return 0


if __name__ == "__main__":
    status = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Not through the interpreter's own ending, in which a program could still have things run.
        ctypes.CDLL(None)._exit(status)
