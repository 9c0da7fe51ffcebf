"""Tokenizers against plain Python chunking and against Hugging Face; batches against the slow route."""

import json
import re
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import CheckpointError, DataError, UsageError
from algorism.tasks import Task, task
from algorism.tasks.space import every_problem
from algorism.text import (
    CharTokenizer,
    DigitTokenizer,
    Encoded,
    Texts,
    Tokenizer,
    encoded_batch,
    format_by_name,
    mix,
    stream,
)

ASCII = CharTokenizer("ascii")
KINDS: list[Tokenizer] = [
    ASCII,
    CharTokenizer("arithmetic"),
    *(DigitTokenizer(size, way, "ascii") for size in (1, 2, 3) for way in ("l2r", "r2l")),  # type: ignore[arg-type]
]
TEXT = st.text(alphabet=sorted(set(string.printable) - set("\t\r\x0b\x0c<")), max_size=60) | st.text(
    "0123456789 +=", max_size=40
)


def chunked(text: str, size: int, direction: str) -> list[str]:
    """Pieces of a text by slicing every run of digits."""
    pieces: list[str] = []
    for run in re.findall(r"[0-9]+|[^0-9]", text):
        first = len(run) % size if direction == "r2l" else 0
        cuts = [run[:first], *(run[i : i + size] for i in range(first, len(run), size))]
        pieces += [c for c in cuts if c] if run[0] in string.digits else [run]
    return pieces


def test_alphabets() -> None:
    assert ASCII.vocab_size == 97  # the paper's 96 symbols and padding
    assert "".join(ASCII.tokens[1:]) == "\n" + "".join(
        sorted(string.ascii_letters + string.digits + string.punctuation + " ")
    )
    assert CharTokenizer("ba").vocab == {"<pad>": 0, "a": 1, "b": 2}
    assert DigitTokenizer(3).vocab_size == 1110 + 15 + 1
    assert DigitTokenizer(3).dtype is np.uint16


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=8), st.data())
def test_ids_equal_plain_python(rows: list[str], data: st.DataObject) -> None:
    """Whole columns of ragged texts, with the prompt ending anywhere that does not cut a number."""
    width = max(map(len, rows))
    planes = [np.array([ord(r[k]) if k < len(r) else 0 for r in rows], dtype=np.uint8) for k in range(width)]
    for tokenizer in KINDS[:1] + KINDS[2:]:
        texts = Texts(planes, 0, len(rows))
        encoded = tokenizer.encode_texts(texts)
        for row, text in enumerate(rows):
            pieces = (
                list(text)
                if isinstance(tokenizer, CharTokenizer)
                else chunked(text, tokenizer.size, tokenizer.direction)
            )  # type: ignore[attr-defined]
            ids = [tokenizer.vocab[p] for p in pieces]
            assert encoded.length_n[row] == len(ids)
            assert encoded.ids_nt[row].tolist() == ids + [0] * (encoded.ids_nt.shape[1] - len(ids))
            assert tokenizer.encode(text).tolist() == ids
            assert tokenizer.decode(ids) == text
        assert tokenizer.decode_batch(encoded.ids_nt) == rows


@pytest.mark.parametrize(
    "tokenizer", KINDS, ids=lambda t: f"{t.kind}-{getattr(t, 'size', '')}{getattr(t, 'direction', '')}{t.vocab_size}"
)
def test_hugging_face_agrees_and_round_trips(tokenizer: Tokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.save(tmp_path)
    auto = AutoTokenizer.from_pretrained(tmp_path)
    made = tokenizer.to_hf()
    ours = Tokenizer.load(tmp_path)
    assert ours.vocab == tokenizer.vocab == auto.get_vocab() == made.get_vocab()
    assert auto.pad_token_id == tokenizer.pad_id == 0
    rng = np.random.default_rng(0)
    numbers = np.array(list("0123456789"))
    for k in range(120):
        chars = rng.choice(list(tokenizer.alphabet), rng.integers(0, 30))
        text = "".join(np.where(rng.random(len(chars)) < 0.5, rng.choice(numbers, len(chars)), chars))
        if k % 4 == 0 and " " in tokenizer.alphabet:
            text = f" {text}  , . n't ? "  # what a clean-up of spaces would change
        ids = tokenizer.encode(text).tolist()
        for hf in (auto, made):
            assert hf(text, add_special_tokens=True)["input_ids"] == ids, text
            assert hf.decode(ids) == text
        assert ours.decode(ids) == text
    padded = auto(["1+1=", "100+1="], padding=True)
    assert [sum(row) for row in padded["attention_mask"]] == [len(tokenizer.encode(t)) for t in ("1+1=", "100+1=")]
    with pytest.raises(Exception, match=r"unk|UNK|unknown"):
        auto("ä")


def test_prompts_are_counted_in_tokens() -> None:
    problems = Task("+", 7, "digits").sample(300, 0)
    texts = format_by_name("plain").write(problems)
    for tokenizer in (DigitTokenizer(3, "r2l"), DigitTokenizer(2, "l2r"), CharTokenizer()):
        encoded = tokenizer.encode_texts(texts)
        for row, (prompt, whole) in enumerate(zip(texts.prompts(), texts.strings(), strict=True)):
            split = int(encoded.prompt_n[row])
            assert tokenizer.decode(encoded.ids_nt[row, :split]) == prompt
            assert encoded.ids_nt[row, : encoded.length_n[row]].tolist() == tokenizer.encode(whole).tolist()


def test_errors() -> None:
    with pytest.raises(DataError, match="'x' is outside"):
        CharTokenizer("0123456789").encode("1x2")
    with pytest.raises(DataError, match=r"'\$' is outside"):
        CharTokenizer("0123456789+=").encode_texts(format_by_name("reverse").write(task("addition").sample(5)))
    with pytest.raises(DataError, match="'-' is outside"):
        CharTokenizer("0123456789+=\n").encode_texts(format_by_name("plain").write(task("subtraction").sample(50)))
    with pytest.raises(DataError, match=r"'\+' is outside"):
        DigitTokenizer(2, alphabet="0123456789=\n").encode_texts(
            format_by_name("plain").write(task("addition").sample(5))
        )
    with pytest.raises(DataError, match="may share a token"):
        DigitTokenizer(2).encode_texts(Texts([49, 50], 1, 1))
    with pytest.raises(DataError, match="got 99"):
        CharTokenizer().decode([99])
    with pytest.raises(UsageError, match="size 1, 2 or 3"):
        DigitTokenizer(4)
    with pytest.raises(UsageError, match="'l2r'"):
        DigitTokenizer(2, "l2")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="all ten digits"):
        DigitTokenizer(2, alphabet="0123")
    with pytest.raises(DataError, match="U\\+00FF"):
        CharTokenizer("→")


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="missing"):
        Tokenizer.load(tmp_path)
    CharTokenizer().save(tmp_path)
    settings_file = tmp_path / "algorism_tokenizer.json"
    settings_file.write_text(settings_file.read_text()[:20])
    with pytest.raises(CheckpointError, match="damaged"):
        Tokenizer.load(tmp_path)
    CharTokenizer().save(tmp_path)
    stored = json.loads((tmp_path / "tokenizer.json").read_text())
    stored["model"]["vocab"]["0"] = 99
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(CheckpointError, match="same vocabulary"):
        Tokenizer.load(tmp_path)


def same(one: Encoded, two: Encoded) -> None:
    assert one.ids_nt.dtype == two.ids_nt.dtype
    assert np.array_equal(one.ids_nt, two.ids_nt)
    assert np.array_equal(one.length_n, two.length_n)
    assert np.array_equal(one.prompt_n, two.prompt_n)


@pytest.mark.parametrize("n", [1, 300, 20_000])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Task("+", (3, 3)), "pad+reverse+dollar"),
        (Task("+", 3), "plain"),
        (Task("-", 3), "reverse"),
        (Task("+", 20, "digits"), "plain"),
        (Task("sin", 1, "interval", decimals=4), "plain"),
        (Task("+", 3, "carries"), "plain"),
        (Task("+", 2), "noisy-a+noisy-c"),
    ],
    ids=lambda v: v if isinstance(v, str) else getattr(v, "name", str(v)),
)
def test_fast_batches_equal_the_slow_route(make: Task, name: str, n: int) -> None:
    fmt = format_by_name(name)
    tokenizers: list[Tokenizer] = [CharTokenizer(fmt.alphabet), DigitTokenizer(3, "r2l", fmt.alphabet)]
    for tokenizer in tokenizers[: 2 if n < 1000 else 1]:
        slow = tokenizer.encode_texts(fmt.write(make.sample(n, (1, 2)), (1, 2)))
        same(encoded_batch(make, fmt, tokenizer, n, (1, 2)), slow)


def test_batches_leave_out_what_is_excluded() -> None:
    adding, fmt, tokenizer = Task("+", 2), format_by_name("plain"), CharTokenizer()
    banned = adding.split(100, 2000, seed=0)[1].keys()
    slow = tokenizer.encode_texts(fmt.write(adding.sample(9000, (0, 5), banned)))
    batch = encoded_batch(adding, fmt, tokenizer, 9000, (0, 5), exclude=banned)
    same(batch, slow)
    test = {
        p.question
        for p in map(every_problem(adding)[np.isin(every_problem(adding).keys(), banned)].__getitem__, range(2000))
    }
    assert not {t.split("=")[0] for t in tokenizer.decode_batch(batch.ids_nt)} & test


def test_stream_is_every_row_once_in_random_order() -> None:
    problems = task("addition").sample(1000, 0)
    for name in ("plain", "reverse", "simplified"):
        texts = format_by_name(name).write(problems)
        joined = bytes(stream(texts, 3)).decode()
        lines = [t if t.endswith("\n") else t + "\n" for t in texts.strings()]
        assert bytes(stream(texts, None)).decode() == "".join(lines) != joined
        if name != "simplified":
            assert sorted(joined.splitlines()) == sorted(line.rstrip("\n") for line in lines)


def test_mixing_keeps_prose_and_examples() -> None:
    prose = "\n\n".join(f"Speaker {k}:\nwords, words\nand more." for k in range(50)) + "\n"
    problems = task("addition").sample(200, 0)
    plain, detailed = (format_by_name(name).write(problems) for name in ("plain", "detailed"))
    text = bytes(mix(prose, [plain, detailed], seed=1)).decode()
    rest = text
    for example in sorted([*plain.strings(), *(d + "\n" for d in detailed.strings())], key=len, reverse=True):
        assert example in rest
        rest = rest.replace(example, "", 1)
    assert [p.strip("\n") for p in rest.split("\n\n") if p.strip("\n")] == prose.rstrip("\n").split("\n\n")
    assert text != bytes(mix(prose, [plain, detailed], seed=2)).decode()
    positions = [text.index(p) / len(text) for p in plain.strings()]
    assert min(positions) < 0.1 < 0.9 < max(positions)
    with pytest.raises(DataError, match="'…'"):
        mix("and so on…", [plain])
