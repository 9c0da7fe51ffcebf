"""The wiring of `streetmath`: a small network that computes and estimates, its probes and its pruning; reference ways.

Shape letters: l layer, n number, b line, t token, m model width.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..claims import Measurement
from ..evaluation.suites import street
from ..interpretability import importance, layer_states, probe_layers, random_masks, specific, transfer, without
from ..models import Transformer, TransformerConfig
from ..tasks.street import SITUATIONS, TOLERANCES, base_rate, mention, near_multiple, situation
from ..tasks.street.multiples import TRAINED
from ..text import CharTokenizer
from ..training import TrainingRecipe
from ..training.loop import exact_match
from ._given_model import answers
from ._lines import Line, Lines, batch_of, train_lines
from ._streetmath_rows import probe_measurements, share
from .runner import given, note

if TYPE_CHECKING:
    from .streetmath import Settings

BASKETS = 1708  # as many as the benchmark has
TOKENIZER = CharTokenizer("0123456789+=$EAC")
WIDE = 3  # digits of an operand, zeros in front


def reference_ways() -> Iterator[Measurement]:
    """How the judge marks calculators and people who round, and how round their approximations are."""
    baskets = situation("basket").items(BASKETS)
    for name, agent in {**street.AGENTS, "the middle": street.middle()}.items():
        judged = [street.judge(agent(item), item.exact) for item in baskets]
        bands = Counter(one.band for one in judged)
        yield share(f"{name}: A", bands["A"], len(judged), bands=dict(bands))
        good = [one for one in judged if one.band == "A"]
        if good:
            yield share(f"{name}: whole", sum(one.whole for one in good), len(good))
            yield share(f"{name}: near", sum(one.near for one in good), len(good))


def recomputed(n: int, seed: int) -> Iterator[Measurement]:
    """Whether the words of our questions alone give their answers."""
    items = [item for row in SITUATIONS.values() for item in row.items(n, seed)]
    right = sum(_to_cents(street.recompute(i.situation, i.prompt), i.unit == "money") == i.exact for i in items)
    yield share("ours: recomputed", right, len(items))


def recomputed_file(path: str) -> Iterator[Measurement]:
    """The same of the authors' items: within a cent, travel by itself."""
    near: dict[bool, list[bool]] = {True: [], False: []}
    for item in street.read_published(path):
        again = street.recompute(item.subtopic, item.prompt)
        near[item.subtopic == "drive_time"].append(abs(again - item.given) <= Fraction(1, 100))
    for travel, name in ((False, "file: recomputed"), (True, "file: recomputed, travel")):
        if near[travel]:
            yield share(name, sum(near[travel]), len(near[travel]))


def _to_cents(value: Fraction, money: bool) -> Fraction:
    if not money:
        return value
    cents = Decimal(value.numerator) * 100 / Decimal(value.denominator)
    return Fraction(int(cents.quantize(Decimal(1), ROUND_HALF_UP)), 100)


def line(kind: str, a: int, b: int) -> Line:
    """E: the sum. A: the sum of both rounded to hundreds. C: the first number again.

    >>> [TOKENIZER.decode(line(kind, 704, 125)[0]) for kind in "EAC"]
    ['E704+125=0829$', 'A704+125=0800$', 'C704+125=0704$']
    """
    said = {"E": a + b, "A": (a + 50) // 100 * 100 + (b + 50) // 100 * 100, "C": a}[kind]
    asked = TOKENIZER.encode(f"{kind}{a:0{WIDE}d}+{b:0{WIDE}d}=").tolist()
    return [*asked, *TOKENIZER.encode(f"{said:0{WIDE + 1}d}$").tolist()], len(asked)


def network(scale: "Settings", seed: int) -> tuple[Transformer, dict[str, float]]:
    """Train the network on all three kinds of lines; its exact match on sums that were held out, by kind."""
    rng = np.random.default_rng([seed, 23])
    tested = {(int(a), int(b)) for a, b in rng.integers(0, 10**WIDE, (scale.test, 2))}

    def make(n: int, rng: np.random.Generator) -> list[Line]:
        pairs = [(a, b) for a, b in rng.integers(0, 10**WIDE, (n + n // 8 + 8, 2)).tolist() if (a, b) not in tested]
        kinds = rng.choice(list("EAC"), n, p=[0.5, 0.4, 0.1])
        return [line(str(kind), *pair) for kind, pair in zip(kinds, pairs[:n], strict=True)]

    config = TransformerConfig(
        vocab=TOKENIZER.vocab_size, context=16, layers=scale.layers, heads=scale.heads, width=scale.width
    )
    recipe = TrainingRecipe(
        steps=scale.steps,
        batch=scale.batch,
        learning_rate=scale.learning_rate,
        min_learning_rate=scale.learning_rate / 20,
        warmup=min(100, scale.steps),
        betas=(0.9, 0.98),
        weight_decay=0.01,
        precision="bf16",
    )
    (trained,) = train_lines([Lines(config, make, recipe, seed, device="cuda" if scale.needs_gpu else "cpu")])
    model = trained.model.cpu()
    return model, accuracies(model, sorted(tested))


def accuracies(model: Transformer, pairs: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Exact match of each kind of line."""
    return {kind: exact_match([model], [batch_of([line(kind, a, b) for a, b in pairs])])[0] for kind in "EAC"}


def operand_states(model: Transformer, seed: int, contexts: int) -> tuple[np.ndarray, np.ndarray]:
    """States of every number as the second operand, behind so many first ones: (l, n, m), and the numbers (n,)."""
    rng = np.random.default_rng([seed, 29])
    number_n = np.tile(np.arange(10**WIDE), contexts)
    asked = [line("E", int(rng.integers(0, 10**WIDE)), int(b)) for b in number_n]
    ids_bt = torch.tensor([ids[:prompt] for ids, prompt in asked])
    states_lbtm = layer_states(model, ids_bt)
    start = 1 + WIDE + 1
    return states_lbtm[:, :, start : start + WIDE].mean(2).numpy(), number_n


def probes(
    states_lnm: np.ndarray, number_n: np.ndarray, seed: int, ks: Sequence[int] = tuple(TOLERANCES)
) -> dict[str, dict[str, Any]]:
    """For each k, and for shuffled labels of k = 10: the chosen layer's right answers on numbers held out, and more."""
    labels = {f"near {k}": near_multiple(number_n, k) for k in ks}
    labels["near 10, labels shuffled"] = np.random.default_rng(seed).permutation(labels["near 10"])
    rows = {}
    for name, label_n in labels.items():
        found = probe_layers(states_lnm, label_n, number_n, seed=seed)
        rows[name] = {
            "correct": found.chosen.correct,
            "n": found.chosen.n,
            "base": found.chosen.base,
            "best": found.best,
            "first": found.first_within(),
            "layers": [one.accuracy for one in found.layers],
        }
    return rows


def everything(scale: "Settings", seed: int) -> dict[str, Any]:
    """The network's accuracies, its probes, and its accuracies without some weights."""
    model, right = network(scale, seed)
    states_lnm, number_n = operand_states(model, seed, scale.contexts)
    note("probes")
    rows = probes(states_lnm, number_n, seed)
    untrained_lnm, _ = operand_states(Transformer(model.config, seed=seed + 1), seed, scale.contexts)
    rows |= {f"{k}, untrained network": row for k, row in probes(untrained_lnm, number_n, seed, (10,)).items()}
    note("pruning")
    return {"right": right, "test": scale.test, "probes": rows, "pruned": pruned(model, scale, seed)}


def pruned(model: Transformer, scale: "Settings", seed: int) -> dict[str, list[dict[str, float]]]:
    """Exact match by kind without the weights that sums need and other lines do not, and random ones as many.

    For each share so many draws of texts: rows with "E", "A", "C"; keys "SHARE" and "SHARE random".
    """
    rng = random.Random(seed)
    pairs = [(rng.randrange(10**WIDE), rng.randrange(10**WIDE)) for _ in range(scale.test)]
    found: dict[str, list[dict[str, float]]] = {"0": [accuracies(model, pairs)]}
    for draw in range(scale.draws):
        texts = {kind: _texts(kind, rng, scale.texts) for kind in ("E", "other")}
        sums, others = (importance(model, [texts[kind]]) for kind in ("E", "other"))
        for part in scale.pruned:
            masks = specific(sums, others, part)
            count = int(sum(int(mask.sum()) for mask in masks.values()))
            for name, chosen in ((f"{part:g}", masks), (f"{part:g} random", random_masks(masks, seed + draw))):
                with without(model, chosen):
                    found.setdefault(name, []).append(accuracies(model, pairs) | {"weights": float(count)})
    return found


def _texts(kind: str, rng: random.Random, n: int) -> torch.Tensor:
    def one() -> list[int]:
        return line("E" if kind == "E" else rng.choice("AC"), rng.randrange(10**WIDE), rng.randrange(10**WIDE))[0]

    return torch.tensor([one() for _ in range(n)])


def asked(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """What the model that was handed over answers, with and without the hint."""
    from ..evaluation.backends.protocol import Sampling

    found = answers(street.questions(n=scale.asked, seed=seed), Sampling(max_tokens=256), seed)
    if found is None:
        return
    profiles = street.profiles(found)
    for condition in street.CONDITIONS:
        made = profiles[condition, "all"]
        for band in ("E", "A", "M", "W"):
            yield Measurement.of(f"model: {condition} {band}", made.bands[band])
        for name in ("whole", "five", "near"):
            if (interval := getattr(made, name)) is not None:
                yield Measurement.of(f"model: {condition} {name}", interval)
    effect = street.hint_effect(found)
    if effect is not None:
        yield Measurement.exact("model: hint changes E, p", effect.p, unit="p-value", n=scale.asked)


def inside(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Probes on a local model that was handed over: numbers in sentences, in digits, and in words."""
    spec = given("model")
    if spec is None or not spec.startswith("hf:"):
        return
    from ..evaluation.backends.engines import TransformersEngine
    from ..interpretability import span_states

    note("hidden states of numbers in sentences")
    engine = TransformersEngine(spec.removeprefix("hf:"))
    rng = np.random.default_rng([seed, 41])
    number_n = rng.permutation(10_000)[: scale.probed]
    states = {}
    for form in ("digits", "words"):
        found = [mention(int(n), int(rng.integers(0, TRAINED)), form) for n in number_n]
        spans = [(m.start, m.end) for m in found]
        states[form] = span_states(engine.model, engine.tokenizer, [m.text for m in found], spans)
    yield from probe_measurements(probes(states["digits"], number_n, seed), "model: ")
    half = len(number_n) // 2
    for k in TOLERANCES:
        label_n = near_multiple(number_n, k)
        best = probe_layers(states["digits"], label_n, number_n, seed=seed).best
        digits, words = states["digits"][best], states["words"][best]
        moved = transfer(digits[:half], label_n[:half], words[half:], label_n[half:])
        stayed = transfer(digits[:half], label_n[:half], digits[half:], label_n[half:])
        yield share(f"model: near {k}, words", moved.correct, moved.n, base=base_rate(k), digits=stayed.accuracy)
