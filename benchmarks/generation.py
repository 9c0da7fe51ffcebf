"""New tokens per second of greedy decoding: `generate` of transformers against ours, on the same weights.

A GPT-2 of 4 layers, 4 heads and width 128 with 16 tokens and 32 positions, random weights, 512 prompts of 12 tokens,
8 new tokens each, no stop token; float32, two threads. Every run's tokens must equal the peer's, or it stops.
"""

import functools
import tempfile
from collections.abc import Iterator

import numpy as np
import torch

from _harness import Comparison, compare, main
from algorism.evaluation.decoding import generate
from algorism.models.config import TransformerConfig
from algorism.models.export import export
from algorism.models.transformer import Transformer

PROMPTS, LENGTH, NEW = 512, 12, 8


def shared_weights() -> tuple[Transformer, torch.nn.Module]:
    """Ours, and the same weights as `transformers` loads them."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    config = TransformerConfig(
        vocab=16, context=32, layers=4, heads=4, width=128, bias=True, activation="gelu_tanh", tie=True
    )
    ours = Transformer(config, seed=1).eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            if parameter.dim() == 2:
                parameter.mul_(4)  # initial weights answer every prompt alike; these do not
    with tempfile.TemporaryDirectory() as folder:
        export(ours, folder)
        return ours, transformers.AutoModelForCausalLM.from_pretrained(folder).eval()


def comparisons() -> Iterator[Comparison]:
    """Measure batches of 512 and of 32."""
    from transformers import GenerationConfig

    torch.set_num_threads(2)
    ours, theirs = shared_weights()
    prompts = np.random.default_rng(0).integers(0, 16, (PROMPTS, LENGTH))
    ids_bt = torch.from_numpy(prompts)
    settings = GenerationConfig(
        do_sample=False, max_new_tokens=NEW, min_new_tokens=NEW, eos_token_id=None, pad_token_id=0
    )
    seen: dict[str, np.ndarray] = {}

    def check(who: str, tokens: np.ndarray) -> float:
        seen[who] = tokens
        if len(seen) == 2 and not np.array_equal(seen["ours"], seen["theirs"]):
            raise SystemExit(f"tokens differ in {(seen['ours'] != seen['theirs']).any(1).sum()} of {PROMPTS} rows")
        return tokens.size

    def run_ours(batch: int) -> float:
        return check("ours", np.stack(generate(ours, list(prompts), max_new=NEW, batch=batch)))

    def run_theirs(batch: int) -> float:
        with torch.inference_mode():
            parts = [
                theirs.generate(part, attention_mask=torch.ones_like(part), generation_config=settings)  # type: ignore[operator]
                for part in ids_bt.split(batch)
            ]
        return check("theirs", torch.cat(parts)[:, LENGTH:].numpy())

    for batch, target in ((512, 3.0), (32, 2.5)):
        yield compare(
            f"greedy, {PROMPTS} prompts, batch {batch}",
            functools.partial(run_ours, batch),
            functools.partial(run_theirs, batch),
            peer_name="transformers generate",
            unit="new tokens/s",
            runs=9,
            warmups=2,
            packages=("torch", "transformers"),
            target=target,
        )
    distinct = len(np.unique(seen["ours"], axis=0))
    if distinct < PROMPTS // 4:
        raise SystemExit(f"only {distinct} different continuations: equality would mean little")


if __name__ == "__main__":
    main(__doc__, comparisons)
