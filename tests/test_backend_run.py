"""A run of ours, asked bare problems: rewritten in its own format, answered, read back, or refused with a reason."""

import json
import re
import shutil
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from algorism.cli import app
from algorism.commands.models import model_named
from algorism.errors import CheckpointError, UsageError
from algorism.evaluation import evaluate
from algorism.evaluation.backends import network
from algorism.evaluation.backends.bare import bare_problem
from algorism.evaluation.backends.network import UNREADABLE, Network
from algorism.evaluation.backends.protocol import Backend, Failure, Message, Reply, Request, Sampling
from algorism.evaluation.checkup import smallest_budget
from algorism.models import Transformer, TransformerConfig
from algorism.tasks import Problems, Task, task
from algorism.text import CharTokenizer, DigitTokenizer, format_by_name, indexing_by_name
from algorism.training import load_run, parse_recipe, train

GREEDY = Sampling()


def recipe(more: str):
    small = (
        "model: {layers: 1, heads: 2, width: 24}\ntraining: {steps: 60, batch: 64, learning_rate: 1e-2, warmup: 5}\n"
    )
    return parse_recipe(small + more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run that has seen a little of sums up to two digits: it writes numbers, if hardly the right ones."""
    place = tmp_path_factory.mktemp("runs") / "add2"
    train(recipe("task: {name: addition, digits: 2, examples: null, test: 60}"), place)
    return place


def ours(form="reverse", asked=None, tokenizer=None, **shape):
    tokenizer = tokenizer or CharTokenizer()
    config = TransformerConfig(
        **{"vocab": tokenizer.vocab_size, "context": 40, "layers": 1, "heads": 1, "width": 8} | shape
    )
    made = Transformer(config, seed=1)
    return Network(made, format_by_name(form), tokenizer, asked or Task("+", digits=3), name="run:ours", device="cpu")


def ask(model, *prompts, sampling=GREEDY):
    requests = [Request(str(at), prompt) for at, prompt in enumerate(prompts)]
    found = {outcome.key: outcome for outcome in model.generate(requests, sampling)}
    return [found[request.key] for request in requests]


def test_answers_are_those_of_the_same_network_on_the_same_problems(folder):
    run = load_run(folder)
    m = run.material
    known = evaluate(run.model, m.format, m.tokenizer, m.test)
    prompts = [f"{p.operands[0]} + {p.operands[1]} =" for p in (m.test[i] for i in range(len(m.test)))]
    model = model_named(f"run:{folder}")
    assert isinstance(model, Backend)
    replies = ask(model, *prompts)
    assert [r.text for r in replies] == [answer or UNREADABLE for answer in known.answers]
    assert len({reply.text for reply in replies} - {UNREADABLE}) > 5
    for order in (prompts[::-1], prompts[7:] + prompts[:7]):
        assert {p: r.text for p, r in zip(order, ask(model, *order), strict=True)} == {
            p: r.text for p, r in zip(prompts, replies, strict=True)
        }


@pytest.mark.parametrize(
    ("form", "asked", "prompt", "seen", "written", "said"),
    [
        ("plain", "addition", "12+9=", "12+9=", "21", "21"),
        ("reverse", "addition", " 123 + 456 =", "$123+456=", "975", "579"),
        ("pad3+reverse+dollar", "addition", "12+9=", "$012+009=", "1200", "21"),
        ("dollar", "subtraction", "3-12", "$3-12=", "-9", "-9"),
        ("reverse", "multiplication", "12 * 12 =", "$12*12=", "441", "144"),
        ("plain", "sine", "sin(0.5)=", "sin(0.5000)=", "0.4794", "0.4794"),
        ("plain", "addition", "Add two numbers: 12 + 9 =", "12+9=", "2x", UNREADABLE),
    ],
)
def test_every_format_is_written_and_read(monkeypatch, form, asked, prompt, seen, written, said):
    model, prompts = ours(form, task(asked)), []
    tokenizer = CharTokenizer("ascii")
    model.tokenizer = tokenizer

    def continued(net, ids, *, max_new, stop, **_):
        prompts.extend(tokenizer.decode(row) for row in ids)
        assert stop == [int(tokenizer.encode(model.form.stop)[0])]
        assert max_new > len(written)
        return [tokenizer.encode(written) for _ in ids]

    monkeypatch.setattr(network, "generate", continued)
    (reply,) = ask(model, prompt)
    assert (prompts, reply.text, reply.finish, reply.tokens) == ([seen], said, "stop", len(written))


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("What is 12+9?", "no bare problem, such as 12+34="),
        ("1 2+9=", "no bare problem"),
        ("12+9+3=", "no bare problem"),
        ("Question: Add two numbers: 1 + 2 =\nAnswer:", "no bare problem"),
        ("Add the digits: 12 + 9 =", "no bare problem"),
        ("Subtract: 12 + 9 =", "no bare problem"),
        ("1\N{ARABIC-INDIC DIGIT TWO}+9=", "no bare problem"),
        ((Message("user", "12+9="),), "no bare problem"),
        ("12*9=", "a problem with '*'; this network knows '+' only"),
        ("sin(1)=", "a problem with 'sin'"),
        ("1.5+2=", "decimals; whole numbers are all that this network knows"),
        ("-3+2=", "below zero"),
        (f"{10**12}+1=", "13 digits need 44 positions; this network has 40"),
    ],
)
def test_what_cannot_be_asked_is_a_failure_with_its_reason(prompt, reason):
    refused, answered = ask(ours(), prompt, "1+1=")
    assert isinstance(refused, Failure)
    assert reason in refused.reason
    assert isinstance(answered, Reply)


def test_a_fixed_padding_and_a_small_alphabet_refuse_too():
    refused, answered = ask(ours("pad3+reverse+dollar"), "1234+1=", "123+1=")
    assert "zero padding to 3 digits" in refused.reason
    assert isinstance(answered, Reply)
    (refused,) = ask(ours(tokenizer=CharTokenizer("0123456789+=")), "12+3=")
    assert "'$' is outside the alphabet" in refused.reason


def test_without_a_table_of_positions_any_length_is_asked():
    replies = ask(ours(positions="rope", context=14), f"{10**30}+{10**30}=", "5+5=")
    assert all(isinstance(reply, Reply) for reply in replies)
    assert isinstance(ask(ours(tokenizer=DigitTokenizer(3, "r2l")), "1234+56=")[0], Reply)


@pytest.mark.parametrize("index", ["coupled20", "abacus20", "randomized40"])
def test_numbered_tokens_are_numbered_as_in_training(index):
    text = f"text: {{format: pad+reverse+dollar, index: {index}}}\n"
    run = train(recipe(text + "task: {name: addition, digits: 2, examples: null, test: 60}"))
    m = run.material
    known = evaluate(run.model, m.format, m.tokenizer, m.test, indexing=m.indexing)
    model = Network(run.model, m.format, m.tokenizer, m.task, m.indexing, name="run:numbered", device="cpu")
    replies = ask(model, *(f"{p.operands[0]}+{p.operands[1]}=" for p in (m.test[i] for i in range(len(m.test)))))
    assert [r.text for r in replies] == [answer or UNREADABLE for answer in known.answers]
    assert len({reply.text for reply in replies}) > 1
    refused, answered = ask(model, f"{10**60}+1=", f"{10**7}+1=")
    assert "this network" in refused.reason
    assert isinstance(answered, Reply)


def test_the_numbers_of_tokens_are_those_of_the_paper(monkeypatch):
    seen = []

    def continued(net, ids, *, indices, **_):
        seen.extend(index.tolist() for index in indices)
        return [CharTokenizer().encode("190") for _ in ids]

    monkeypatch.setattr(network, "generate", continued)
    model = ours("pad+reverse+dollar", context=12)
    model.indexing = indexing_by_name("coupled")
    (reply,) = ask(model, "54+37=")
    assert reply.text == "91"
    assert seen[0][:11] == [4, 2, 1, 0, 2, 1, 0, 1, 2, 3, 4]  # $54+37=190$, position coupling
    (refused,) = ask(model, f"{10**11}+1=")
    assert "these digits are numbered up to 15; this network knows 12 numbers" in refused.reason


def test_drawing_follows_the_request_alone():
    model, warm = ours(), Sampling(temperature=1.0)
    requests = [Request(f"q{at}", "12+34=", seed=at) for at in range(6)]
    first = {r.key: r.text for r in model.generate(requests, warm)}
    assert {r.key: r.text for r in model.generate(requests[::-1], warm)} == first
    tokens = {r.key: r.tokens for r in model.generate(requests, warm)}
    assert len(set(tokens.values())) > 1
    with pytest.raises(UsageError, match="top_p is not supported"):
        list(model.generate(requests, Sampling(temperature=1.0, top_p=0.5)))


@pytest.mark.parametrize("form", ["spaces+dollar", "dialogue"])
def test_a_format_that_draws_does_not_make_answers_depend_on_the_others(monkeypatch, form):
    model, seen = ours(form, tokenizer=CharTokenizer("ascii"), context=400), []
    monkeypatch.setattr(network, "generate", lambda net, ids, **_: seen.extend(ids) or [[] for _ in ids])
    prompts = [f"{a}+{b}=" for a in range(10, 14) for b in range(4)]
    ask(model, *prompts)
    ask(model, *prompts[::-1])
    written = [model.tokenizer.decode(ids) for ids in seen]
    assert written[:16] == written[16:][::-1]
    shapes = {re.sub(r"\d", "", text) for text in written}
    assert len(shapes) > 1  # other spaces, other words
    assert re.findall(r"\d+", written[0].replace(" ", "") if form != "dialogue" else written[0]) == ["10", "0"]


def test_an_answer_without_an_end_is_cut(monkeypatch):
    def endless(net, ids, *, max_new, **_):
        return [CharTokenizer().encode("1" * max_new) for _ in ids]

    monkeypatch.setattr(network, "generate", endless)
    (reply,) = ask(ours(), "1+1=")
    room = len("$9+9=81$") - len("$1+1=")
    assert (reply.finish, reply.text, reply.tokens) == ("length", "1" * room, room)


def test_a_fingerprint_names_weights_and_format_and_no_folder(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    one = model_named(f"run:{folder}").fingerprint()
    assert model_named(f"run:{tmp_path / 'copy'}").fingerprint() == one == json.loads(json.dumps(one))
    others = [ours().fingerprint(), ours(width=16).fingerprint(), ours("plain").fingerprint()]
    assert all(a != b for a, b in permutations([one, *others], 2))


@given(st.integers(0, 10**40), st.integers(0, 10**40), st.sampled_from("+-*"), st.booleans(), st.booleans())
def test_bare_problems_are_read(a, b, sign, spaced, ended):
    gap, end = " " * spaced, "=" * ended
    found = bare_problem(f"{a}{gap}{sign}{gap}{b}{gap}{end}")
    assert (found.operator, found.operands) == (sign, (a, b))


@given(st.text("0123456789+-*=. ()sinqrtAd:", max_size=30))
def test_whatever_is_read_is_the_problem_that_stands_there(text):
    found = bare_problem(text)
    if found is not None:
        digits = [part for part in "".join(c if c in "0123456789." else " " for c in text).split() if part != "."]
        assert len(digits) == len(found.operands)
        assert [abs(value) for value in found.operands] == [Fraction(part) for part in digits]


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no run here"):
        model_named(f"run:{tmp_path}")
    with pytest.raises(UsageError, match=r"no option 'chat'"):
        model_named(f"run:{tmp_path}", chat=True)
    train(recipe("task: {name: sort, length: 4, values: 6, examples: 30, test: 5}"), tmp_path / "sort")
    with pytest.raises(UsageError, match="its task is on lists"):
        model_named(f"run:{tmp_path / 'sort'}")


def command(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_ask_and_suite_ask_a_run(folder, tmp_path):
    run = load_run(folder)
    for bare in ([], ["--bare"]):
        record = tmp_path / f"ask{len(bare)}"
        values = command("ask", "addition", f"run:{folder}", "--digits", 1, "-n", 30, "--record", record, *bare)
        assert (values["answers"], values["failures"]) == (30, 0)
        rows = [json.loads(line) for line in record.read_text().splitlines()][1:]
        operands = [bare_problem(row["prompt"]).operands for row in rows]
        problems = Problems.of("+", *([int(value) for value in column] for column in zip(*operands, strict=True)))
        known = evaluate(run.model, run.material.format, run.material.tokenizer, problems)
        assert [row["text"] for row in rows] == [answer or UNREADABLE for answer in known.answers]
    values = command(
        *("suite", "nupa", f"run:{folder}", "--tasks", "add-integer,max-integer", "--lengths", "1-3", "-n", 4),
        *("--record", tmp_path / "nupa"),
    )
    assert (values["answers"], values["failures"]) == (8, 16)


@pytest.mark.parametrize("name", ["addition", "subtraction"])
def test_a_checkup_of_a_run_says_what_could_not_be_asked(name, folder, tmp_path):
    place = folder
    if name == "subtraction":
        place = tmp_path / "sub2"
        train(recipe("task: {name: subtraction, digits: 2, examples: null, test: 20}"), place)
    found = command("checkup", f"run:{place}", "--budget", smallest_budget(), "--out", tmp_path / "out")
    assert found["style"]["used"] == "bare"
    asked = {probe["name"] for probe in found["probes"] if probe["reach"]}
    expected = {"addition": {"add-integer", "add-no-carry", "add-all-carry"}, "subtraction": {"sub-integer"}}[name]
    assert expected <= asked <= expected | {"chain"}  # a chain of one step is a bare problem
    unasked = {row["name"]: row["reasons"] for row in found["unasked"]}
    assert len(unasked) > 20
    assert any("no bare problem" in reason for reason in unasked["max-integer"])
    other = {"addition": "sub-integer", "subtraction": "add-integer"}[name]
    assert any("this network knows" in reason for reason in unasked[other])
    assert "further tasks could not be asked" in found["headline"]
    page = (tmp_path / "out" / "checkup.html").read_text()
    assert "What could not be asked" in page
    assert "no bare problem, such as 12" in page
    reaches = {probe["reach"] for probe in found["probes"] if probe["name"] in expected}
    assert reaches <= {2, 3, 4}  # 6 digits were tried, and those between need not have been
