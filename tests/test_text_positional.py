"""Index hints, random spaces, the recursive scratchpad and dialogues: literal rows, properties, exact inverses."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import ShapeError, UsageError
from algorism.tasks import Problems, Task
from algorism.text import CharTokenizer, format_by_name
from algorism.text.positional import TEMPLATES, TEST_TEMPLATES
from algorism.text.tokenizers import HINTS

FORMS = [
    "pad+hints+dollar",
    "pad+hints+reverse+dollar",
    "spaces+dollar",
    "recursive+dollar",
    "dialogue",
    "dialogue2",
    "other-dialogue",
    "dialogue+reverse",
]
pairs = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=5)


@pytest.mark.parametrize("name", FORMS)
@settings(deadline=None, max_examples=30)
@given(rows=pairs, seed=st.integers(0, 1000))
def test_question_and_answer_are_read_back(name: str, rows: list[tuple[int, int]], seed: int):
    form = format_by_name(name)
    texts = form.write(Problems.of("+", *map(list, zip(*rows))), seed)
    for (a, b), text, completion in zip(rows, texts.strings(), texts.completions()):
        parsed = form.parse(text)
        assert (parsed.operands, parsed.answer) == ((str(a), str(b)), str(a + b))
        assert form.read_answer(completion) == str(a + b)
    assert texts.length_n.max() <= form.max_length(10)
    CharTokenizer(form.alphabet_for("+")).encode_texts(texts)  # writes nothing outside its alphabet


def test_the_recursive_scratchpad_is_the_papers_example():
    texts = format_by_name("recursive+dollar").write(Problems.of("+", [239], [821]))
    assert texts.strings() == ["$239+821=0+9+1:01,:0,32+28=1+3+2:6,:06,2+8=0+2+8:01,:060,:0601$"]


@given(st.integers(0, 999), st.integers(0, 999))
def test_every_step_of_the_recursive_scratchpad_is_right(a: int, b: int):
    completion = format_by_name("recursive").write(Problems.of("+", [a], [b])).completions()[0]
    carry = 0
    for c, x, y, total in re.findall(r"(\d)\+(\d)\+(\d):(\d+),", completion):
        assert int(c) == carry
        assert int(total[::-1]) == carry + int(x) + int(y)
        carry = int(total[::-1]) // 10


def test_hints_name_places_alike_in_operands_and_sum():
    problems = Task("+", digits=(4, 4)).sample(300, seed=1)
    starts = set()
    for text in format_by_name("pad+hints+reverse+dollar").write(problems, 5).strings():
        a, b, total = re.split(r"[+=]", text.strip("$"))
        assert a[0::2] == b[0::2] == total[0::2][::-1]
        assert a[0::2] in HINTS
        assert len(a) == len(b) == len(total) == 10
        starts.add(HINTS.index(a[0]))
    assert len(starts) > 80  # of 112
    with pytest.raises(ShapeError, match="Use shorter numbers"):
        format_by_name("pad+hints").write(Task("+", digits=(120, 120)).sample(1))


def test_spaces_stand_before_the_answer_only_and_as_often_as_said():
    problems = Task("+", digits=(6, 6)).sample(2000, seed=1)
    texts = format_by_name("spaces").write(problems, 3).strings()
    assert all(" " not in text.partition("=")[2] for text in texts)
    places = sum(len(t.partition("=")[0].replace(" ", "")) + 1 for t in texts)  # `=` may have one before it, too
    runs = [len(run) for t in texts for run in re.findall(" +", t)]
    assert len(runs) / places == pytest.approx(0.3, abs=0.01)
    assert np.mean(np.array(runs) == 2) == pytest.approx(0.03, abs=0.01)


def test_dialogues_mix_with_plain_rows_where_numbers_are_short():
    problems = Problems.concat(
        [Task("+", digits=(2, 2)).sample(1000, seed=1), Task("+", digits=(4, 4)).sample(200, seed=2)]
    )
    texts = format_by_name("dialogue2").write(problems, 3).strings()
    spoken = [not re.fullmatch(r"\$[0-9+=]+\$", text) for text in texts]
    assert 430 < sum(spoken[:1000]) < 570
    assert not any(spoken[1000:])
    assert {tuple(re.split(r"[0-9]+", t.strip("$"))[:3]) for t, s in zip(texts, spoken) if s} == set(TEMPLATES)
    assert not set(TEMPLATES) & set(TEST_TEMPLATES)


def test_other_operators_are_refused():
    for name in ("pad+hints", "recursive", "dialogue"):
        with pytest.raises(UsageError, match="writes"):
            format_by_name(name).write(Problems.of("*", [3], [4]))
    with pytest.raises(UsageError, match="Unknown format"):
        format_by_name("spaces3")
