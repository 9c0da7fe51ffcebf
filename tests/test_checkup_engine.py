"""The check-up as a whole, on models whose faults are known: found within the budget, and again after a kill."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from algorism.errors import CheckpointError, DataError, UsageError
from algorism.evaluation.backends import Failure, Reply, Scripted, scripted
from algorism.evaluation.checkup import checkup, findings, first_questions, smallest_budget
from algorism.evaluation.checkup.brackets import CHUNK
from algorism.evaluation.checkup.engine import MOST, pairs_within
from algorism.evaluation.checkup.styles import STYLES
from algorism.evaluation.records import read_record

SMALL = smallest_budget()
SUM = re.compile(r"(\d+) ?\+ ?(\d+) ?=")


class Faulty:
    """A model that answers by a function of prompt and right answer."""

    name = "faulty"

    def __init__(self, answer):
        self.answer = answer

    def fingerprint(self):
        return {"kind": "faulty"}

    def generate(self, requests, sampling):
        for request in requests:
            prompt = request.prompt if isinstance(request.prompt, str) else request.prompt[0].content
            found = self.answer(prompt, request.facts["gold"], request)
            yield found if isinstance(found, Failure) else Reply(request.key, request.sample, found)


def without_carries(prompt, gold, request):
    """Adds every column rightly and forgets all carries; knows everything else."""
    asked = SUM.search(prompt)
    if not asked or "digit" in prompt or "." in asked[0]:
        return gold
    a, b = (text.zfill(max(map(len, asked.groups()))) for text in asked.groups())
    return str(int("".join(str((int(x) + int(y)) % 10) for x, y in zip(a, b, strict=True))))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Findings of a model, at a small budget; each is asked once."""
    made = {}

    def of(name):
        if name not in made:
            model = scripted(name) if isinstance(name, str) else Faulty(name)
            made[name] = findings(checkup(model, tmp_path_factory.mktemp("record") / "r", budget=SMALL + 200))
        return made[name]

    return of


def cause(values, name):
    return next(row for row in values["causes"] if row["name"] == name)


def one_length(prompt, gold, request):
    """Knows sums in which the longer number has three digits, and nothing else."""
    asked = SUM.search(prompt)
    return gold if asked and max(map(len, asked.groups())) == 3 else "0"


def test_a_network_that_knows_one_length_alone_is_found_out(tmp_path):
    values = findings(checkup(Faulty(one_length), tmp_path / "r"))
    probe = next(probe for probe in values["probes"] if probe["name"] == "add-integer")
    half = next(row for row in probe["thresholds"] if row["threshold"] == 0.5)
    assert (half["holds_up_to"], half["consistent"]) == (3, False)
    assert half["fails_from"] in (1, 2)
    assert "Sums of whole numbers are mostly right with 3 digits, and not with" in values["headline"]


def test_an_oracle_gets_all_right_and_no_advice(found):
    values = found("oracle")
    assert values["headline"].startswith("Nothing wrong in any of")
    answers = values["answers"]
    assert answers["right"] == answers["strict"] == answers["given"] > 0
    assert (answers["unparsed"], answers["cut"], answers["failed"]) == (0, 0, 0)
    assert values["weakest"] == values["advice"] == []
    assert {row["verdict"] for row in values["causes"]} == {"no"}
    for probe in values["probes"]:
        assert probe["thresholds"][1]["estimate"] == probe["all_levels"][-1]
        assert probe["thresholds"][0]["fails_from"] is None


def test_lost_carries_are_found_in_the_wrong_answers(found):
    values = found("dropped-carry")
    shown = [row["name"] for row in values["causes"] if row["verdict"] != "no"]
    assert "lost-carry" in shown
    assert "extra-carry" not in shown
    assert any("Carries get lost" in sentence for sentence in values["advice"])
    assert {spot["name"] for spot in values["weakest"]} <= {p["name"] for p in values["probes"]}
    example = values["weakest"][0]["examples"][0]
    assert int(example["right"]) - int(example["answer"]) in (10, int(example["right"]))


def test_carries_are_found_by_asking_with_and_without(tmp_path):
    values = findings(checkup(Faulty(without_carries), tmp_path / "r"))
    row = cause(values, "carries")
    assert (row["verdict"], row["a"], row["b"]) == ("worse", 1.0, 0.0)
    assert row["high"] < -0.5
    assert row["holm"] < 0.01
    assert "carries" in " ".join(values["advice"])
    by_name = {probe["name"]: probe for probe in values["probes"]}
    assert by_name["add-no-carry"]["thresholds"][1]["estimate"] == 20
    assert by_name["add-all-carry"]["thresholds"][1]["estimate"] is None
    assert values["weakest"][0]["name"] == "add-all-carry"


def test_form_is_told_from_knowledge(found):
    values = found("format-breaker")
    assert values["headline"].startswith("Right numbers in the wrong form")
    assert cause(values, "format")["verdict"] == "better"
    assert "form" in values["advice"][0]
    assert values["answers"]["strict"] == 0


def test_the_direction_of_grouping_is_found(found):
    def aligned(prompt, gold, request):
        """Takes numbers with commas apart from the right; groups of another kind puzzle it."""
        groups = re.findall(r"\d+(?:,\d+)+", prompt)
        return "7" if any(not re.fullmatch(r"\d{1,3}(,\d{3})+", group) for group in groups) and "+" in prompt else gold

    row = cause(found(aligned), "direction")
    assert row["verdict"] == "worse"
    assert row["a"] == 1
    assert any("from the right" in sentence for sentence in found(aligned)["advice"])


def test_noise_is_no_cause(found):
    values = found("noisy")
    assert values["advice"] == []
    assert values["weakest"]
    assert 0.7 < values["answers"]["right"] / values["answers"]["given"] < 0.9


def test_every_model_is_asked_in_the_style_that_suits_it(tmp_path):
    def answers(shape):
        return lambda prompt, gold, request: gold if shape(prompt, request) else "I am not sure."

    shapes = {
        "chat": lambda prompt, request: not isinstance(request.prompt, str),
        "examples": lambda prompt, request: prompt.count("\n") >= 3,
        "question": lambda prompt, request: prompt.endswith("\nAnswer:"),
        "dollar": lambda prompt, request: prompt.startswith("$"),
    }
    for name, shape in shapes.items():
        values = findings(checkup(Faulty(answers(shape)), tmp_path / name, budget=SMALL))
        assert values["style"]["used"] == name
        assert {trial["style"]: trial["right"] for trial in values["style"]["trials"]}[name] == 8
        assert values["answers"]["right"] == values["answers"]["given"]


def test_answers_written_backwards_are_read_backwards(tmp_path):
    def backwards(prompt, gold, request):
        return gold[::-1] if prompt.startswith("$") else ""

    values = findings(checkup(Faulty(backwards), tmp_path / "r", budget=SMALL))
    assert values["style"]["used"] == "dollar-backwards"
    assert "from the last digit" in values["headline"]
    assert values["answers"]["right"] == values["answers"]["given"]


@pytest.mark.parametrize("budget", [SMALL, SMALL + 333])
def test_the_budget_is_kept_and_nothing_is_asked_twice(tmp_path, budget):
    result = checkup(scripted("noisy"), tmp_path / "r", budget=budget)
    answers = [line for line in read_record(tmp_path / "r")[1] if not isinstance(line, Failure)]
    assert len(answers) == result.session.new <= budget
    assert len({answer.question.key for answer in answers}) == len(answers)
    prompts = [(key.rsplit("/", 2)[0], a.question.prompt) for a in answers if (key := a.question.key)[:5] == "probe"]
    assert len(set(prompts)) == len(prompts)
    assert 12 <= pairs_within(budget) <= 60


def test_a_larger_budget_continues_a_smaller_one(tmp_path):
    first = checkup(scripted("noisy"), tmp_path / "r", budget=SMALL)
    second = checkup(scripted("noisy"), tmp_path / "r", budget=SMALL + 150)
    assert 0 < second.session.new <= 150 + first.session.new // 4
    again = checkup(scripted("noisy"), tmp_path / "r", budget=SMALL + 150)
    assert again.session.new == 0
    fresh = checkup(scripted("noisy"), tmp_path / "other", budget=SMALL + 150)
    assert without_new(findings(again)) == without_new(findings(fresh))


def without_new(values):
    return {**values, "method": {**values["method"], "new_requests": None}}


def test_a_killed_checkup_ends_as_one_that_was_not_killed(tmp_path):
    path = tmp_path / "answers.jsonl"
    command = [sys.executable, Path(__file__).with_name("_killed_checkup.py"), path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"asking\n"
    deadline = time.monotonic() + 60
    while (path.stat().st_size if path.exists() else 0) < 30_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = sum(1 for _ in read_record(path)[1])
    continued = checkup(scripted("noisy"), path, budget=SMALL)
    whole = checkup(scripted("noisy"), tmp_path / "whole.jsonl", budget=SMALL)
    assert 50 < before < whole.session.new
    assert continued.session.new == whole.session.new - before
    assert without_new(findings(continued)) == without_new(findings(whole))

    def texts(where):
        return {line.reply.key: (line.question, line.reply.text) for line in read_record(where)[1]}

    assert texts(path) == texts(tmp_path / "whole.jsonl")
    assert sum(1 for _ in read_record(path)[1]) == len(texts(path))


def test_failures_are_no_wrong_answers(tmp_path):
    values = findings(checkup(Scripted("oracle", fails=0.2), tmp_path / "r", budget=SMALL))
    answers = values["answers"]
    assert answers["failed"] > 30
    assert answers["right"] == answers["given"]
    assert sum(values["method"]["failures"].values()) >= answers["failed"]
    assert "requests failed and count for nothing" in values["headline"]
    mended = findings(checkup(Scripted("oracle"), tmp_path / "r", budget=SMALL))
    assert mended["answers"]["failed"] == 0


def test_levels_at_which_everything_fails_are_left_alone(tmp_path):
    def short(prompt, gold, request):
        return gold if len(prompt) < 90 else Failure(request.key, request.sample, "a prompt too long for this model")

    values = findings(checkup(Faulty(short), tmp_path / "r", budget=SMALL + 200))
    for probe in values["probes"]:
        for level in probe["levels"]:
            if level["given"] == 0:
                assert level["failed"] <= MOST
                assert level["value"] is None
        assert sum(level["failed"] for level in probe["levels"] if not level["given"]) <= 4 * CHUNK + MOST


def test_a_model_that_answers_nothing_stops_early(tmp_path):
    with pytest.raises(DataError, match="answered none of the first 64 requests: the script says"):
        checkup(Scripted("oracle", fails=1.0), tmp_path / "r", budget=SMALL)


def test_what_cannot_be_done_is_refused(tmp_path):
    with pytest.raises(UsageError, match=f"expected at least {SMALL} requests, got {SMALL - 1}"):
        checkup(scripted("oracle"), tmp_path / "r", budget=SMALL - 1)
    checkup(scripted("oracle"), tmp_path / "r", budget=SMALL)
    for other in ({"backend": scripted("noisy")}, {"seed": 1}, {"extra_tokens": 5}):
        with pytest.raises(CheckpointError, match="of another run"):
            checkup(**{"backend": scripted("oracle"), "record": tmp_path / "r", "budget": SMALL} | other)
    with pytest.raises(DataError, match="was not asked, or was answered"):
        checkup(Twice(), tmp_path / "twice", budget=SMALL)


class Twice(Faulty):
    def __init__(self):
        super().__init__(lambda prompt, gold, request: gold)

    def generate(self, requests, sampling):
        yield from super().generate(requests, sampling)
        yield from super().generate(requests[:1], sampling)


def test_the_first_questions_do_not_depend_on_the_model():
    a, b = first_questions(STYLES["bare"], 0), first_questions(STYLES["bare"], 0)
    assert [x.question() for x in a] == [x.question() for x in b]
    assert {x.question().gold for x in a} != {x.question().gold for x in first_questions(STYLES["bare"], 1)}


def test_a_small_checkpoint_is_asked_what_it_can_read(tmp_path):
    from algorism.evaluation.backends import backend
    from algorism.models import Transformer, TransformerConfig
    from algorism.models.export import export
    from algorism.text import CharTokenizer

    tokenizer = CharTokenizer("0123456789+-*=$ \n")
    config = TransformerConfig(vocab=tokenizer.vocab_size, context=24, layers=1, heads=1, width=16, bias=True)
    export(Transformer(config, seed=0), tmp_path / "hf", tokenizer)
    values = findings(checkup(backend(f"hf:{tmp_path / 'hf'}"), tmp_path / "r", budget=SMALL))
    trials = {trial["style"]: trial for trial in values["style"]["trials"]}
    assert (trials["chat"]["failed"], trials["bare"]["failed"]) == (8, 0)  # it has no letters
    assert values["style"]["used"] in ("bare", "spaced", "dollar", "dollar-backwards")
    assert "further tasks could not be asked" in values["headline"]
    assert any("the tokenizer refuses a prompt" in reason for reason in values["method"]["failures"])
