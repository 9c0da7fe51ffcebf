"""Networks for images and their training: from labels, from sums, through a kill; on the embedded digits."""

import multiprocessing
import os
import random
import runpy
import time
from pathlib import Path

import pytest
import torch

from algorism.datasets import load
from algorism.errors import CheckpointError, ShapeError, TrainingError, UsageError
from algorism.models.perception import NETWORKS, classifier, predict, to_input
from algorism.symbolic.sums import best_naming, digits_of_sum, log_probability_under_any_naming
from algorism.training.checkpoint import load_checkpoint
from algorism.training.images import ImageTraining, distorted, fit_images

STILL = ImageTraining(shift=0, turn=0, scale=0, precision="fp32")


def labels_loss(labels_n):
    return lambda log_p_gmv, rows_g: -log_p_gmv[torch.arange(len(rows_g)), 0, labels_n[rows_g]].mean()


@pytest.fixture(scope="module")
def digits():
    train, test = load("digits", "train"), load("digits", "test")
    return [
        part
        for images in (train, test)
        for part in (torch.from_numpy(images.pixels.copy()), torch.from_numpy(images.labels_n.copy()))
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_give_distributions_and_gradients(name):
    network = classifier(name, classes=7, seed=1)
    found = network(torch.rand(4, 1, 28, 28))
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(4))
    found[:, 0].sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in network.parameters())
    assert all(map(torch.equal, network.parameters(), classifier(name, classes=7, seed=1).parameters()))


def test_the_paper_s_network_has_its_layers():
    """Convolutions and dense layers as the released configuration lists them."""
    shapes = [tuple(p.shape) for name, p in classifier("pi-nesy").named_parameters() if p.dim() > 1]
    assert shapes == [
        (32, 1, 5, 5), (32, 32, 5, 5), (64, 32, 3, 3), (64, 64, 3, 3), (256, 3136), (128, 256), (84, 128), (10, 84)
    ]  # fmt: skip


def test_inputs_are_scaled_and_centred():
    square = torch.zeros(2, 8, 8, dtype=torch.uint8)
    square[0, 2:6, 2:6] = 255
    found = to_input(square, margin=2)
    assert found.shape == (2, 1, 28, 28)
    assert found[1].sum() == 0
    assert float(found[0].mean()) == pytest.approx(16 / 64 * (24 / 28) ** 2, abs=1e-3)  # light is kept
    torch.testing.assert_close(found[0], found[0].flip(-1))
    whole = torch.arange(28 * 28).view(1, 28, 28).to(torch.uint8)
    assert torch.equal(to_input(whole)[0, 0], whole[0].float() / 255)


def test_distortions_move_but_do_not_change():
    x = torch.zeros(50, 1, 28, 28)
    x[:, :, 13:15, 13:15] = 1
    torch.manual_seed(0)
    found = distorted(x, ImageTraining(shift=3, turn=0, scale=0))
    grid = torch.arange(28.0)
    centre = torch.stack([(found[:, 0].sum(2) * grid).sum(1), (found[:, 0].sum(1) * grid).sum(1)], 1) / 4
    assert float((found.sum((1, 2, 3)) - 4).abs().max()) < 1e-3
    assert 2.5 < float((centre - 13.5).abs().max()) <= 3.001
    torch.testing.assert_close(distorted(x, ImageTraining(shift=0, turn=0, scale=0)), x)
    turned = distorted(torch.rand(5, 1, 28, 28), ImageTraining(shift=0, turn=90, scale=0.2))
    assert turned.shape == (5, 1, 28, 28)


def test_learns_from_labels(digits):
    pixels, labels, test_pixels, test_labels = digits
    network = classifier("lenet")
    settings = ImageTraining(epochs=3, images=50, shift=1, turn=5, precision="fp32", average=0.9)
    rows = []
    progress = fit_images(
        network, to_input(pixels, 2), torch.arange(len(pixels))[:, None], labels_loss(labels), settings,
        report=lambda step, row: rows.append(row),
    )  # fmt: skip
    assert progress.step == 3 * (len(pixels) // 50)
    assert rows[-1]["loss"] < rows[0]["loss"] / 3
    accuracy = (predict(network, test_pixels, 2).argmax(-1) == test_labels).double().mean()
    assert accuracy > 0.9


def test_learns_digits_from_sums_alone(digits):
    """No label of a single image is ever seen: only sums of two numbers of two digits."""
    pixels, labels, test_pixels, test_labels = digits
    groups = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))[: len(pixels) // 4 * 4].view(-1, 4)
    sums = digits_of_sum(labels[groups].view(-1, 2, 2))

    def loss(log_p_gmv, rows_g):
        log_p_bklv = log_p_gmv.view(-1, 2, 2, 10)
        return -log_probability_under_any_naming(log_p_bklv, sums[rows_g]) / (2 * len(rows_g))

    network = classifier("lenet", seed=1)
    settings = ImageTraining(epochs=16, images=48, shift=1, turn=5, precision="fp32", average=0.95)
    fit_images(network, to_input(pixels, 2), groups, loss, settings)
    seen = predict(network, pixels[groups.flatten()], 2).view(-1, 2, 2, 10)
    found = predict(network, test_pixels, 2).roll(best_naming(seen, sums), -1).argmax(-1)
    assert (found == test_labels).double().mean() > 0.9


def test_average_of_weights_is_what_remains():
    """One parameter, followed by hand: w moves by the rate at each step (Adam on a constant gradient)."""

    class Line(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x_n1hw):
            return self.w.expand(len(x_n1hw), 1)

    line = Line()
    settings = ImageTraining(
        epochs=3, images=1, shift=0, turn=0, scale=0, precision="fp32", average=0.5, weight_decay=0, warmup=0,
        learning_rate=1.0,
    )  # fmt: skip
    fit_images(line, torch.rand(1, 1, 28, 28), torch.zeros(1, 1, dtype=torch.long), lambda p, r: -p.sum(), settings)
    w, average = 0.0, 0.0
    for step, rate in enumerate((1.0, 0.5, 0.0)):  # cosine over three steps
        w += rate
        keep = min(0.5, (1 + step) / (10 + step))
        average = keep * average + (1 - keep) * w
    assert line.w.item() == pytest.approx(average, rel=1e-5)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and the fork server are of POSIX systems")
def test_kills_change_no_bit(tmp_path: Path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torch._dynamo", "safetensors.torch", "algorism.training.images"])
    script = str(Path(__file__).with_name("_killed_images.py"))

    def start(folder: Path):
        folder.mkdir(exist_ok=True)
        process = context.Process(
            target=runpy.run_path, args=(script,), kwargs={"init_globals": {"folder": str(folder)}}
        )
        process.start()
        return process

    whole = start(tmp_path / "whole")
    whole.join(120)
    wanted, _ = load_checkpoint(tmp_path / "whole" / "run.safetensors")
    folder, rng, kills = tmp_path / "killed", random.Random(1), 0
    while not (folder / "done").exists():
        before = (folder / "seen").read_text() if (folder / "seen").exists() else ""
        process = start(folder)
        end = time.monotonic() + 60
        while process.is_alive() and kills < 4:  # wait until it has gone on, then a little longer
            now = (folder / "seen").read_text() if (folder / "seen").exists() else ""
            if now not in ("", before):
                break
            assert time.monotonic() < end
            time.sleep(0.002)
        if kills < 4:
            time.sleep(rng.random() * 0.03)
            process.kill()
            kills += 1
        process.join(60)
    found, progress = load_checkpoint(folder / "run.safetensors")
    assert kills >= 2
    assert progress["step"] == 32
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def run(network, groups=None, loss=None, settings=STILL, **more):
    x = torch.rand(10, 1, 28, 28)
    groups = torch.arange(10)[:, None] if groups is None else groups
    return fit_images(network, x, groups, loss or labels_loss(torch.arange(10)), settings, **more)


@pytest.mark.parametrize("groups", [torch.arange(10), torch.tensor([[10]]), torch.tensor([[-1]]), torch.empty(0, 2)])
def test_groups_that_are_none_are_refused(groups):
    with pytest.raises(ShapeError, match="10 images"):
        run(classifier("lenet"), groups.long())


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"images": 0},
        {"learning_rate": 0},
        {"average": 1.0},
        {"scale": 1.0},
        {"warmup": 1.5},
        {"precision": "fp8"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(UsageError):
        ImageTraining(**wrong)


def test_a_loss_that_is_no_number_stops_the_training():
    with pytest.raises(TrainingError, match="Step 1: the loss is nan"):
        run(classifier("lenet"), loss=lambda p, r: p.sum() * float("nan"))


def test_checkpoints_of_others_and_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    run(classifier("lenet"), checkpoint=path)
    with pytest.raises(CheckpointError, match="another shape"):
        run(classifier("compact"), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        run(classifier("lenet"), checkpoint=path)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: classifier("lenett"), UsageError, "'lenet'"),
        (lambda: classifier("lenet", classes=1), UsageError, "at least 2"),
        (lambda: classifier("lenet")(torch.zeros(1, 1, 27, 28)), ShapeError, "to_input"),
        (lambda: to_input(torch.zeros(2, 8, 8)), ShapeError, "bytes"),
        (lambda: to_input(torch.zeros(2, 8, 8, 3, dtype=torch.uint8)), ShapeError, "Grey"),
    ],
)
def test_what_the_networks_cannot_see_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
