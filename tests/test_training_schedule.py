"""Learning rates against torch's own schedulers."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from algorism.training.schedule import learning_rate


def torch_rates(scheduler: type, steps: int, peak: float, **options: float) -> list[float]:
    """What torch's scheduler gives at each of `steps` steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    schedule = scheduler(optimizer, **options)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("warmup", [0, 1, 7])
@pytest.mark.parametrize("steps", [20, 101])
def test_equal_to_torch(steps: int, warmup: int) -> None:
    peak, end = 3e-3, 2e-4
    after = steps - 1 - warmup  # steps from the peak to the last one
    options = {"steps": steps, "peak": peak, "end": end, "warmup": warmup}
    ours = {kind: [learning_rate(s, schedule=kind, **options) for s in range(steps)] for kind in ("cosine", "linear")}
    if warmup:
        rising = torch_rates(
            torch.optim.lr_scheduler.LinearLR, warmup, peak, start_factor=1 / warmup, total_iters=max(1, warmup - 1)
        )
        assert ours["cosine"][:warmup] == pytest.approx(rising)
        assert ours["linear"][:warmup] == pytest.approx(rising)
    cosine = torch_rates(torch.optim.lr_scheduler.CosineAnnealingLR, after + 1, peak, T_max=after, eta_min=end)
    linear = torch_rates(
        torch.optim.lr_scheduler.LinearLR,
        after + 1,
        peak,
        start_factor=1.0,
        end_factor=end / peak,
        total_iters=after,
    )
    assert ours["cosine"][warmup:] == pytest.approx(cosine)
    assert ours["linear"][warmup:] == pytest.approx(linear)


@given(
    st.integers(1, 300),
    st.integers(0, 400),
    st.sampled_from(["cosine", "linear", "constant"]),
    st.floats(1e-6, 1.0),
    st.floats(0, 1),
)
def test_bounds_of_any_schedule(steps: int, warmup: int, kind: str, peak: float, share: float) -> None:
    end = peak * share
    rates = [learning_rate(s, steps=steps, peak=peak, end=end, warmup=warmup, schedule=kind) for s in range(steps)]
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates[:-1])
    rising, falling = rates[:warmup], rates[warmup:]
    assert rising == sorted(rising)
    assert all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(falling))
    if steps - 1 > warmup:
        assert rates[-1] == pytest.approx(peak if kind == "constant" else end)
