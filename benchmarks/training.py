"""Tokens per second of training: `transformers.Trainer` and a bare Hugging Face loop against ours; eight seeds at once.

A GPT-2 of 4 layers, 4 heads and width 128 with 16 tokens and 16 positions, 256 rows of 16 tokens a step, AdamW, loss
on every position, two threads. Each side runs in a process of its own. Both start from the same weights and see the
same batches; the mean loss of the last steps must agree within 0.02, or it stops. The Trainer is taken as it comes
(its default attention); the bare loop is tuned as well as we know how: eager attention, which in bf16 on a CPU is
worth a factor of two.

The last rows train eight seeds of `recipes/add3.yaml` (width 64) together with `train_many`, against one after another
with `train`, and one after another in a bare loop over a GPT2LMHeadModel of that shape on the same batches.
"""

import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from _harness import Comparison, Worker, compare, main

ROWS, LENGTH, STEPS, RATE, DECAY = 256, 16, 12, 1e-3, 0.1
SEEDS, SEED_STEPS = 8, 40

KEPT = contextlib.ExitStack()
Steps = Callable[[int], tuple[float, list[float]]]  # number of steps -> their seconds, their losses


def batches() -> list[np.ndarray]:
    """Make eight fixed batches with something to learn: each token is the sum of the two before it."""
    ids_bt = np.random.default_rng(0).integers(0, 16, (8 * ROWS, LENGTH))
    for t in range(2, LENGTH):
        ids_bt[:, t] = (ids_bt[:, t - 1] + ids_bt[:, t - 2]) % 16
    return list(ids_bt.reshape(8, ROWS, LENGTH))


def our_model() -> Any:
    """Make the model both sides start from."""
    import torch

    from algorism.models.config import TransformerConfig
    from algorism.models.transformer import Transformer

    torch.set_num_threads(2)
    config = TransformerConfig(
        vocab=16, context=LENGTH, layers=4, heads=4, width=128, bias=True, activation="gelu_tanh"
    )
    return Transformer(config, seed=0)


def their_model(attention: str | None = None) -> Any:
    """Our initial weights, as `transformers` loads them."""
    import transformers

    from algorism.models.export import export

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        export(our_model(), folder)
        return transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)


def timed(step: Callable[[], float]) -> Steps:
    """Time so many calls of `step`."""

    def steps(count: int) -> tuple[float, list[float]]:
        start = time.perf_counter()
        losses = [step() for _ in range(count)]
        return time.perf_counter() - start, losses

    return steps


def our_steps(precision: str) -> Steps:
    """Our learner, as `fit` runs it."""
    from algorism.memory import freed_memory_kept
    from algorism.training.batches import IGNORE, Batch
    from algorism.training.learner import Learner
    from algorism.training.recipe import TrainingRecipe

    recipe = TrainingRecipe(precision=precision, weight_decay=DECAY, clip=1.0)  # type: ignore[arg-type]
    learner = Learner([our_model()], recipe)
    prepared = []
    for ids_bt in batches():
        targets_bt = np.full_like(ids_bt, IGNORE)
        targets_bt[:, :-1] = ids_bt[:, 1:]
        prepared.append(Batch(ids_bt, targets_bt, 0))
    counter = itertools.count()

    def step() -> float:
        number = next(counter)
        return learner.step(prepared[number % 8], number, RATE)[0]

    KEPT.enter_context(freed_memory_kept())  # as `fit` does, for as long as this process lives
    return timed(step)


def bare_steps(precision: str) -> Steps:
    """Write a plain loop over GPT2LMHeadModel with eager attention."""
    import torch

    model = their_model("eager").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=DECAY, fused=True)
    prepared = [torch.from_numpy(ids_bt) for ids_bt in batches()]
    counter = itertools.count()

    def step() -> float:
        ids_bt = prepared[next(counter) % 8]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(ids_bt, labels=ids_bt).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return timed(step)


def trainer_steps(precision: str) -> Steps:
    """Train with `transformers.Trainer`; its own seconds, and its losses."""
    import torch
    import transformers

    ids_nt = torch.from_numpy(np.concatenate(batches()))
    labels_nt = ids_nt.clone()
    labels_nt[:, 0] = -100  # no model is asked for the first token, but the Trainer divides by all labels that are set
    rows = [{"input_ids": ids, "labels": labels} for ids, labels in zip(ids_nt, labels_nt, strict=True)]
    model = their_model()

    class InOrder(transformers.Trainer):
        """The Trainer without shuffling, so that it sees the batches the others see."""

        def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler:
            return torch.utils.data.SequentialSampler(rows)

    def steps(count: int) -> tuple[float, list[float]]:
        with tempfile.TemporaryDirectory() as folder:
            trainer = InOrder(
                model=model,
                train_dataset=rows,
                args=transformers.TrainingArguments(
                    output_dir=folder,
                    use_cpu=True,
                    bf16=precision == "bf16",
                    per_device_train_batch_size=ROWS,
                    max_steps=count,
                    learning_rate=RATE,
                    lr_scheduler_type="constant",
                    weight_decay=DECAY,
                    adam_beta2=0.99,
                    optim="adamw_torch_fused",
                    logging_steps=1,
                    save_strategy="no",
                    report_to=[],
                    disable_tqdm=True,
                ),
            )
            trainer.remove_callback(transformers.PrinterCallback)
            seconds = trainer.train().metrics["train_runtime"]
            return seconds, [row["loss"] for row in trainer.state.log_history if "loss" in row]

    return steps


def seeds_of_add3() -> Callable[[str], float]:
    """Train eight seeds of the width-64 recipe "together", "in turn" or with "transformers"; steps/s of all seeds."""
    import torch

    from algorism.training.material import source
    from algorism.training.recipe import load_recipe
    from algorism.training.run import prepare, train, train_many

    torch.set_num_threads(2)
    recipe = load_recipe(Path(__file__).parents[1] / "recipes" / "add3.yaml").replace(
        training__steps=SEED_STEPS, training__validate_every=0, training__validate_on=1, training__stop_at=None
    )
    recipes = [recipe.replace(seed=seed) for seed in range(SEEDS)]
    materials = [prepare(each) for each in recipes]
    sources = [source(each, material) for each, material in zip(recipes, materials, strict=True)]

    def rate(how: str) -> float:
        start = time.perf_counter()
        if how == "together":
            train_many(recipes, materials=materials)
        elif how == "in turn":
            for each, material in zip(recipes, materials, strict=True):
                train(each, material=material)
        else:
            for each, material, batches_of in zip(recipes, materials, sources, strict=True):
                bare_run(material.config, each.training, batches_of)
        return SEEDS * SEED_STEPS / (time.perf_counter() - start)

    return rate


def bare_run(config: Any, recipe: Any, batches_of: Any) -> None:
    """Train a GPT2LMHeadModel of this shape in a plain loop on the same batches."""
    import torch
    import transformers

    shape = transformers.GPT2Config(
        vocab_size=config.vocab,
        n_positions=config.context,
        n_embd=config.width,
        n_layer=config.layers,
        n_head=config.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        activation_function="gelu",
    )
    model = transformers.AutoModelForCausalLM.from_config(shape, attn_implementation="eager").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=recipe.betas, fused=True)
    for step in range(recipe.steps):
        batch = batches_of.batch(step)
        logits_btv = model(torch.from_numpy(batch.ids_bt).long()).logits
        loss = torch.nn.functional.cross_entropy(logits_btv.flatten(0, 1), torch.from_numpy(batch.targets_bt).flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()


def agree(name: str, ours: list[float], theirs: list[float]) -> None:
    """Stop unless both learn the same curve, and print its end."""
    ends = float(np.mean(ours[-5:])), float(np.mean(theirs[-5:]))
    print(f"{name}: loss {ours[0]:.4f} -> {ends[0]:.4f} ours, {theirs[0]:.4f} -> {ends[1]:.4f} theirs", file=sys.stderr)
    if abs(ends[0] - ends[1]) > 0.02:
        raise SystemExit(f"{name}: the curves differ: {ends}")


def comparisons() -> Iterator[Comparison]:
    """Trainer in bf16 and fp32, the tuned bare loop in bf16, and eight seeds together."""
    for peer, precision, target, peer_name in (
        (trainer_steps, "bf16", 2.5, "transformers.Trainer, default attention"),
        (trainer_steps, "fp32", 1.4, "transformers.Trainer, default attention"),
        (bare_steps, "bf16", 1.2, "bare loop over GPT2LMHeadModel, eager attention, autocast"),
    ):
        with Worker(our_steps, precision) as ours, Worker(peer, precision) as theirs:
            agree(f"{peer_name}, {precision}", ours(24)[1], theirs(24)[1])
        with (
            Worker(our_steps, precision, renew=3, warm_up=(6,)) as ours,
            Worker(peer, precision, renew=3, warm_up=(6,)) as theirs,
        ):
            yield compare(
                f"training {precision}",
                lambda ours=ours: STEPS * ROWS * LENGTH / ours(STEPS)[0],  # type: ignore[misc]
                lambda theirs=theirs: STEPS * ROWS * LENGTH / theirs(STEPS)[0],  # type: ignore[misc]
                peer_name=peer_name,
                unit="tokens/s",
                quantity="value",
                more_is_better=True,
                packages=("torch", "transformers", "accelerate"),
                runs=15,
                target=target,
            )
    for how, peer_name, target in (
        ("in turn", "ours, one after another", 3.0),
        ("transformers", "bare loop over GPT2LMHeadModel, one after another", 3.0),
    ):
        with Worker(seeds_of_add3) as rate:
            yield compare(
                f"{SEEDS} seeds of width 64, together",
                lambda rate=rate: rate("together"),  # type: ignore[misc]
                lambda rate=rate, how=how: rate(how),  # type: ignore[misc]
                peer_name=peer_name,
                unit="steps/s",
                runs=7,
                quantity="value",
                more_is_better=True,
                packages=("torch", "transformers"),
                target=target,
            )


if __name__ == "__main__":
    main(__doc__, comparisons)
