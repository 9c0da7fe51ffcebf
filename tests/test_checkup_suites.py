"""What the check-up takes from the other suites: exact questions, blind answers beside them, causes that are found."""

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.evaluation.backends import Reply
from algorism.evaluation.backends.protocol import as_text
from algorism.evaluation.checkup import checkup, findings, smallest_budget
from algorism.evaluation.checkup.arms import ARMS
from algorism.evaluation.checkup.everyday import priced, rounded_sum, rounding, shopping
from algorism.evaluation.checkup.items import letters, sum_of
from algorism.evaluation.checkup.probes import PROBES, blind
from algorism.evaluation.checkup.several_steps import by_rule, chain_in, chained, stepwise
from algorism.evaluation.checkup.styles import STYLES
from algorism.evaluation.checkup.wordplay import distinct_in_word, in_word, letters_apart
from algorism.evaluation.suites.counting.words import word_list
from algorism.evaluation.suites.process.checker import check
from algorism.evaluation.suites.process.expressions import evaluate

PLACES = settings(max_examples=40, deadline=None)


@PLACES
@given(st.integers(3, 16), st.integers(0, 200), st.integers(0, 3))
def test_letters_of_words_are_counted(level, index, seed):
    found = re.fullmatch(r"number of ([a-z]) in ([a-z]+)", in_word(level, index, seed).formula)
    letter, word = found.groups()
    assert len(word) == level
    assert int(in_word(level, index, seed).answer) == len(re.findall(letter, word)) >= 1
    assert int(distinct_in_word(level, index, seed).answer) == sum(
        word.index(c) == at for at, c in enumerate(distinct_in_word(level, index, seed).formula.split()[-1])
    )
    assert word in word_list() or index > 0
    apart = letters_apart(level, index, seed)
    assert apart.answer == letters(level, index, seed).answer
    assert apart.formula.replace(" ", "") == letters(level, index, seed).formula.replace(" ", "")


@PLACES
@given(st.integers(2, 20), st.integers(0, 200))
def test_numbers_are_rounded_as_decimal_does_it(level, index):
    item = rounding(level, index, 0)
    number = item.numbers[0]
    assert len(number) == level
    assert number[-1] not in "05"
    assert Decimal(item.answer) == Decimal(number).quantize(Decimal("1E1"), ROUND_HALF_UP)


@PLACES
@given(st.integers(1, 8), st.integers(0, 100))
def test_shopping_lists_add_up(level, index):
    item = shopping(level, index, 0)
    bought = re.findall(r"(\d+) ([a-z]+)s at (\d+) dollars each", item.sentence)
    assert len({name for _, name, _ in bought}) == len(bought) == level
    assert int(item.answer) == sum(int(many) * int(price) for many, _, price in bought) == evaluate(item.formula)


@PLACES
@given(st.integers(1, 8), st.integers(0, 100))
def test_chains_and_rules_are_exact(level, index):
    item = chained(level, index, 0)
    assert int(item.answer) == evaluate(item.formula)
    assert len(chain_in(item.formula).steps) == level
    assert check(chain_in(item.formula), stepwise(item).shown).valid
    a, b, c = re.fullmatch(r"x @ y = x \+ y \+ (\d), (\d+) @ (\d+)", by_rule(level, index, 0).formula).groups()
    assert int(by_rule(level, index, 0).answer) == int(a) + int(b) + int(c)


@PLACES
@given(st.integers(1, 20), st.integers(0, 100))
def test_arms_on_sums(level, index):
    for name, more in (("sum as long as its numbers", 0), ("sum longer than its numbers", 1)):
        item = ARMS[name](level, index, 0)
        assert [len(number) for number in item.numbers] == [level, level]
        assert len(item.answer) == level + more
    plain = ARMS["sum"](level, index, 0)
    assert priced(plain).answer == ARMS["sum of prices"](level, index, 0).answer == plain.answer
    assert all(int(number) % 10 == 0 and number != "0" for number in rounded_sum(plain).numbers)
    a, b = map(int, plain.numbers)
    rule = ARMS["sum by a rule"](level, index, 0)
    assert rule.numbers == plain.numbers
    assert 1 <= int(rule.answer) - a - b <= 9


def test_how_the_new_questions_read():
    chain = stepwise(chained(2, 0, 0))
    example = stepwise(chained(2, 1, 0))
    told = as_text(STYLES["examples"].write(chain, (example,)))
    assert told == f"{example.formula} = {example.shown}\n{chain.formula} ="
    chat = as_text(STYLES["chat"].write(chain, ()))
    assert "one line for each step" in chat
    assert chat.endswith(f"Work out step by step: {chain.formula} =")
    assert as_text(STYLES["bare"].write(rounding(3, 0, 0), ())).startswith("Round: ")
    assert as_text(STYLES["question"].write(shopping(1, 0, 0), ())).startswith("Question: What is the total price of ")
    assert "x @ y = x + y +" in as_text(STYLES["chat"].write(by_rule(2, 0, 0), ()))
    assert as_text(STYLES["spaced"].write(priced(sum_of(1, 2)), ())).endswith("a lamp at 2 dollars is")


def test_a_blind_answer_to_counting_is_named():
    found = blind(PROBES["count-word"], 6, 0)
    assert found.how == "always the most frequent answer, 1"
    assert 0.6 < found.share < 0.95
    assert blind(PROBES["round-integer"], 12, 0).share < 0.05
    assert blind(PROBES["shopping"], 4, 0).share < 0.1


class Model:
    """Answers by a function of prompt and right answer."""

    name = "model"

    def __init__(self, answer):
        self.answer = answer

    def fingerprint(self):
        return {"kind": "model"}

    def generate(self, requests, sampling):
        for request in requests:
            yield Reply(request.key, request.sample, self.answer(as_text(request.prompt), request.facts["gold"]))


def spoiled(when):
    return lambda prompt, gold: "7" if re.search(when, prompt) else gold


def in_steps(slip):
    """Writes every step of a chain when asked to; with a slip, the first result is off and the last is right again."""

    def answer(prompt, gold):
        if "step by step" not in prompt:
            return gold
        lines = stepwise(chained(2, 0, 0)), chain_in(prompt.rpartition(": ")[2].removesuffix(" ="))
        values = [int(value) for value in lines[1].values]
        written = [
            f"{before} {step.sign} {step.number} = {after + slip * (at == 0)}"
            for at, (before, step, after) in enumerate(zip(values, lines[1].steps, values[1:], strict=False))
        ]
        return "\n".join([*written, f"Answer: {gold}"])

    return answer


def causes(model, tmp_path, more=700):
    found = findings(checkup(Model(model), tmp_path / "r", budget=smallest_budget() + more))
    return {row["name"]: row for row in found["causes"]}, found


@pytest.mark.parametrize(
    ("name", "fault", "verdict"),
    [
        ("letters", r"number of a in [ab]{2}", "better"),
        ("everyday", "a book at", "worse"),
        ("rule", "@", "worse"),
        ("steps", "one line for each step", "worse"),
        ("steps", "from left to right", "better"),
        ("round", r"\d[1-9] ?\+ ?\d+[1-9] ?=", "better"),
    ],
)
def test_the_new_causes_are_found(name, fault, verdict, tmp_path):
    by_name, found = causes(spoiled(fault), tmp_path)
    assert by_name[name]["verdict"] == verdict, by_name[name]
    assert by_name[name]["advice"] in found["advice"]


def test_right_results_by_wrong_steps_are_told_from_right_ones(tmp_path):
    by_name, found = causes(in_steps(1), tmp_path / "wrong")
    assert (by_name["process"]["verdict"], by_name["process"]["a"], by_name["process"]["b"]) == ("worse", 1.0, 0.0)
    assert any("check every step" in sentence for sentence in found["advice"])
    by_name, found = causes(in_steps(0), tmp_path / "right")
    assert (by_name["process"]["verdict"], by_name["process"]["b"]) == ("no", 1.0)
    assert "process" not in causes(lambda prompt, gold: gold, tmp_path / "none")[0]  # no steps, nothing to check


def test_estimates_are_told_from_slips(tmp_path):
    def estimated(prompt, gold):
        number = gold.isdecimal() and len(gold) > 2 and re.search(r"\d ?[-+*] ?\d", prompt)
        return f"{round(int(gold), -1)}" if number else gold

    by_name, _ = causes(estimated, tmp_path)
    assert by_name["rounded"]["verdict"] == "better"
    assert by_name["lost-carry"]["verdict"] == "no"


def test_a_style_that_puts_both_questions_alike_leaves_the_contrast_out(tmp_path):
    def bare(prompt, gold):
        return gold if prompt.endswith("=") and " " not in prompt.partition(":")[0] and prompt[0] != "$" else "?"

    _, found = causes(bare, tmp_path, more=0)
    assert found["style"]["used"] == "bare"
    unasked = {row["name"]: row["reasons"] for row in found["unasked"]}
    assert list(unasked) == ["steps"]
    assert "puts both questions alike" in next(iter(unasked["steps"]))
