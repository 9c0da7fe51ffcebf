"""Training steps per second of the coupled 10-digit addition (`recipes/add-long.yaml`): ours against x-transformers.

The first 60 batches of the recipe, 128 rows each, one thread, AdamW, clipping, cross-entropy on the answer alone. Each
side runs in a process of its own. Both start from the same weights and compute the same function: 1 layer, width 64,
4 heads, MLP of 4 times the width with exact GELU, RMSNorm, no biases, untied output; their losses must agree within
0.02 at every step, or it stops.

x-transformers knows no learned bias over given indices, so the recipe's one (clip2+penalty over place values) is made
outside and handed to it as `attn_bias`. All rows of a batch have the same indices here, so it is made once for the
batch, (h, t, s), and clipped distances are looked up by a product with their one-hot form, which is made beforehand.
Attention is its explicit form; with `flash` it is no faster on a CPU, for torch's fused attention takes no bias that is
trained. It computes every position, as it always does; ours computes what the loss needs.

The last row gives x-transformers what it has of its own, ALiBi with fixed slopes over the same indices (`pos`).
"""

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _harness import Comparison, Worker, compare, main

STEPS, RATE, DECAY = 60, 3e-3, 0.0

KEPT = contextlib.ExitStack()
Steps = Callable[[int], tuple[float, list[float]]]  # number of steps -> their seconds, their losses


def problem() -> tuple[Any, Any, list[Any]]:
    """Make the recipe, the model both sides start from, and its first batches."""
    import torch

    from algorism.models.transformer import Transformer
    from algorism.training.material import source
    from algorism.training.recipe import load_recipe
    from algorism.training.run import prepare

    torch.set_num_threads(1)
    recipe = load_recipe(Path(__file__).parents[1] / "recipes" / "add-long.yaml")
    material = prepare(recipe)
    batches = source(recipe, material)
    return recipe.training, Transformer(material.config, seed=0), [batches.batch(step) for step in range(STEPS)]


def timed(step: Callable[[], float]) -> Steps:
    """Time so many calls of `step`."""

    def steps(count: int) -> tuple[float, list[float]]:
        start = time.perf_counter()
        losses = [step() for _ in range(count)]
        return time.perf_counter() - start, losses

    return steps


def our_steps(precision: str) -> Steps:
    """Our learner, as `fit` runs it."""
    import dataclasses

    from algorism.memory import freed_memory_kept
    from algorism.training.learner import Learner

    recipe, model, batches = problem()
    learner = Learner([model], dataclasses.replace(recipe, precision=precision))
    counter = itertools.count()

    def step() -> float:
        number = next(counter)
        return learner.step(batches[number % STEPS], number, RATE)[0]

    KEPT.enter_context(freed_memory_kept())  # as `fit` does, for as long as this process lives
    return timed(step)


def their_model(ours: Any, **settings: Any) -> Any:
    """Build x-transformers' model of this shape with our first weights."""
    import torch
    from x_transformers import Decoder, TransformerWrapper

    c = ours.config
    decoder = Decoder(
        dim=c.width,
        depth=c.layers,
        heads=c.heads,
        attn_dim_head=c.head_width,
        use_rmsnorm=True,
        ff_mult=4,
        ff_no_bias=True,
        **settings,
    )
    model = TransformerWrapper(
        num_tokens=c.vocab, max_seq_len=c.context, use_abs_pos_emb=False, attn_layers=decoder
    ).train()
    (_, attention, _), (_, mlp, _) = decoder.layers
    block = ours.blocks[0]
    with torch.no_grad():
        model.token_emb.emb.weight.copy_(ours.embed.weight)
        q, k, v = block.attention.qkv.weight.chunk(3)
        for theirs, weight in (
            (attention.to_q, q),
            (attention.to_k, k),
            (attention.to_v, v),
            (attention.to_out, block.attention.out.weight),
            (mlp.ff[0][0], block.mlp.up.weight),
            (mlp.ff[2], block.mlp.down.weight),
            (model.to_logits, ours.head.weight),
        ):
            theirs.weight.copy_(weight)
    return model


def their_steps(precision: str, flash: bool = False, own: bool = False) -> Steps:
    """Write a plain loop over x-transformers, with our bias or with ALiBi of its `own`."""
    import torch
    from torch.nn import functional

    from algorism.training.batches import IGNORE

    recipe, ours, batches = problem()
    model = their_model(ours, attn_flash=flash, alibi_pos_bias=own)
    slope, clipped = (
        torch.nn.Parameter(part[0].detach().clone())
        for part in (ours.position.parts[1].slope, ours.position.parts[0].weight)
    )
    reach = clipped.shape[1] // 2
    parameters = [*model.parameters()] + ([] if own else [slope, clipped])
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=recipe.betas, weight_decay=DECAY, fused=True)
    prepared = []
    for batch in batches:
        index_t = torch.from_numpy(batch.index_bt[0])
        difference_ts = index_t - index_t[:, None]
        one_hot = functional.one_hot(difference_ts.clamp(-reach, reach) + reach, 2 * reach + 1).float()
        targets_bt = torch.from_numpy(batch.targets_bt[:, batch.first :])
        ids_bt = torch.from_numpy(batch.ids_bt).long()
        prepared.append((ids_bt, targets_bt, index_t, one_hot.flatten(0, 1).t(), difference_ts.abs(), batch.first))
    counter = itertools.count()

    def step() -> float:
        ids_bt, targets_bt, index_t, one_hot, distance_ts, first = prepared[next(counter) % STEPS]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            if own:
                logits = model(ids_bt, pos=index_t)
            else:
                bias = (clipped @ one_hot).view(-1, *distance_ts.shape) - functional.softplus(slope) * distance_ts
                logits = model(ids_bt, attn_bias=bias)
        loss = functional.cross_entropy(
            logits[:, first:].float().flatten(0, 1), targets_bt.flatten(), ignore_index=IGNORE
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return timed(step)


def agree(name: str, ours: list[float], theirs: list[float], within: float) -> None:
    """Stop unless both learn the same curve, and print its ends."""
    apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    print(f"{name}: loss {ours[0]:.4f} -> {ours[-1]:.4f}, at most {apart:.5f} apart", file=sys.stderr)
    if apart > within:
        raise SystemExit(f"{name}: the curves differ by {apart}")


def comparisons() -> Iterator[Comparison]:
    """The same function in fp32 and bf16, then x-transformers with a bias of its own."""
    for precision, own, peer_name, target in (
        ("fp32", False, "x-transformers, the same bias as attn_bias", 2.0),
        ("bf16", False, "x-transformers, the same bias as attn_bias, autocast", 2.0),
        ("fp32", True, "x-transformers, its ALiBi over the same indices", 2.0),
    ):
        if not own:
            with Worker(our_steps, precision) as ours, Worker(their_steps, precision) as theirs:
                agree(f"{peer_name}, {precision}", ours(STEPS)[1], theirs(STEPS)[1], within=0.02)
        with (
            Worker(our_steps, precision, renew=3, warm_up=(STEPS,)) as ours,
            Worker(their_steps, precision, False, own, renew=3, warm_up=(STEPS,)) as theirs,
        ):
            yield compare(
                f"training add-long, {precision}",
                lambda ours=ours: STEPS / ours(STEPS)[0],  # type: ignore[misc]
                lambda theirs=theirs: STEPS / theirs(STEPS)[0],  # type: ignore[misc]
                peer_name=peer_name,
                unit="steps/s",
                quantity="value",
                more_is_better=True,
                packages=("torch", "x-transformers"),
                runs=15,
                target=target,
            )


if __name__ == "__main__":
    main(__doc__, comparisons)
