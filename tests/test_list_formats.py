"""Problems on lists as words: literal rows, exact inverses, index facts, the tokenizer in Hugging Face's library."""

from pathlib import Path

import numpy as np
import pytest

from algorism.errors import DataError, ShapeError, UsageError
from algorism.evaluation.list_errors import LIST_ERRORS, list_breakdown, list_error
from algorism.tasks.sequences import SEQUENCE_TASKS, Lists, Sequences
from algorism.tasks.sequences.task import sequence_task
from algorism.text import Indexing, Tokenizer, WordTokenizer, indexing_by_name, list_format

FORMS = [(name, "plain") for name in SEQUENCE_TASKS]
FORMS += [
    ("copy", "hints"),
    ("parity", "prefix"),
    ("parity", "hints+scratchpad"),
    ("mode", "scratchpad"),
    ("sort", "hints"),
]


def problems_of(rule: str, question: list[list[int]], answer: list[list[int]]) -> Sequences:
    q, n = Lists.of(question), len(question)
    return Sequences(rule, q, Lists.nothing(n), Lists.of(answer), (rule,), np.zeros(n, np.int8), q.length_n)


def test_literal_rows():
    def written(form: str, rule: str, symbols: int, question: list[int], answer: list[int]) -> str:
        return list_format(form, rule, symbols).write(problems_of(rule, [question], [answer]), 1).strings()[0]

    assert written("plain", "sort", 10, [7, 3, 9, 3, 1], [1, 3, 3, 7, 9]) == "< 7 3 9 3 1 > 1 3 3 7 9 ."  # the brief's
    assert written("prefix", "parity", 2, [1, 1, 0, 1], [1]) == "< 1 1 0 1 > 1 0 0 1 ."
    assert written("scratchpad", "mode", 5, [4, 2, 4], [4]) == "< 4 2 4 > 2 n1 4 n2 > 4 ."
    a, b, c = "h0", "h1", "h2"
    # The brief's example for bits 0, 1, 1: `+ b - c +`.
    assert written("hints3+scratchpad", "parity", 2, [0, 1, 1], [0]) == f"< {a} 0 {b} 1 {c} 1 > + {b} - {c} + ."
    assert written("hints3", "copy", 5, [4, 2, 4], [4, 2, 4]) == f"< {a} 4 {b} 2 {c} 4 > {a} 4 {b} 2 {c} 4 ."


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_reading_gives_the_answer_back_and_no_row_is_longer_than_said(name: str, form: str):
    asked = sequence_task(name, length=(2, 9))
    way = list_format(form, asked.rule, asked.symbols)
    problems = asked.sample(300, seed=1)
    texts = way.write(problems, seed=2)
    assert [way.read_answer(c) for c in texts.completions()] == problems.answer.strings()
    assert texts.length_n.max() <= way.max_length(9)
    encoded = way.tokenizer().encode_texts(texts)
    rows = [ids[:length] for ids, length in zip(encoded.ids_nt, encoded.length_n)]
    assert way.tokenizer().decode_batch(rows) == texts.strings()
    assert way.tokenizer().encode(texts.strings()[0]).tolist() == rows[0].tolist()
    assert [p + " " + c for p, c in zip(texts.prompts(), texts.completions())] == texts.strings()


def test_wrong_completions_are_not_read():
    sort = list_format("plain", "sort", 10)
    assert sort.read_answer("1 > 3 .") is None
    assert sort.read_answer("1 3") == "1 3"  # no end: graded by what stands there
    assert list_format("hints+scratchpad", "parity", 2).read_answer("+ h3 1 .") is None
    assert list_format("scratchpad", "mode", 5).read_answer("2 n1 4 n2 .") is None


def test_hints_are_a_run_from_a_random_start():
    asked = sequence_task("copy", length=(6, 6), values=4)
    texts = list_format("hints20", "copy", 4).write(asked.sample(400, seed=1), seed=7)
    starts = set()
    for prompt in texts.prompts():
        hints = [int(word[1:]) for word in prompt.split() if word.startswith("h")]
        assert hints == list(range(hints[0], hints[0] + 6))
        starts.add(hints[0])
    assert starts == set(range(15))
    with pytest.raises(ShapeError, match="hints21"):
        list_format("hints20", "copy", 4).write(sequence_task("copy", length=(21, 21), values=4).sample(1))


@pytest.mark.parametrize(("rule", "form"), [("copy", "plain"), ("reverse", "plain"), ("parity", "prefix")])
def test_coupled_numbers_meet_where_question_and_answer_belong_together(rule: str, form: str):
    asked = sequence_task(rule, length=(5, 5))
    problems = asked.sample(20, seed=1)
    way = list_format(form, rule, asked.symbols)
    texts = way.write(problems)
    numbers = indexing_by_name("coupled").of(texts, int(texts.length_n.max()))
    for row, text in zip(numbers.tolist(), texts.strings()):
        words = text.split()
        middle = words.index(">")
        asked_at = dict(zip(row[1:middle], words[1:middle]))
        said = dict(zip(row[middle + 1 : middle + 6], words[middle + 1 : middle + 6]))
        if rule == "parity":
            bits = [int(asked_at[k]) for k in range(1, 6)]
            assert [int(said[k]) for k in range(1, 6)] == [sum(bits[:k]) % 2 for k in range(1, 6)]
        else:
            assert said == asked_at
        assert row[0] == row[middle + 6] == 6  # the ends
        assert row[middle] == 0
    assert Indexing().of(texts, 4)[0].tolist() == [0, 1, 2, 3]


def test_the_tokenizer_is_the_same_in_transformers(tmp_path: Path):
    from transformers import AutoTokenizer

    ours = list_format("plain", "sort", 30).tokenizer()
    ours.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    text = "< 29 0 7 > 0 7 29 ."
    assert theirs.encode(text) == ours.encode(text).tolist()
    assert theirs.decode(ours.encode(text).tolist()) == text
    again = Tokenizer.load(tmp_path)
    assert isinstance(again, WordTokenizer)
    assert again.vocab == ours.vocab


def test_what_cannot_be_written_is_refused():
    for name, rule, said in [
        ("plian", "sort", "plain"),
        ("plain3", "sort", "plain"),
        ("scratchpad", "sort", "has no scratchpad"),
        ("prefix", "mode", "is for 'parity'"),
        ("scratchpad", "parity", "hints\\+scratchpad"),
        ("prefix+hints+scratchpad", "parity", "give one"),
    ]:
        with pytest.raises(UsageError, match=said):
            list_format(name, rule, 2)
    with pytest.raises(DataError, match="cannot write symbol"):
        list_format("plain", "sort", 5).write(problems_of("sort", [[7]], [[7]]))
    with pytest.raises(DataError, match="expected its problems"):
        list_format("plain", "sort", 5).write(problems_of("copy", [[1]], [[1]]))
    with pytest.raises(DataError, match="without spaces"):
        WordTokenizer(("a b",))
    texts = list_format("plain", "sort", 5).write(problems_of("sort", [[1]], [[1]]))
    with pytest.raises(DataError, match="another vocabulary"):
        list_format("plain", "sort", 6).tokenizer().encode_texts(texts)


def test_kinds_of_list_errors():
    gold = "1 3 3 7"
    cases = {
        "1 3 3 7": "correct",
        "1 3 3": "ended early",
        "1 3 3 7 7": "ended late",
        "1 3 7": "copy skipped",
        "1 1 3 3 7": "copy added",
        "1 7": "symbol skipped",
        "1 3 3 2": "out of order",
        "1 3 3 9": "wrong symbol",
    }
    assert {answer: list_error(answer, gold) for answer in cases} == cases
    assert list_error(None, gold) == "unparsed"
    parts = list_breakdown([*cases, None], [gold] * 9, [4] * 9)
    assert sum(parts.errors.values()) == 9
    assert set(parts.errors) == set(LIST_ERRORS)
    assert parts.overall.value == pytest.approx(1 / 9)
    assert parts.by_place[0].value == pytest.approx(8 / 9)
    assert parts.first_wrong == 3  # the median of 3, 4, 2, 1, 1, 3, 3
