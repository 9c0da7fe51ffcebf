"""The Hugging Face backend against `generate` of transformers and against itself, on small random models."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from algorism.errors import CheckpointError, ShapeError, UsageError
from algorism.evaluation.backends import Failure, Message, Reply, Request, Sampling
from algorism.evaluation.backends.checkpoints import checkpoint_hash
from algorism.evaluation.backends.huggingface import HuggingFace
from algorism.evaluation.backends.own_folder import own_reason
from algorism.evaluation.backends.side_by_side import side_by_side
from algorism.evaluation.backends.tokens import Stopper, choose
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question
from algorism.models import Transformer, TransformerConfig
from algorism.models.export import export
from algorism.text import CharTokenizer

ALPHABET = "0123456789+=$ \n;"


@pytest.fixture(scope="module", params=["learned", "rope"])
def folder(request, tmp_path_factory):
    """A checkpoint as GPT-2 or Llama, with weights large enough that answers differ."""
    place = tmp_path_factory.mktemp("hf") / request.param
    tokenizer = CharTokenizer(ALPHABET)
    llama = {"positions": "rope", "norm": "rms", "activation": "swiglu"}
    gpt2 = {"positions": "learned", "activation": "gelu_tanh", "bias": True}
    config = TransformerConfig(
        vocab=tokenizer.vocab_size,
        context=48,
        layers=2,
        heads=2,
        width=32,
        **(llama if request.param == "rope" else gpt2),
    )
    model = Transformer(config, seed=3)
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                p.mul_(8)
    export(model, place, tokenizer)
    return place


def requests(n: int = 40, sample: int = 0) -> list[Request]:
    rng = np.random.default_rng(1)
    return [
        Request(f"q{i}", f"{rng.integers(10 ** (1 + i % 9))}+{rng.integers(1000)}=", sample, seed=1000 * sample + i)
        for i in range(n)
    ]


def answers(outcomes) -> dict[str, str]:
    outcomes = list(outcomes)
    assert all(isinstance(outcome, Reply) for outcome in outcomes)
    return {reply.key: reply.text for reply in outcomes}


@pytest.fixture(params=["transformers", "algorism"])
def Model(request):
    """The backend with each of its engines."""
    return partial(HuggingFace, engine=request.param)


def test_greedy_answers_are_those_of_generate(folder, Model):
    import transformers

    asked = requests()
    found = answers(Model(folder, batch=7).generate(asked, Sampling(max_tokens=12)))
    assert len(set(found.values())) > 10
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for request in asked:
        ids = tokenizer(request.prompt, return_tensors="pt")
        written = model.generate(
            input_ids=ids["input_ids"],
            attention_mask=ids["attention_mask"],
            do_sample=False,
            max_new_tokens=12,
            pad_token_id=tokenizer.pad_token_id or 0,
        )
        assert tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True) == found[request.key]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_neither_batch_nor_order_decides_an_answer(folder, Model, temperature):
    sampling = Sampling(max_tokens=10, temperature=temperature, top_p=0.9 if temperature else 1.0, stop=("5", "+3"))
    asked = requests()
    whole = answers(Model(folder).generate(asked, sampling))
    for batch in (1, 3, 16):
        assert answers(Model(folder, batch=batch).generate(asked[::-1], sampling)) == whole
    other = answers(Model(folder).generate(requests(sample=1), sampling))
    assert (other == whole) == (temperature == 0)
    assert Model(folder).invariance(asked[:10], sampling) == []


def test_a_stop_ends_an_answer_and_is_no_part_of_it(folder, Model):
    model = Model(folder)
    free = {r.key: r for r in model.generate(requests(), Sampling(max_tokens=20))}
    stops = ("7", "+1")
    for reply in model.generate(requests(), Sampling(max_tokens=20, stop=stops)):
        text = free[reply.key].text
        cut = min((at for at in (text.find(stop) for stop in stops) if at >= 0), default=None)
        assert reply.text == text[:cut]
        if cut is not None:
            assert reply.finish == "stop"
            assert reply.tokens < 20 or free[reply.key].tokens == reply.tokens


def test_a_prompt_that_does_not_fit_is_a_failure_and_long_answers_are_cut(folder, Model):
    model = Model(folder)
    outcomes = {o.key: o for o in model.generate([Request("a", "1" * 60), Request("b", "1" * 45)], Sampling())}
    assert isinstance(outcomes["a"], Failure)
    assert "60 tokens; this model has 48 positions" in outcomes["a"].reason
    assert outcomes["b"].tokens <= 3
    assert outcomes["b"].finish == "length" or outcomes["b"].tokens < 3


def test_an_answer_does_not_depend_on_longer_prompts_beside_it(folder, Model):
    model = Model(folder)
    short = Request("s", "1+2=")
    beside = [short, Request("l", "1" * 44)]
    alone = next(iter(model.generate([short], Sampling(max_tokens=44))))
    assert {o.key: o.text for o in model.generate(beside, Sampling(max_tokens=44))}["s"] == alone.text


def test_loglikelihoods_are_those_of_a_forward_pass(folder, Model):
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    backend = Model(folder)
    for prompt, continuation in (("12+7=", "19"), ("1+", "2=3;")):
        ids = tokenizer(prompt + continuation, return_tensors="pt")["input_ids"]
        first = len(tokenizer(prompt)["input_ids"])
        log = model(ids).logits[0].log_softmax(-1)
        expected = sum(float(log[t - 1, ids[0, t]].detach()) for t in range(first, ids.shape[1]))
        assert backend.loglikelihood([(prompt, continuation)]) == [pytest.approx(expected, abs=1e-4)]
    with pytest.raises(ShapeError, match="at least a token each"):
        backend.loglikelihood([("12+7=", "")])


def test_tokens_are_pieces_of_the_text(folder, Model):
    assert Model(folder).tokenize("12+7=") == ["1", "2", "+", "7", "="]


def test_chat_goes_through_the_template(folder, tmp_path):
    with pytest.raises(UsageError, match="no chat template"):
        HuggingFace(folder, chat=True)
    place = tmp_path / "chat"
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    settings = json.loads((place / "tokenizer_config.json").read_text())
    settings["chat_template"] = (
        "{% for m in messages %}{{ m['content'] }};{% endfor %}{% if add_generation_prompt %}={% endif %}"
    )
    (place / "tokenizer_config.json").write_text(json.dumps(settings))
    chat, plain = HuggingFace(place), HuggingFace(place, chat=False)
    assert chat.engine.decode(chat.encode("1+1")) == "1+1;="
    assert chat.encode((Message("system", "5"), Message("user", "1+1"))) == plain.encode("5;1+1;=")
    assert plain.encode("1+1") == HuggingFace(folder).encode("1+1")
    assert chat.fingerprint()["chat"] != plain.fingerprint()["chat"]


def test_what_cannot_be_loaded_is_explained(folder, tmp_path):
    with pytest.raises(CheckpointError, match="is no folder"):
        HuggingFace("somebody/some-model")
    with pytest.raises(CheckpointError, match="no model that can be loaded"):
        HuggingFace(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(CheckpointError, match="no model that can be loaded"):
        HuggingFace(tmp_path)


def test_the_fingerprint_follows_the_weights_and_not_the_path(folder, tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for path in folder.iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "other" / "model.safetensors"
    assert checkpoint_hash(folder) == checkpoint_hash(tmp_path / "one") == checkpoint_hash(tmp_path / "other")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert checkpoint_hash(tmp_path / "one") != checkpoint_hash(tmp_path / "other")


def test_a_stop_that_ends_in_a_space_is_found_where_a_token_alone_loses_its_space():
    words = ["▁a", "▁b", "c"]

    def decode(ids) -> str:
        return "".join(words[i] for i in ids).replace("▁", " ").removeprefix(" ")

    stopper = Stopper(decode, ["a ", "cc"])
    assert [stopper.found(ids) for ids in ([0], [0, 1], [2, 2], [1, 2])] == [False, True, True, False]


def test_drawing_follows_the_shares():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).repeat(20_000, 1)
    draws = [torch.Generator().manual_seed(i) for i in range(len(logits))]
    for sampling, expected in (
        (Sampling(temperature=0.5), (logits[0] / 0.5).softmax(-1)),
        (Sampling(temperature=1.0, top_p=0.8), torch.tensor([0.7311, 0.2689, 0.0, 0.0])),
    ):
        shares = torch.bincount(choose(logits, sampling, draws), minlength=4) / len(logits)
        assert torch.allclose(shares, expected, atol=0.015)


def test_an_interview_of_a_checkpoint(folder, Model, tmp_path):
    questions = [Question(f"q{i}", f"{i}+1=", str(i + 1)) for i in range(20)]
    found = interview(Model(folder), questions, tmp_path / "r.jsonl", sampling=Sampling(max_tokens=3, stop=("$",)))
    assert len(found.answers) == 20
    assert (
        interview(Model(folder), questions, tmp_path / "r.jsonl", sampling=Sampling(max_tokens=3, stop=("$",))).asked
        == 0
    )


def test_our_engine_takes_only_what_it_computes_equally(folder, tmp_path):
    assert own_reason(folder) is None
    assert HuggingFace(folder).fingerprint()["engine"] == "algorism"
    assert HuggingFace(folder, dtype="bfloat16").fingerprint()["engine"] == "transformers"

    def altered(file: str, **settings) -> str:
        place = tmp_path / "-".join(settings)
        place.mkdir()
        for path in folder.iterdir():
            (place / path.name).write_bytes(path.read_bytes())
        stored = json.loads((place / file).read_text())
        (place / file).write_text(json.dumps(stored | settings))
        return own_reason(place) or ""

    assert "template" in altered("tokenizer_config.json", chat_template="{{ messages }}")
    assert "class 'LlamaTokenizer'" in altered("tokenizer_config.json", tokenizer_class="LlamaTokenizer")
    assert "does not have" in altered("tokenizer_config.json", cls_token="<new>")
    assert "more than the weights" in altered("config.json", quantization_config={"bits": 4})
    assert "more than the weights" in altered("config.json", auto_map={"AutoModel": "code.Model"})
    assert "not float32" in altered("config.json", dtype="bfloat16")
    assert "'mistral'" in altered("config.json", model_type="mistral")
    assert "architecture" in altered("config.json", architectures=["GPT2ForSequenceClassification"])
    assert "missing or damaged" in (own_reason(tmp_path) or "")
    with pytest.raises(UsageError, match="cannot compute it"):
        HuggingFace(folder, dtype="bfloat16", engine="algorism")


def test_the_end_token_ends_answers_and_damage_is_explained(folder, Model, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    end = json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]["7"]
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"eos_token_id": end}))
    free, ended = (answers(Model(place).generate(requests(), Sampling(max_tokens=20))) for place in (folder, tmp_path))
    assert {key: text.split("7")[0] for key, text in free.items()} == ended
    (tmp_path / "model.safetensors").write_bytes(b"not a file of tensors")
    with pytest.raises(CheckpointError, match="no model that can be loaded"):
        Model(tmp_path)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_an_error_beside_others_is_raised_and_the_threads_are_as_before(threads):
    def work(job: int):
        yield job
        if job == 3:
            raise ValueError("three")

    before = torch.get_num_threads()
    assert sorted(side_by_side(work, [1, 2, 4], threads)) == [1, 2, 4]
    with pytest.raises(ValueError, match="three"):
        list(side_by_side(work, range(100), threads))
    assert torch.get_num_threads() == before
