"""Position schemes: what is added to embeddings, rotated into queries and keys, or added to attention logits.

Shape letters: b batch, t query position, s key position, h head, d head width.
"""

import torch
from torch import Tensor


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Sines (even channels) and cosines (odd channels) of the positions, (..., width).

    Source: Attention Is All You Need, section 3.5: sin(p / 10000^(2i/width)), and the cosine of the same.

    >>> sinusoids(torch.tensor([0]), 4).tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    """
    frequency = 10_000.0 ** (-torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width)
    angle = positions[..., None].float() * frequency
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


def rotary_angles(positions: Tensor, head_width: int, base: float) -> Tensor:
    """Rotation angles of RoPE, (..., t, d/2): p · base^(−2i/d)."""
    frequency = base ** (-torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width)
    return positions[..., None].float() * frequency


def rotate(x_bhtd: Tensor, angles: Tensor) -> Tensor:
    """Rotate channel i together with channel i + d/2 by the angle of its position (Llama's pairing).

    Args:
        x_bhtd: queries or keys.
        angles: (t, d/2), or (b, t, d/2).
    """
    if angles.dim() == 3:
        angles = angles[:, None]
    cos, sin = angles.cos().to(x_bhtd.dtype), angles.sin().to(x_bhtd.dtype)
    first, second = x_bhtd.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def alibi_slopes_h(heads: int) -> Tensor:
    """One slope per head, the geometric series 2^(−8/h), 2^(−16/h) and so on.

    For a number of heads that is no power of two: the slopes of the next lower power, then every second slope of
    the double, as its authors released it.

    >>> alibi_slopes_h(8)[:3].tolist()
    [0.5, 0.25, 0.125]
    """
    power = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8.0 * (i + 1) / power) for i in range(power)]
    slopes += [2.0 ** (-8.0 * (2 * i + 1) / (2 * power)) for i in range(heads - power)]
    return torch.tensor(slopes)


def alibi_bias_hts(heads: int, t: int, s: int, device: torch.device) -> Tensor:
    """Give −slope · distance for every head, query and key; the last query stands at the last key."""
    query = torch.arange(s - t, s, device=device)
    key = torch.arange(s, device=device)
    distance_ts = (query[:, None] - key[None, :]).abs().float()
    return -alibi_slopes_h(heads).to(device)[:, None, None] * distance_ts
