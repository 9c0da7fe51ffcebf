"""The optimiser step: stacked models, accumulation, clipping, precision and dropout against each alone, or torch's."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from algorism.errors import TrainingError
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer
from algorism.training.batches import IGNORE, Batch, stack
from algorism.training.checkpoint import load_checkpoint, save_checkpoint
from algorism.training.learner import Learner
from algorism.training.loop import exact_match, fit
from algorism.training.recipe import TrainingRecipe

CONFIG = TransformerConfig(vocab=11, context=9, layers=2, heads=2, width=16)


class Random:
    """Random rows with answers at random places."""

    def __init__(self, seed: int, rows: int = 8) -> None:
        self.seed, self.rows = seed, rows

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step])
        ids = rng.integers(0, 11, (self.rows, 9))
        targets = ids[:, 1:].copy()
        targets[np.arange(8) < rng.integers(2, 6, (self.rows, 1))] = IGNORE
        return Batch(ids[:, :-1].astype(np.int32), targets, 2)


def trained(
    recipe: TrainingRecipe, seed: int, steps: int = 5, config: TransformerConfig = CONFIG
) -> tuple[Transformer, list[float]]:
    """One model alone, and its losses."""
    model = Transformer(config, seed=seed)
    learner = Learner([model], recipe, seed=seed)
    losses = [learner.step(Random(seed).batch(step), step, 0.01)[0] for step in range(steps)]
    return learner.export()[0], losses


def difference(a: Transformer, b: Transformer) -> float:
    """Largest difference between weights."""
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return max(float((x.float() - y.float()).abs().max()) for x, y in pairs)


def by_hand(recipe: TrainingRecipe, seed: int, steps: int = 5) -> Transformer:
    """The same steps in a bare torch loop, all logits computed and the mean taken by cross_entropy."""
    model = Transformer(CONFIG, seed=seed)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=0.01,
        betas=recipe.betas,
        foreach=False,
    )
    for step in range(steps):
        batch = Random(seed).batch(step)
        logits = model(torch.from_numpy(batch.ids_bt).long())
        loss = F.cross_entropy(logits.reshape(-1, 11), torch.from_numpy(batch.targets_bt).reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
    return model


@pytest.mark.parametrize("clip", [0.0, 0.05, 1.0])
def test_one_model_takes_the_steps_of_a_bare_torch_loop(clip: float) -> None:
    recipe = TrainingRecipe(clip=clip)
    assert difference(trained(recipe, 3)[0], by_hand(recipe, 3)) < 1e-5


@pytest.mark.parametrize("clip", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_stacked_models_take_the_steps_of_each_alone(clip: float, accumulate: int) -> None:
    recipe = TrainingRecipe(clip=clip, accumulate=accumulate)
    alone = [trained(recipe, seed) for seed in range(3)]
    learner = Learner([Transformer(CONFIG, seed=seed) for seed in range(3)], recipe)
    losses = [learner.step(stack([Random(s).batch(step) for s in range(3)]), step, 0.01) for step in range(5)]
    np.testing.assert_allclose(np.array(losses).T, [each for _, each in alone], atol=1e-5)
    for one, (other, _) in zip(learner.export(), alone, strict=True):
        assert difference(one, other) < 1e-5
    assert difference(alone[0][0], alone[1][0]) > 0.01


def test_four_parts_equal_one_batch() -> None:
    whole, whole_losses = trained(TrainingRecipe(), 1)
    parts, part_losses = trained(TrainingRecipe(accumulate=4), 1)
    assert part_losses == pytest.approx(whole_losses, abs=1e-6)
    assert difference(whole, parts) < 1e-5
    # Adam divides by the gradient's size, which magnifies rounding; plain gradients agree to 1e-6.
    gradients = []
    for accumulate in (1, 4):
        learner = Learner([Transformer(CONFIG, seed=1)], TrainingRecipe(clip=0.0, accumulate=accumulate))
        kept: dict[str, torch.Tensor] = {}

        def keep(learner: Learner = learner, kept: dict[str, torch.Tensor] = kept) -> None:
            kept.update({n: p.grad.clone() for n, p in learner.parameters.items() if p.grad is not None})

        learner.optimizer.step = keep  # type: ignore[method-assign, assignment]
        learner.step(Random(1).batch(0), 0, 0.01)
        gradients.append(kept)
    assert len(gradients[0]) == len(list(Transformer(CONFIG).parameters()))
    for name, gradient in gradients[0].items():
        assert (gradient - gradients[1][name]).abs().max() < 1e-6


def test_each_models_gradient_is_clipped_by_its_own_norm() -> None:
    models = [Transformer(CONFIG, seed=seed) for seed in range(3)]
    learner = Learner(models, TrainingRecipe())
    generator = torch.Generator().manual_seed(0)
    size = torch.tensor([0.001, 0.1, 10.0])  # the first stays below the limit
    for p in learner.parameters.values():
        p.grad = torch.randn(p.shape, generator=generator) * size.view(-1, *[1] * (p.dim() - 1))
    before = {name: p.grad.clone() for name, p in learner.parameters.items() if p.grad is not None}
    learner.clip(1.0)
    for index in range(3):
        reference = copy.deepcopy(models[index])
        for name, p in reference.named_parameters():
            p.grad = before[name][index].clone()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        for name, p in reference.named_parameters():
            ours = learner.parameters[name].grad
            assert ours is not None
            torch.testing.assert_close(ours[index], p.grad)
    assert torch.equal(learner.parameters["embed.weight"].grad[0], before["embed.weight"][0])  # type: ignore[index]


@pytest.mark.parametrize("count", [1, 2])
def test_bf16_trains_and_keeps_fp32_weights(count: int) -> None:
    learner = Learner([Transformer(CONFIG, seed=s) for s in range(count)], TrainingRecipe(precision="bf16"))
    batch = Random(0).batch(0)
    both = batch if count == 1 else stack([batch] * count)
    losses = [learner.step(both, step, 0.01) for step in range(30)]
    assert np.isfinite(losses).all()
    assert max(losses[-1]) < 0.7 * min(losses[0])
    assert all(p.dtype == torch.float32 for p in learner.parameters.values())
    exact = Learner([Transformer(CONFIG, seed=0)], TrainingRecipe()).step(batch, 0, 0.01)
    assert losses[0][0] == pytest.approx(exact[0], rel=0.02)
    assert losses[0][0] != exact[0]


def test_dropout_follows_from_the_seed_and_leaves_the_global_generator_alone() -> None:
    config = TransformerConfig(vocab=11, context=9, layers=1, heads=2, width=16, dropout=0.3)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, losses = trained(TrainingRecipe(), 5, config=config)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again, same = trained(TrainingRecipe(), 5, config=config)
    assert losses == same
    assert difference(first, again) == 0
    learner = Learner([Transformer(config, seed=5)], TrainingRecipe(), seed=6)
    assert learner.step(Random(5).batch(0), 0, 0.01)[0] != losses[0]


def test_two_shares_make_one_batch() -> None:
    batch = Random(0).batch(0)
    whole = Learner([Transformer(CONFIG)], TrainingRecipe()).step(batch, 0, 0.01)[0]
    shares = [Learner([Transformer(CONFIG)], TrainingRecipe()).step(batch, 0, 0.01, (rank, 2))[0] for rank in (0, 1)]
    assert sum(shares) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_stopped_and_resumed_is_bit_equal(tmp_path: Path, count: int, dropout: float) -> None:
    config = TransformerConfig(vocab=11, context=9, layers=1, heads=2, width=16, dropout=dropout)
    recipe = TrainingRecipe(steps=12, warmup=3, checkpoint_every=1)

    class Stop(Exception):
        pass

    class Stopping(Random):
        def __init__(self, seed: int, stop: int) -> None:
            super().__init__(seed)
            self.stop = stop

        def batch(self, step: int) -> Batch:
            if step == self.stop:
                raise Stop
            return super().batch(step)

    def models() -> list[Transformer]:
        return [Transformer(config, seed=seed) for seed in range(count)]

    straight = models()
    history = fit(straight, [Random(s) for s in range(count)], recipe).history
    file = tmp_path / "c.safetensors"
    for stop in (1, 4, 5, 11):
        with pytest.raises(Stop):
            fit(models(), [Stopping(s, stop) for s in range(count)], recipe, checkpoint=file)
    resumed = models()
    progress = fit(resumed, [Random(s) for s in range(count)], recipe, checkpoint=file)
    for one, other in zip(straight, resumed, strict=True):
        assert difference(one, other) == 0
    assert [row["loss"] for row in progress.history] == [row["loss"] for row in history]
    assert [row["step"] for row in progress.history] == list(range(1, 13))


def test_checkpoint_round_trip_keeps_every_bit(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).t(),
        "step": torch.tensor(7.0),
        "half": torch.ones(2, dtype=torch.bfloat16) / 3,
        "odd": torch.tensor([float("nan"), float("inf"), -0.0]),
    }
    save_checkpoint(tmp_path / "c", tensors, {"step": 3, "history": [{"loss": [0.1]}]})
    loaded, progress = load_checkpoint(tmp_path / "c")
    assert progress == {"step": 3, "history": [{"loss": [0.1]}]}
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        bits = [t.contiguous().flatten().view(torch.uint8) for t in (loaded[name], tensor)]
        assert loaded[name].shape == tensor.shape
        assert torch.equal(*bits)


def test_exact_match_counts_rows_right_in_every_target() -> None:
    model = Transformer(CONFIG, seed=2).eval()
    batch = Random(0, rows=40).batch(0)
    choice = model(torch.from_numpy(batch.ids_bt)).argmax(-1).numpy()
    targets = np.where(batch.targets_bt == IGNORE, IGNORE, choice)
    right = Batch(batch.ids_bt, targets, 2)
    assert exact_match([model], [right]) == [1.0]
    for row in range(10):  # one wrong token makes a row wrong
        at = np.flatnonzero(targets[row] != IGNORE)[row % 3]
        targets[row, at] = (targets[row, at] + 1) % 11
    assert exact_match([model], [right]) == [0.75]


def test_early_stop_after_two_good_validations() -> None:
    model = Transformer(CONFIG, seed=2)
    batch = Random(0).batch(0)

    class Same:
        def batch(self, step: int) -> Batch:
            return batch

    recipe = TrainingRecipe(steps=400, warmup=1, learning_rate=0.01, validate_every=10, stop_at=1.0)
    progress = fit([model], [Same()], recipe, validation=[batch])
    measured = [row["accuracy"] for row in progress.history if "accuracy" in row]
    assert progress.stopped
    assert progress.step < 400
    assert measured[-2:] == [[1.0], [1.0]]
    assert [1.0] not in measured[:-2]


def test_a_loss_that_is_no_number_ends_the_run():
    recipe = TrainingRecipe(steps=30, learning_rate=1e30, warmup=0, clip=0.0, checkpoint_every=0)
    with pytest.raises(TrainingError, match=r"the loss is nan. Lower training.learning_rate \(it is 1e\+30"):
        fit([Transformer(CONFIG, seed=0)], [Random(0)], recipe)
