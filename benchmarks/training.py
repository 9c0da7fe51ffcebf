"""Tokens per second of training: `transformers.Trainer` and a bare Hugging Face loop against ours.

A GPT-2 of 4 layers, 4 heads and width 128 with 16 tokens and 16 positions, 256 rows of 16 tokens a step, AdamW, loss
on every position, two threads. Both sides start from the same weights and see the same batches; the mean loss of the
last steps must agree within 0.02, or it stops. The Trainer is taken as it comes (its default attention); the bare
loop is tuned as well as we know how: eager attention, which in bf16 on a CPU is worth a factor of two.
"""

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from _harness import Comparison, compare, main
from algorism.models.config import TransformerConfig
from algorism.models.export import export
from algorism.models.transformer import Transformer
from algorism.training.batches import IGNORE, Batch
from algorism.training.learner import Learner
from algorism.training.recipe import TrainingRecipe

ROWS, LENGTH, STEPS, RATE, DECAY = 256, 16, 10, 1e-3, 0.1
CONFIG = TransformerConfig(vocab=16, context=LENGTH, layers=4, heads=4, width=128, bias=True, activation="gelu_tanh")


def batches() -> list[np.ndarray]:
    """Make eight fixed batches with something to learn: each token is the sum of the two before it."""
    ids_bt = np.random.default_rng(0).integers(0, 16, (8 * ROWS, LENGTH))
    for t in range(2, LENGTH):
        ids_bt[:, t] = (ids_bt[:, t - 1] + ids_bt[:, t - 2]) % 16
    return list(ids_bt.reshape(8, ROWS, LENGTH))


def our_steps(precision: str) -> Callable[[], float]:
    """Take one step of our learner on the next batch; the loss."""
    recipe = TrainingRecipe(precision=precision, weight_decay=DECAY, clip=1.0)  # type: ignore[arg-type]
    learner = Learner([Transformer(CONFIG, seed=0)], recipe)
    prepared = []
    for ids_bt in batches():
        targets_bt = np.full_like(ids_bt, IGNORE)
        targets_bt[:, :-1] = ids_bt[:, 1:]
        prepared.append(Batch(ids_bt, targets_bt, 0))
    counter = itertools.count()

    def step() -> float:
        number = next(counter)
        return learner.step(prepared[number % 8], number, RATE)[0]

    return step


def their_model(attention: str | None = None) -> Any:
    """Our initial weights, as `transformers` loads them."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        export(Transformer(CONFIG, seed=0), folder)
        return transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)


def bare_steps(precision: str) -> Callable[[], float]:
    """Take one step of a plain loop over GPT2LMHeadModel with eager attention; the loss."""
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

    return step


def trainer_round(precision: str) -> Callable[[int], tuple[float, list[float]]]:
    """Train so many steps with `transformers.Trainer`; its own seconds from first to last step, and its losses."""
    import transformers

    rows = [{"input_ids": row, "labels": row} for ids_bt in batches() for row in torch.from_numpy(ids_bt)]
    model = their_model()

    class InOrder(transformers.Trainer):
        """The Trainer without shuffling, so that it sees the batches the others see."""

        def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler:
            return torch.utils.data.SequentialSampler(rows)

    def round_(steps: int) -> tuple[float, list[float]]:
        with tempfile.TemporaryDirectory() as folder:
            trainer = InOrder(
                model=model,
                train_dataset=rows,
                args=transformers.TrainingArguments(
                    output_dir=folder,
                    use_cpu=True,
                    bf16=precision == "bf16",
                    per_device_train_batch_size=ROWS,
                    max_steps=steps,
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

    return round_


def agree(name: str, ours: list[float], theirs: list[float]) -> None:
    """Stop unless both learn the same curve, and print its end."""
    ends = float(np.mean(ours[-5:])), float(np.mean(theirs[-5:]))
    print(f"{name}: loss {ours[0]:.4f} -> {ends[0]:.4f} ours, {theirs[0]:.4f} -> {ends[1]:.4f} theirs", file=sys.stderr)
    if abs(ends[0] - ends[1]) > 0.02:
        raise SystemExit(f"{name}: the curves differ: {ends}")


def comparisons() -> Iterator[Comparison]:
    """Trainer in bf16 and fp32, then the tuned bare loop in bf16."""
    torch.set_num_threads(2)
    tokens = STEPS * ROWS * LENGTH
    packages = ("torch", "transformers", "accelerate")
    for precision, target in (("bf16", 2.5), ("fp32", 1.4)):
        step, trainer = our_steps(precision), trainer_round(precision)
        agree(f"Trainer {precision}", [step() for _ in range(24)], trainer(24)[1])

        def ours(step: Callable[[], float] = step) -> float:
            for _ in range(STEPS):
                step()
            return tokens

        yield compare(
            f"training {precision}",
            ours,
            lambda trainer=trainer: trainer(STEPS) and tokens,  # type: ignore[misc]
            peer_name=f"transformers.Trainer {precision}, default attention",
            unit="tokens/s",
            packages=packages,
            target=target,
        )
    step, bare = our_steps("bf16"), bare_steps("bf16")
    agree("bare loop bf16", [step() for _ in range(24)], [bare() for _ in range(24)])

    def many(one: Callable[[], float]) -> float:
        for _ in range(STEPS):
            one()
        return tokens

    yield compare(
        "training bf16, tuned loop",
        lambda: many(step),
        lambda: many(bare),
        peer_name="bare loop over GPT2LMHeadModel, eager attention, bf16 autocast",
        unit="tokens/s",
        packages=packages,
        target=1.2,
    )


if __name__ == "__main__":
    main(__doc__, comparisons)
