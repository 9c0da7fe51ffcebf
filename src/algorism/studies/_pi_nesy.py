"""The wiring of `pi_nesy`: equations, networks from labels and from sums, rules on their answers, times.

Shape letters: n image, g problem, m image of a problem (2 N), v digit, s place of a sum, b problem.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..claims import Measurement, Picture
from ..datasets import load
from ..evaluation.statistics import mean_interval, wilson
from ..models.perception import classifier, predict, to_input
from ..symbolic import possibilistic as rules
from ..symbolic.possibilistic import equations
from ..symbolic.sums import (
    best_naming,
    digits_of_sum,
    digitwise_sum,
    log_probability_under_any_naming,
    most_probable_sum,
)
from ..training.images import ImageTraining, fit_images
from .runner import note

if TYPE_CHECKING:
    from .pi_nesy import Settings

VALIDATION = 10_000  # the last training images, which no network is trained on
NAMED_BY = 2_000  # training images whose sums say, at the end, what the network calls the digits
WEAK_EPOCHS = 0.2  # of the network whose answers rules are learned from: with a good one there is nothing to learn


@dataclass(frozen=True)
class Digits:
    """Images of digits in memory.

    Args:
        pixels: (n, h, w) bytes.
        labels_n: the digits.
        margin: border that makes them look like MNIST's.
    """

    pixels: Tensor
    labels_n: Tensor
    margin: int

    @classmethod
    def of(cls, name: str, split: str | None) -> "Digits":
        """A data set by name."""
        images = load(name, split)
        margin = {"digits": 2, "usps": 4}.get(name, 0)
        return cls(torch.from_numpy(images.pixels.copy()), torch.from_numpy(images.labels_n.copy()), margin)  # type: ignore[union-attr]

    def part(self, rows: slice | Tensor) -> "Digits":
        """Some of them."""
        return Digits(self.pixels[rows], self.labels_n[rows], self.margin)


def systems(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Random systems of 2 or 3 rows and columns on a grid of tenths, against all x on a grid of twentieths."""
    generator = torch.Generator().manual_seed(seed)
    wrong = {"distances": 0, "approximations": 0, "consistency": 0}
    for rows, columns in itertools.product((2, 3), (2, 3)):
        count = -(-scale.systems // 4)
        gamma = torch.randint(0, 11, (count, rows, columns), generator=generator).double() / 10
        b = torch.randint(0, 11, (count, rows), generator=generator).double() / 10
        x_xm = torch.cartesian_prod(*[torch.arange(21).double() / 20] * columns)
        best = torch.stack(
            [(equations.min_max_product(g[None], x_xm) - row).abs().amax(-1).amin() for g, row in zip(gamma, b)]
        )
        lowest = equations.lowest_approximation(gamma, b)
        wrong["distances"] += int(((equations.chebyshev_distance(gamma, b) - best).abs() > 1e-9).sum())
        wrong["approximations"] += int((((lowest - b).abs().amax(-1) - best).abs() > 1e-9).sum())
        wrong["consistency"] += int((equations.is_consistent(gamma, b) != (best < 1e-9)).sum())
    for name, count in wrong.items():
        yield Measurement.exact(f"{name} wrong", count, unit="systems", n=scale.systems)


def train(
    scale: "Settings", seed: int, digits: Digits, groups_gm: Tensor, loss: Callable[..., Tensor], epochs: float
) -> tuple[torch.nn.Module, dict[str, float]]:
    """A network, and what its training cost."""
    settings = ImageTraining(epochs=epochs, images=scale.images_per_step)
    network = classifier(scale.network, seed=seed)
    device = "cuda" if scale.needs_gpu else "cpu"
    started = time.process_time()
    x_n1hw = to_input(digits.pixels, digits.margin)
    progress = fit_images(network, x_n1hw, groups_gm, loss, settings, seed=seed, device=device, report=tell)
    return network, {"seconds": progress.seconds, "processor_seconds": time.process_time() - started}


def tell(step: int, row: dict[str, Any]) -> None:
    """Say how far a training is, about twenty times."""
    if step * 20 // row["steps"] > (step - max(1, row["steps"] // 200)) * 20 // row["steps"]:
        note(f"step {step:,} of {row['steps']:,}, {row['images_per_second']:,.0f} images/s, loss {row['loss']:.3f}")


def label_loss(labels_n: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross-entropy of images that are groups of their own."""

    def loss(log_p_gmv: Tensor, rows_g: Tensor) -> Tensor:
        return torch.nn.functional.nll_loss(log_p_gmv[:, 0], labels_n.to(rows_g.device)[rows_g])

    return loss


def sum_loss(sums_gs: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Negative log-likelihood of the sums, for each place, whatever the network calls the digits."""
    places = sums_gs.shape[1] - 1

    def loss(log_p_gmv: Tensor, rows_g: Tensor) -> Tensor:
        log_p_bklv = log_p_gmv.view(len(rows_g), 2, places, -1)
        total = log_probability_under_any_naming(log_p_bklv, sums_gs.to(rows_g.device)[rows_g])
        return -total / (len(rows_g) * places)

    return loss


def pairing(images: int, places: int, seed: int) -> Tensor:
    """Problems of two numbers, each image in one at most: (g, 2 N)."""
    order_n = torch.randperm(images, generator=torch.Generator().manual_seed(seed))
    return order_n[: images // (2 * places) * 2 * places].view(-1, 2 * places)


def from_sums(scale: "Settings", seed: int, places: int, epochs: float) -> dict[str, Any]:
    """Train on sums only; answers on all test images, in several pairings."""
    digits, test = Digits.of(scale.images, "train"), Digits.of(scale.images, "test")
    groups_gm = pairing(len(digits.labels_n), places, seed)
    sums_gs = digits_of_sum(digits.labels_n[groups_gm].view(-1, 2, places))
    network, cost = train(scale, seed, digits, groups_gm, sum_loss(sums_gs), epochs)
    few_gm = groups_gm[: -(-NAMED_BY // (2 * places))]
    seen_nv = predict(network, digits.pixels[few_gm.flatten()], digits.margin)
    naming = best_naming(seen_nv.view(len(few_gm), 2, places, -1), sums_gs[: len(few_gm)])
    log_p_nv = predict(network, test.pixels, test.margin).roll(naming, -1)
    shares, problems = {"digitwise": [], "most_probable": []}, 0  # type: dict[str, list[float]], int
    for number in range(scale.pairings):
        log_p_bklv, wanted_bs = asked(log_p_nv, test.labels_n, places, 1_000 + number)
        problems = len(wanted_bs)
        shares["digitwise"].append(right(digitwise_sum(log_p_bklv), wanted_bs))
        shares["most_probable"].append(right(most_probable_sum(log_p_bklv)[0], wanted_bs))
    digit = float((log_p_nv.argmax(-1) == test.labels_n).double().mean())
    means = {name: float(np.mean(values)) for name, values in shares.items()}
    return {"digit": digit, "problems": problems, "trained_on": len(groups_gm), "naming": naming, **means, **cost}


def asked(log_p_nv: Tensor, labels_n: Tensor, places: int, seed: int) -> tuple[Tensor, Tensor]:
    """Test problems: log-probabilities of their digits, (b, 2, N, v), and true sums."""
    groups_gm = pairing(len(labels_n), places, seed)
    shape = (len(groups_gm), 2, places)
    return log_p_nv[groups_gm].view(*shape, -1), digits_of_sum(labels_n[groups_gm].view(shape))


def right(found_bs: Tensor, wanted_bs: Tensor) -> float:
    """Share of sums of which every place is right."""
    return float((found_bs == wanted_bs).all(-1).double().mean())


def sum_measurements(places: int, runs: Sequence[dict[str, Any]]) -> Iterator[Measurement]:
    """Accuracy over seeds by the most probable sum and by the digits, digit accuracy, and what training cost."""
    n = len(runs) * runs[0]["problems"]
    for key, name in (("most_probable", ""), ("digitwise", " digitwise"), ("digit", " digits")):
        values = [run[key] for run in runs]
        details = {"seeds": values, "trained on": runs[0]["trained_on"], "namings": [run["naming"] for run in runs]}
        interval = mean_interval(values)
        if not math.isfinite(interval.low):  # one seed: the test sample alone
            interval = wilson(round(values[0] * n), n)
        low, high = min(max(0.0, interval.low), min(values)), max(min(1.0, interval.high), max(values))
        value = float(np.mean(values))
        yield Measurement(f"sums only N={places}{name}", value, low, high, n=n, seeds=len(runs), details=details)
    for key in ("seconds", "processor_seconds"):
        values = [run[key] for run in runs]
        name = f"sums only N={places} {key.replace('_', ' ')}"
        yield Measurement(name, float(np.mean(values)), min(values), max(values), n=len(runs), seeds=len(runs),
                          unit="seconds", details={"seeds": values})  # fmt: skip


def from_labels(scale: "Settings", seed: int) -> dict[str, Any]:
    """Train on labels; sums by rules under both transforms, other sets of digits, learned rules."""
    train_set, test = Digits.of(scale.images, "train"), Digits.of(scale.images, "test")
    held_out = min(VALIDATION, len(train_set.labels_n) // 5)
    seen = train_set.part(slice(0, min(scale.label_images, len(train_set.labels_n) - held_out)))
    groups_gm = torch.arange(len(seen.labels_n))[:, None]
    network, cost = train(scale, seed, seen, groups_gm, label_loss(seen.labels_n), scale.label_epochs)
    found: dict[str, Any] = {"cost": cost, "images": len(test.labels_n)}
    for name in (scale.images, *scale.others):
        digits = test if name == scale.images else Digits.of(name, "test")
        log_p_nv = predict(network, digits.pixels, digits.margin)
        accuracy = float((log_p_nv.argmax(-1) == digits.labels_n).double().mean())
        found[name] = {"digits": accuracy, "images": len(digits.labels_n)}
        for places in scale.places:
            found[name][str(places)] = cascade(log_p_nv.double(), digits.labels_n, places, scale.pairings)
    weak, _ = train(scale, seed, seen, groups_gm, label_loss(seen.labels_n), WEAK_EPOCHS)
    held = train_set.part(slice(len(train_set.labels_n) - held_out, None))
    found["learning"] = learning(scale, weak, (seen, held, test))
    return found


def cascade(log_p_nv: Tensor, labels_n: Tensor, places: int, pairings: int) -> dict[str, Any]:
    """Answers of the rules: how many are right, ambiguous, unlike the sum of the most probable digits."""
    found: dict[str, Any] = {"unlike": 0, "ambiguous": 0, "asked": 0, "shares": []}
    for name, transform in rules.TRANSFORMS.items():
        pi_nv = transform(log_p_nv.exp() / log_p_nv.exp().sum(-1, keepdim=True))
        shares = []
        for number in range(pairings):
            pi_bklv, wanted_bs = asked(pi_nv, labels_n, places, 1_000 + number)
            answers_bs, undecided_b = rules.AdditionChain()(pi_bklv[:, 0], pi_bklv[:, 1]).decide()
            decided_b = ~undecided_b
            found["unlike"] += int((answers_bs != digits_of_sum(pi_bklv.argmax(-1)))[decided_b].any(-1).sum())
            found["ambiguous"] += int(undecided_b.sum())
            found["asked"] += len(wanted_bs)
            shares.append(float(((answers_bs == wanted_bs).all(-1) & decided_b).double().mean()))
        found["shares"].append({"transform": name, "share": float(np.mean(shares)), "problems": len(wanted_bs)})
    return found


def label_measurements(found: dict[str, Any]) -> Iterator[Measurement]:
    """Accuracies of the cascade, next to the power of the digits' accuracy; other digits; learned rules."""
    cost, learned, images = found.pop("cost"), found.pop("learning"), found.pop("images")
    unlike = ambiguous = total = 0
    for name, of_set in found.items():
        digit = of_set.pop("digits")
        interval = wilson(round(digit * of_set["images"]), of_set.pop("images"))
        first = name == next(iter(found))
        details = {"seconds": cost} if first else {}
        yield Measurement.of("digits from labels" if first else f"digits of {name}", interval, details=details)
        for places, row in of_set.items():
            unlike, ambiguous, total = unlike + row["unlike"], ambiguous + row["ambiguous"], total + row["asked"]
            share = row["shares"][0]
            sample = wilson(round(share["share"] * share["problems"]), share["problems"])
            value = min(max(share["share"], sample.low), sample.high)
            details = {"transforms": row["shares"], "power": digit ** (2 * int(places)), "ambiguous": row["ambiguous"]}
            yield Measurement(f"{'labels' if first else name} N={places}", value, sample.low, sample.high,
                              n=share["problems"], details=details)  # fmt: skip
    yield Measurement.exact("answers unlike the digits' sum", unlike, unit="answers", n=total, ambiguous=ambiguous)
    for key, (correct, n, details) in learned["accuracy"].items():
        yield Measurement.of(key, wilson(correct, n), details=details)
    seconds = learned["seconds"]
    lengths = sorted(map(int, seconds))
    slope = np.polyfit(np.log(lengths), np.log([seconds[str(n)] for n in lengths]), 1)[0]
    yield Measurement.exact("learning seconds", seconds[str(lengths[-1])], unit="seconds", by_places=seconds)
    yield Measurement.exact("learning exponent", float(slope), unit="power of N", n=len(lengths))
    assert images


def learning(scale: "Settings", network: torch.nn.Module, sets: tuple[Digits, Digits, Digits]) -> dict[str, Any]:
    """Rules of sums of two digits, learned from a weak network's answers on its training images; times by N."""
    pi_sets = []
    for digits in sets:
        few = digits.part(slice(0, 10_000))
        p_nv = predict(network, few.pixels, few.margin).double().exp()
        pi_sets.append((rules.antipignistic(p_nv / p_nv.sum(-1, keepdim=True)), few.labels_n))

    def problems(which: int, places: int, most: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        pi_nv, labels_n = pi_sets[which]
        groups_gm = pairing(len(labels_n), places, seed=which)
        if len(groups_gm) < most:  # for long sums images are drawn more than once: only time is measured
            draw = torch.Generator().manual_seed(which)
            groups_gm = torch.randint(0, len(labels_n), (most, 2 * places), generator=draw)
        groups_gm = groups_gm[:most]
        inputs = {f"{'ab'[m // places]}{m % places + 1}": pi_nv[groups_gm[:, m]] for m in range(2 * places)}
        truth = labels_n[groups_gm]
        return inputs, rules.addition_labels(truth[:, :places], truth[:, places:])

    base, count = rules.addition_rules(2), scale.learning_problems
    training, validation, test = problems(0, 2, count), problems(1, 2, count), problems(2, 2, 2_500)
    n = len(next(iter(test[0].values())))
    chosen, thresholds, _ = rules.learn_with_thresholds(base, *training, validation)
    everything = rules.learn(base, *training)
    accuracy = {}
    for name, inference, details in (
        ("rules without doubts", rules.RuleInference(base), {}),
        ("rules learned, thresholds", chosen.inference, {"thresholds": thresholds, "doubts": len(chosen.doubts())}),
        ("rules learned, all samples", everything.inference, {"doubts": len(everything.doubts())}),
    ):
        accuracy[name] = (round(rules.accuracy(inference, *test) * n), n, details)
    seconds = {}
    for places in scale.learning_places:
        long, sample = rules.addition_rules(places), problems(0, places, count)
        started = time.process_time()
        rules.learn(long, *sample, thresholds=rules.KEEP_ALL)
        seconds[str(places)] = time.process_time() - started
    return {"accuracy": accuracy, "seconds": seconds}


def inference_times(scale: "Settings") -> Iterator[Measurement]:
    """Milliseconds for a problem by N, 20,000 places at a time on one thread, and the slope of the logarithms."""
    before, lengths = torch.get_num_threads(), [1, 10, 100, 1_000, 10_000]
    torch.set_num_threads(1)
    draw, chain, milliseconds = torch.Generator().manual_seed(0), rules.AdditionChain(), []
    for places in lengths:
        count = 20_000 // places
        pi_kbjv = rules.normalise(torch.rand(2, count, places, 10, generator=draw))
        times = []
        for _ in range(4):  # the first, in which memory is asked for, does not count
            started = time.process_time()
            chain(*pi_kbjv)
            times.append(1_000 * (time.process_time() - started) / count)
        milliseconds.append(float(np.median(times[1:])))
    torch.set_num_threads(before)
    slope = float(np.polyfit(np.log(lengths), np.log(milliseconds), 1)[0])
    rows = dict(zip(map(str, lengths), milliseconds))
    yield Measurement.exact("inference ms N=1000", rows["1000"], unit="milliseconds", by_places=rows)
    yield Measurement.exact("inference exponent", slope, unit="power of N", n=len(lengths))


def accuracy_picture(found: dict[str, Any], runs: dict[int, list[dict[str, Any]]]) -> Picture:
    """Accuracy against N: from labels, and from sums only."""
    from ..pictures import learning_curves

    labels = next(iter(found.values()))
    rows = [
        {"places": int(n), "accuracy": row["shares"][0]["share"], "series": "digit labels"} for n, row in labels.items()
    ]
    for places, of_seed in runs.items():
        shares = [run["most_probable"] for run in of_seed]
        rows.append({"places": places, "accuracy": float(np.mean(shares)), "low": min(shares), "high": max(shares),
                     "series": "sums only"})  # fmt: skip
    spec = learning_curves(rows, x="places", x_title="digits of each number, N", log_x=True).to_dict()
    caption = "Whole sums right, mean over ten pairings of the test images; the band spans the seeds."
    return Picture("accuracy-by-places", "Accuracy by number of digits", spec, caption)
