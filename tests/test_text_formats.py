"""Formats against the paper's literal examples, against plain Python writers, and against their own inverses."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, UsageError
from algorism.tasks import OPERATORS, Problems, Task, task
from algorism.tasks.space import every_problem
from algorism.text import TRANSFORMS, Texts, canonical, format_by_name
from algorism.text.planes import _bubble, _mask

SIMPLIFIED = """Input:
128+367
Target:
A->5 , C->1
A->9 , C->0
A->4 , C->0.
495"""

DETAILED = """Input:
128+367
Target:
<scratch>
[1,2,8] has 3 digits.
[3,6,7] has 3 digits.
[1,2,8] + [3,6,7] , A=[] , C=0 , 8+7+0=15 , A->5 , C->1
[1,2] + [3,6] , A=[5] , C=1 , 2+6+1=9 , A->9 , C->0
[1] + [3] , A=[9,5] , C=0 , 1+3+0=4 , A->4 , C->0
[] + [] , A=[4,9,5] C=0 , END
</scratch>
4 9 5"""

MINUS = """[1,2,8] - [3,6,7] , A=[] , C=0 , 8-7-0=1 , A->1 , C->0
[1,2] - [3,6] , A=[1] , C=0 , 2-6-0+10=6 , A->6 , C->-1
[1] - [3] , A=[6,1] , C=-1 , 1-3-1=-3 , A->-3 , C->-1
[] - [] , A=[-3,6,1]
-300+61=-239 , END
</scratch>
-2 3 9$"""

TIMES = """[1,2] * 6 , A=[7,2] , k=1 , B=[7,2] , C=0+72=72
[1,2] * 3 , A=[3,6] , k=10 , B=[3,6,0] , C=72+360=432 , END
</scratch>
4 3 2$"""

ALL = [
    "plain",
    "plain2",
    "reverse",
    "reverse2",
    "zero_pad",
    "reverse-operands",
    "pad+reverse+dollar",
    "detailed",
    "detailed+reverse+dollar",
]
PAIRS = st.lists(
    st.tuples(st.integers(0, 10**25), st.integers(0, 10**25)) | st.tuples(st.integers(0, 99), st.integers(0, 9)),
    min_size=1,
    max_size=12,
)


def one(name: str, symbol: str, *operands: int, decimals: int = 0) -> str:
    return format_by_name(name).write(Problems.of(symbol, *([v] for v in operands), decimals=decimals)).strings()[0]


@pytest.mark.parametrize(
    ("name", "operands", "text"),
    [
        ("plain", (128, 367), "128+367=495\n"),
        ("plain2", (128, 367), "$128+367=495$"),
        ("reverse", (128, 367), "$128+367=594$"),
        ("reverse2", (128, 367), "128+367=594\n"),
        ("zero_pad", (92, 376), "092+376=0468\n"),
        ("pad5+dollar", (92, 376), "$00092+00376=000468$"),
        ("reverse-operands+reverse", (128, 367), "821+763=594\n"),
        ("simplified", (128, 367), SIMPLIFIED + "$"),
        ("simplified+dollar", (128, 367), "$" + SIMPLIFIED + "$"),
        ("detailed", (128, 367), DETAILED + "$"),
    ],
)
def test_literal_examples_of_the_paper(name: str, operands: tuple[int, int], text: str) -> None:
    assert one(name, "+", *operands) == text
    parsed = format_by_name(name).parse(text)
    assert (parsed.operator, parsed.operands, parsed.answer) == ("+", tuple(map(str, operands)), str(sum(operands)))


def test_literal_scratchpads_of_other_operators() -> None:
    assert one("detailed", "-", 128, 367).endswith(MINUS)
    assert one("detailed", "*", 12, 36).endswith(TIMES)
    sine, root = one("detailed", "sin", 10313, decimals=4), one("detailed", "sqrt", 27174, decimals=4)
    assert "x_0=1.0313\nx_1: x_0 - 1/3! * (x^3) , x_1=0.8484\nx_2: x_1 + 1/5! * (x^5) , x_2=" in sine
    assert sine.endswith(" , x_4=0.8578 , END\n</scratch>\n0.8578$")
    assert "x_0=1\nx_1: 1/2*(1+2.7174/1)=1.8587, x_1=1.8587\nx_2: 1/2*(1.8587+2.7174/1.8587)=" in root
    assert root.endswith("x_4=1.6484 , END\n</scratch>\n1.6484$")
    assert one("plain", "sqrt", 27174, decimals=4) == "sqrt(2.7174)=1.6484\n"
    assert one("reverse", "-", 128, 130) == "$128-130=2-$"


def _slow_sum(a: int, b: int) -> str:
    """The detailed scratchpad of a sum, one line after the other."""
    x, y, carry, found = list(str(a)), list(str(b)), 0, list[int]()
    lists = lambda v: "[" + ",".join(map(str, v)) + "]"  # noqa: E731
    lines = ["<scratch>", f"{lists(x)} has {len(x)} digits.", f"{lists(y)} has {len(y)} digits."]
    for _ in range(max(len(x), len(y))):
        p, q = int(x[-1]) if x else 0, int(y[-1]) if y else 0
        s = p + q + carry
        line = f"{lists(x)} + {lists(y)} , A={lists(found)} , C={carry} , {p}+{q}+{carry}={s}"
        lines.append(f"{line} , A->{s % 10} , C->{s // 10}")
        found, carry, x, y = [s % 10, *found], s // 10, x[:-1], y[:-1]
    lines += [f"[] + [] , A={lists(found)} C={carry} , END", "</scratch>", " ".join(str(a + b))]
    return f"Input:\n{a}+{b}\nTarget:\n" + "\n".join(lines) + "$"


def _slow_difference(a: int, b: int) -> str:
    x, y, borrow, found = list(str(a)), list(str(b)), 0, list[int]()
    n = max(len(x), len(y))
    lists = lambda v: "[" + ",".join(map(str, v)) + "]"  # noqa: E731
    lines = ["<scratch>", f"{lists(x)} has {len(x)} digits.", f"{lists(y)} has {len(y)} digits."]
    for column in range(n):
        p, q = int(x[-1]) if x else 0, int(y[-1]) if y else 0
        s = p - q - borrow
        ten = s < 0 and column < n - 1
        digit = s + 10 if ten else s
        line = (
            f"{lists(x)} - {lists(y)} , A={lists(found)} , C={-borrow} , {p}-{q}-{borrow}{'+10' if ten else ''}={digit}"
        )
        borrow = int(s < 0)
        lines.append(f"{line} , A->{digit} , C->{-borrow}")
        found, x, y = [digit, *found], x[:-1], y[:-1]
    rest = int("".join(map(str, found[1:])) or "0")
    lines += [f"[] - [] , A={lists(found)}", f"{found[0] * 10 ** (n - 1)}+{rest}={a - b} , END", "</scratch>"]
    spaced = ("-" if a < b else "") + " ".join(str(abs(a - b)))
    return f"Input:\n{a}-{b}\nTarget:\n" + "\n".join(lines) + "\n" + spaced + "$"


def _slow_product(a: int, b: int) -> str:
    lists = lambda v: "[" + ",".join(str(v)) + "]"  # noqa: E731
    lines = ["<scratch>", f"{lists(a)} has {len(str(a))} digits.", f"{lists(b)} has {len(str(b))} digits."]
    total = 0
    for k, digit in enumerate(reversed(str(b))):
        part = a * int(digit)
        shifted = part * 10**k
        line = f"{lists(a)} * {digit} , A={lists(part)} , k={10**k} , B={lists(shifted)} , C={total}+{shifted}="
        total += shifted
        lines.append(f"{line}{total}" + (" , END" if k == len(str(b)) - 1 else ""))
    return f"Input:\n{a}*{b}\nTarget:\n" + "\n".join([*lines, "</scratch>", " ".join(str(a * b))]) + "$"


@settings(max_examples=40, deadline=None)
@given(PAIRS)
def test_detailed_scratchpads_equal_a_slow_writer(pairs: list[tuple[int, int]]) -> None:
    a, b = (list(column) for column in zip(*pairs, strict=True))
    for symbol, slow in (("+", _slow_sum), ("-", _slow_difference), ("*", _slow_product)):
        if symbol == "*":
            a, b = [v % 10**6 for v in a], [v % 10**5 for v in b]
        texts = format_by_name("detailed").write(Problems.of(symbol, a, b)).strings()
        assert texts == [slow(x, y) for x, y in zip(a, b, strict=True)]


@settings(max_examples=25, deadline=None)
@given(PAIRS)
def test_simplified_scratchpads_equal_the_detailed_ones(pairs: list[tuple[int, int]]) -> None:
    a, b = (list(column) for column in zip(*pairs, strict=True))
    for symbol in "+-":
        problems = Problems.of(symbol, a, b)
        simple, full = (format_by_name(name).write(problems).completions() for name in ("simplified", "detailed"))
        for short, long in zip(simple, full, strict=True):
            assert re.findall(r"A->-?\d+ , C->-?\d", short) == re.findall(r"A->-?\d+ , C->-?\d", long)
            assert short.rpartition("\n")[2] == long.rpartition("\n")[2].replace(" ", "")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("symbol", sorted(OPERATORS))
def test_parse_inverts_write(name: str, symbol: str) -> None:
    fmt = format_by_name(name)
    if symbol in ("sin", "sqrt"):
        problems = task("sine" if symbol == "sin" else "sqrt").sample(60, 1)
    else:
        problems = Task(symbol, 7 if symbol != "*" else 4, "digits").sample(60, 1)
    texts = fmt.write(problems)
    reference = fmt.reference(problems).strings()
    for row, (text, prompt, completion) in enumerate(
        zip(texts.strings(), texts.prompts(), texts.completions(), strict=True)
    ):
        assert text == prompt + completion
        parsed = fmt.parse(text)
        assert parsed.operator == symbol
        assert parsed.operands == tuple(o.strings()[row] for o in problems.operands)
        assert parsed.answer == reference[row] == fmt.read_answer(completion)
        assert fmt.read_answer(completion.rstrip(fmt.stop)) == reference[row]  # a decoder may drop the stop
        assert fmt.read_answer(completion + "99") == reference[row]  # or run on behind it
        assert completion.count(fmt.stop) == 1
        assert set(text) <= set(fmt.alphabet)
    if not (name.startswith("detailed") and symbol in ("sin", "sqrt")):
        assert reference == problems.answer.strings()


@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_plain_and_reverse_equal_f_strings(pairs: list[tuple[int, int]]) -> None:
    for symbol, python in (("+", int.__add__), ("-", int.__sub__), ("*", int.__mul__)):
        problems = Problems.of(symbol, *(list(c) for c in zip(*pairs, strict=True)))
        plain, back = (format_by_name(n).write(problems).strings() for n in ("plain", "reverse"))
        assert plain == [f"{a}{symbol}{b}={python(a, b)}\n" for a, b in pairs]
        assert back == [f"${a}{symbol}{b}={str(python(a, b))[::-1]}$" for a, b in pairs]


@pytest.mark.parametrize(
    ("name", "completion", "answer"),
    [
        ("plain", "495\n", "495"),
        ("plain", "0495", "495"),
        ("plain", "-2\n", "-2"),
        ("plain", "-0\n", "0"),
        ("plain", "0.8578\n12", "0.8578"),
        ("plain", "4 95\n", None),
        ("plain", "\n", None),
        ("plain", "495$\n", None),
        ("plain", "+495\n", None),
        ("plain", "٤٩٥\n", None),  # digits, but not ours
        ("reverse", "594$\n128", "495"),
        ("reverse", "2-$", "-2"),
        ("reverse", "-2$", None),
        ("detailed", "</scratch>\n4 9 5$", "495"),
        ("detailed", "</scratch>\n4  9 5$", None),
        ("detailed", "</scratch>\n495$", None),
        ("simplified", "A->4 , C->0.\n495\n$", "495"),
        ("simplified", "A->4 , C->0.$", None),
    ],
)
def test_reading_answers(name: str, completion: str, answer: str | None) -> None:
    assert format_by_name(name).read_answer(completion) == answer


def test_canonical_keeps_decimals() -> None:
    assert canonical("0.0000") == "0.0000"
    assert canonical("-0.0000") == "0.0000"
    assert canonical("1.") is None


def test_noise_changes_the_working_and_never_the_answer() -> None:
    problems = Task("+", (3, 3)).sample(2000, 0)
    clean = format_by_name("simplified").write(problems).strings()
    pattern = re.compile(r"A->(\d) , C->(\d)")
    for name, noisy_part in (("noisy-a", {0}), ("noisy-c", {1}), ("noisy-a+noisy-c", {0, 1})):
        fmt = format_by_name(name)
        assert fmt.random
        texts = fmt.write(problems, seed=3).strings()
        assert texts == fmt.write(problems, seed=3).strings() != fmt.write(problems, seed=4).strings()
        printed, true = (np.array([pattern.findall(t) for t in rows]).astype(int) for rows in (texts, clean))
        for part, values in ((0, 10), (1, 2)):
            agree = (printed[..., part] == true[..., part]).mean()
            assert agree == pytest.approx(1 / values if part in noisy_part else 1.0, abs=0.03)
        assert [fmt.parse(t).answer for t in texts] == problems.answer.strings()


@pytest.mark.parametrize("name", ["plain", "reverse", "zero_pad", "simplified", "detailed"])
@pytest.mark.parametrize("symbol", ["+", "-", "*"])
@pytest.mark.parametrize("digits", [1, 2])
def test_max_length_is_reached_and_never_passed(name: str, symbol: str, digits: int) -> None:
    fmt = format_by_name(name)
    if not fmt.supports(symbol):
        return
    everything = every_problem(Task(symbol, digits))
    assert fmt.write(everything).length_n.max() == fmt.max_length(digits, symbol)


def test_max_length_of_functions_and_long_operands() -> None:
    for name in ("plain", "detailed"):
        for symbol in ("sin", "sqrt"):
            fmt = format_by_name(name)
            longest = fmt.write(task("sine" if symbol == "sin" else "sqrt").sample(3000, 0)).length_n.max()
            assert longest <= fmt.max_length(1, symbol, 4)
    assert format_by_name("detailed").max_length(3) == len(_slow_sum(999, 999))
    assert format_by_name("plain").max_length(40) == 40 + 1 + 40 + 1 + 41 + 1


@pytest.mark.parametrize(
    ("name", "symbol"), [("simplified", "+"), ("simplified", "-"), ("detailed", "-"), ("detailed", "*")]
)
def test_max_length_over_all_operands_made_of_few_digits(name: str, symbol: str) -> None:
    digits = (0, 1, 9) if name == "detailed" else (0, 1, 8, 9)
    values = [int("".join(map(str, v))) for v in itertools.product(digits, repeat=4)]
    a, b = (list(column) for column in zip(*itertools.product(values, values), strict=True))
    fmt = format_by_name(name)
    assert fmt.write(Problems.of(symbol, a, b)).length_n.max() <= fmt.max_length(4, symbol)
    assert fmt.max_length(3, "-") == {"simplified": 83, "detailed": 305}[name]  # all 10^6 pairs were tried once


@pytest.mark.parametrize("name", ["detailed", "noisy-a"])
def test_one_import_registers_every_format(name: str) -> None:
    code = f"from algorism.text.formats import format_by_name; format_by_name({name!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_format_names() -> None:
    assert [str(t) for t in format_by_name("dollar+reverse").transforms] == ["reverse", "dollar"]
    assert {"plain", "reverse", "dollar", "pad", "simplified", "detailed", "noisy-a"} <= set(TRANSFORMS)
    for wrong, hint in (("revers", "'reverse'"), ("plain+dolar", "'dollar'"), ("reverse3", "'reverse")):
        with pytest.raises(UsageError, match=hint):
            format_by_name(wrong)
    with pytest.raises(UsageError, match="'detailed'"):
        format_by_name("simplified").write(Problems.of("*", [1], [2]))
    with pytest.raises(DataError, match="wider padding"):
        format_by_name("pad2").write(Problems.of("+", [128], [1]))
    with pytest.raises(DataError, match="cannot read"):
        format_by_name("plain").parse("128+367")
    with pytest.raises(UsageError, match="decimals=4"):
        format_by_name("detailed").write(Problems.of("sqrt", [4]))


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**32))
def test_both_ways_of_squeezing_equal_python(w: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = [rng.integers(65, 70, n, dtype=np.uint8) * (rng.random(n) < 0.6) for _ in range(w)]
    expected = [bytes(int(p[row]) for p in planes if p[row]).decode() for row in range(n)]
    texts = Texts(planes, w // 2, n)
    assert texts.strings() == expected
    assert texts.prompts() == [bytes(int(p[row]) for p in planes[: w // 2] if p[row]).decode() for row in range(n)]
    for way in (lambda: _bubble(planes, texts.holes, n), lambda: _mask(planes, n)):
        if texts.holes:
            squeezed = way()
            assert [bytes(int(p[row]) for p in squeezed if p[row]).decode() for row in range(n)] == expected
