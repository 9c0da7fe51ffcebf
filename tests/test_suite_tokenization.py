"""The tokenization suite: writing and drawing against definitions, the analysis against figures counted by hand."""

import csv
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import DataError, UsageError
from algorism.evaluation.backends import Reply, Request, Sampling
from algorism.evaluation.backends.protocol import BOUNDARY
from algorism.evaluation.records import Answer
from algorism.evaluation.suites import tokenization as t

NUMBERS = st.integers(1, 10**12 - 1)


@settings(deadline=None)
@given(NUMBERS, st.integers(1, 4))
def test_groups_join_again_and_only_one_end_is_short(number, size):
    digits = str(number)
    left, right = t.groups(digits, "l2r", size), t.groups(digits, "r2l", size)
    assert "".join(left) == "".join(right) == digits
    assert {len(g) for g in left[:-1]} | {len(g) for g in right[1:]} <= {size}
    if size == 3:
        assert t.form("comma_r2l").write(number) == f"{number:,}"  # Python's own separators
    assert t.groups(digits[::-1], "l2r", size) == [g[::-1] for g in right[::-1]]


def test_the_papers_examples():
    assert [t.form(name).write(8302080) for name in ("nosep", "comma_r2l", "comma_l2r")] == [
        "8302080",
        "8,302,080",
        "830,208,0",
    ]
    assert t.form("nosep").sum(8464327, 1470761) == "8464327+1470761="
    with pytest.raises(UsageError, match="comma_r2l"):
        t.form("coma_r2l")


def test_the_thirteen_triples():
    listed = "7+7→7, 7+7→8, 8+7→8, 7+8→8, 8+7→9, 7+8→9, 8+8→8, 8+8→9, 9+7→9, 7+9→9, 9+8→9, 8+9→9, 9+9→9"
    assert sorted(f"{a}+{b}→{c}" for a, b, c in t.triples()) == sorted(listed.split(", "))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(t.triples((1, 2, 3, 7, 8, 9))), st.integers(0, 10**6))
def test_sums_have_their_lengths(lengths, index):
    first, second = t.draw(lengths, str(index))
    assert tuple(len(str(x)) for x in (first, second, first + second)) == lengths
    assert t.matched(first, second) == (lengths[2] in lengths[:2])
    assert (
        sum(t.carries(first, second))
        == (sum(map(int, str(first))) + sum(map(int, str(second))) - sum(map(int, str(first + second)))) // 9
    )  # every carry takes ten from one column and gives one to the next


def test_draws_reach_both_ends_and_impossible_sums_are_refused():
    seen = {t.draw((1, 1, 2), str(i)) for i in range(2000)}
    assert seen == {(a, b) for a in range(1, 10) for b in range(1, 10) if a + b >= 10}
    with pytest.raises(UsageError):
        t.draw((7, 7, 9), "a")


def test_questions_differ_by_writing_only():
    found = t.questions(["direction", "repeat", "lengths"], n=2, shots=3)
    assert len({q.key for q in found}) == len(found)
    arms = {q.facts["arm"]: q for q in found if q.facts["sums"] == "pairs" and q.key.endswith("/5")}
    assert len(arms) == 8  # six with a repeat, two without, which the first experiment asks as well
    plain, fixed = arms["nosep"], arms["nosep>comma_r2l>comma_r2l"]
    assert [m.role for m in plain.prompt] == ["system", *["user", "assistant"] * 3, "user"]
    first, second = plain.facts["operands"]
    assert plain.prompt[-1].content == fixed.prompt[-1].content == f"{first}+{second}="
    for turn, other in zip(plain.prompt[1:-1:2], plain.prompt[2::2]):
        a, b = (int(x) for x in turn.content[:-1].split("+"))
        assert (len(str(a)), len(str(b))) == (len(str(first)), len(str(second)))
        assert int(other.content) == a + b
        assert (a, b) != (first, second)
        answer = next(m.content for m in fixed.prompt if m.content.endswith(f"={a + b:,}"))
        assert answer == f"{a:,}+{b:,}={a + b:,}"
    assert {q.key: q for q in t.questions(["repeat"], n=2, shots=3)}[fixed.key] == fixed  # the same, asked alone
    with pytest.raises(UsageError, match="direction"):
        t.questions(["directions"])


@pytest.mark.parametrize(
    ("response", "value", "formed"),
    [
        ("9935088", 9935088, False),
        ("9,935,088", 9935088, True),
        (" 9,935,088.\nNext: 1,2", 9935088, True),
        ("9.935.088", 9935088, False),
        ("9935088 or 9935089", 99350889935088, None),
        ("1,2+3", None, False),
        ("", None, False),
        ("9" * 5000, None, False),
        ("8,464,327 + 1,470,761 = 9,935,088", 9935088, True),
    ],
)
def test_reading(response, value, formed):
    (question, *_) = t.questions(["direction"], n=1)
    facts = dict(question.facts) | {"operands": [8464327, 1470761], "answer": "comma_r2l"}
    asked = type(question)("a", "", "9935088", facts=facts)
    found = t.read(t.Answered.of(Answer(asked, Reply("a", 0, response))))
    if formed is None:
        assert found.value is None
    else:
        assert (found.value, found.formed, found.correct) == (value, formed, value == 9935088)


@settings(deadline=None, max_examples=300)
@given(NUMBERS, NUMBERS, st.integers(0, 12), st.sampled_from([-1, 1]), st.sampled_from(["nosep", "comma_r2l"]))
def test_errors_against_plain_arithmetic(first, second, place, sign, name):
    truth = first + second
    value = max(0, truth + sign * 10**place)
    found = t.errors(value, t.Answered((first, second), "", name, name, name))
    assert found.length == (len(str(value)) == len(str(truth)))
    if found.length:
        width = len(str(truth))
        assert found.digits == tuple(
            width - p for p in reversed(range(width)) if value // 10**p % 10 != truth // 10**p % 10
        )
    if value == truth + sign * 10**place:
        assert found.off_by_one == len(str(value)) - place
        ends = found.off_by_one if name == "nosep" else place  # r2l tokens end at every third place from the right
        assert found.at_boundary == (ends % 3 == 0)
    else:
        assert found.any


def test_rarer_errors():
    plain = t.Answered((8302080, 47), "", "nosep", "nosep", "nosep")
    assert t.errors(8302080 + 4, plain).dropped
    assert t.errors(830208 + 47, plain).dropped
    assert t.errors(8302080 + 4700000, plain).left_aligned
    assert not t.errors(8302127, plain).dropped
    grouped = t.Answered((1999, 2), "", "comma_r2l", "comma_r2l", "comma_r2l")
    assert t.errors(11001, grouped).chunked  # 1|999 + 2: 1, 1001
    assert not t.errors(11001, t.Answered((1999, 2), "", "nosep", "nosep", "nosep")).chunked
    carried = t.errors(1910, t.Answered((1955, 45), "", "nosep", "nosep", "nosep"))
    assert (carried.digits, carried.carry_in, carried.carry_out) == ((1, 2, 3), 3, 2)


COLUMNS = [
    "",
    "num1",
    "num2",
    "response",
    "logprobs_json",
    "problem_number_format",
    "answer_number_format",
    "num_shots",
]
TOP = json.dumps(
    [
        {"token": "118", "top_5_logprobs": [{"token": "118", "logprob": 0.0}] * 1},
        {"token": "015", "top_5_logprobs": [{"token": str(i), "logprob": math.log(0.1)} for i in range(5)]},
        {"token": "36", "top_5_logprobs": [{"token": "36", "logprob": 0.0}]},
    ]
)
ROWS = [  # sum, response, form; the sums are 11831536 (longer than both), 9935088 (as long)
    (3529456, 8302080, "11801536", "nosep"),  # digit 4 alone, 7 below 3: guess 7
    (3529456, 8302080, "11831536", "nosep"),  # right
    (3529456, 8302080, "1183153", "nosep"),  # too short
    (3529456, 8302080, "11931536", "nosep"),  # digit 3, off by one at a boundary
    (8464327, 1470761, "9935088", "nosep"),
    (8464327, 1470761, "9,935,088", "nosep"),  # right value, other form
    (8464327, 1470761, "I cannot", "nosep"),
    (8464327, 1470761, "9,936,088", "comma_r2l"),  # off by one at a boundary
    (8464327, 1470761, "9,935,098", "comma_r2l"),  # off by one inside a token
    (3529456, 8302080, "11,831,536", "comma_r2l"),
    (3529456, 8302080, "1183foo1536", "foo_r2l"),  # a form that is left out
]


def write_csv(path, columns=COLUMNS, rows=ROWS):
    with path.open("w", newline="") as stream:
        out = csv.DictWriter(stream, columns, extrasaction="ignore")
        out.writeheader()
        for at, (a, b, response, name) in enumerate(rows):
            given = {"": at, "num1": a, "num2": b, "response": response, "logprobs_json": TOP, "num_shots": 8}
            out.writerow(given | {"problem_number_format": name, "answer_number_format": name})
    return path


def test_analysis_of_a_file_in_the_authors_form(tmp_path):
    found = t.read_published(write_csv(tmp_path / "r.csv"))
    assert len(found) == 10
    parts = t.by_match([t.case(row) for row in found])
    longer, level = parts["nosep", False], parts["nosep", True]
    assert (longer.accuracy.value, longer.other.value, longer.only_behind) == (0.25, 0.25, 1)
    assert [longer.digits[d].value for d in range(1, 9)] == [0, 0, 0.25, 0.25, 0, 0, 0, 0]
    assert longer.guesses == (2, 0, 0, 0, 0, 0, 0, 1, 0, 0)
    assert (longer.wrong, longer.wrong_length_right, longer.off_by_one, longer.at_boundary) == (3, 2, 1, 1)
    assert longer.conditional.value == 2 / 3
    assert (level.accuracy.value, level.formed.value, level.readable.value) == (2 / 3, 1 / 3, 2 / 3)
    grouped = parts["comma_r2l", True]
    assert (grouped.wrong, grouped.off_by_one, grouped.at_boundary) == (2, 2, 1)
    assert parts["comma_r2l", False].accuracy.value == 1
    entropies = t.token_entropies(found[0], "11801536")
    assert entropies == pytest.approx([0, math.log(10), 0])
    assert t.token_entropies(found[3], "11931536") is None
    json.dumps(longer.to_json())


def test_wrong_files_are_refused(tmp_path):
    path = write_csv(tmp_path / "r.csv", columns=COLUMNS[:3])
    with pytest.raises(DataError, match="response, problem_number_format"):
        t.read_published(path)
    with pytest.raises(DataError, match="no row in a form"):
        t.read_published(write_csv(path, rows=[(1, 2, "3", "foo_r2l")]))
    with pytest.raises(DataError, match="line 2"):
        t.read_published(write_csv(path, rows=[("x", 2, "3", "nosep")]))
    with pytest.raises(DataError, match="cannot be read"):
        t.read_published(tmp_path / "none.csv")


def test_a_tokenizer_is_forced(tmp_path):
    from algorism.evaluation.backends.huggingface import HuggingFace
    from algorism.models import Transformer, TransformerConfig
    from algorism.models.export import export
    from algorism.text import DigitTokenizer

    tokenizer = DigitTokenizer(3, "l2r")
    config = TransformerConfig(
        vocab=tokenizer.vocab_size, context=64, layers=1, heads=2, width=8, positions="rope", norm="rms",
        activation="swiglu",
    )  # fmt: skip
    export(Transformer(config), tmp_path / "hf", tokenizer)
    model = HuggingFace(tmp_path / "hf")
    tokens = [model.engine.decode([i]) for i in model.encode(t.form("forced_r2l").sum(8302080, 12))]
    assert tokens == ["8", "302", "080", "+", "12", "="]
    assert [model.engine.decode([i]) for i in model.encode("8302080+12=")] == ["830", "208", "0", "+", "12", "="]
    request = Request("a", t.form("forced_r2l").sum(8302080, 12))
    assert isinstance(next(iter(model.generate([request], Sampling(max_tokens=2)))), Reply)


def test_servers_cannot_be_forced():
    from algorism.evaluation.backends import backend

    server = backend("openai:x", base_url="http://localhost:9/v1")
    with pytest.raises(UsageError, match="only hf: models"):
        list(server.generate([Request("a", f"1{BOUNDARY}2")], Sampling()))


def test_the_command(tmp_path):
    ask = ["suite", "tokenization", "scripted:dropped-carry", "--lengths", "3-5", "-n", "1"]
    result = CliRunner().invoke(app, [*ask, "--record", str(tmp_path / "r.jsonl"), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["arms"]["nosep"]["accuracy"]["value"] == 0
    assert found["arms"]["nosep"]["off_by_one"] == found["arms"]["nosep"]["accuracy"]["n"] == 9
    text = CliRunner().invoke(app, [*ask, "--record", str(tmp_path / "r.jsonl")]).stdout
    assert "which digit is wrong" in text
    result = CliRunner().invoke(app, ["suite", "tokenization", "openai:x", "--tasks", "forced"])
    assert isinstance(result.exception, UsageError)
