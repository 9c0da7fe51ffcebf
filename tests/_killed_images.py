"""What a child of test_perception.py runs, and is killed in. `folder` and `settings` come from outside."""

from pathlib import Path

import torch

from algorism.models.perception import classifier
from algorism.training.images import ImageTraining, fit_images

if "folder" in globals():  # nothing to do when only imported, as by a collector of doctests
    place = Path(globals()["folder"])
    x_n1hw = torch.rand(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels_n = torch.arange(64) % 10
    network = classifier("lenet", seed=1)
    fit_images(
        network,
        x_n1hw,
        torch.arange(64)[:, None],
        lambda log_p_gmv, rows_g: -log_p_gmv[torch.arange(len(rows_g)), 0, labels_n[rows_g]].mean(),
        ImageTraining(epochs=8, images=16, checkpoint_every=1),
        seed=3,
        checkpoint=place / "run.safetensors",
        report=lambda step, row: (place / "seen").write_text(str(step)),
    )
    (place / "done").write_text("yes")
