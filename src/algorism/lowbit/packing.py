"""Integers of b bits without gaps: 8 / b of them in a byte, the first one in the lowest bits."""

import math

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, ShapeError


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that hold so many codes.

    >>> packed_bytes(5, 4), packed_bytes(3, 3)
    (3, 2)
    """
    return -(-count * bits // 8)


def pack(codes: Tensor, bits: int) -> Tensor:
    """Codes from 0 to 2^bits − 1 as bytes.

    Args:
        codes: integers of any shape; read in order.
        bits: width of a code, 1 to 16.

    Returns:
        uint8 (bytes,). Bits that are left over in the last byte are 0.

    Raises:
        DataError: a code outside the width.

    >>> pack(torch.tensor([1, 2, 3]), 4).tolist()
    [33, 3]
    """
    flat = codes.reshape(-1).to(torch.int32)
    if flat.numel() and (int(flat.min()) < 0 or int(flat.max()) >= 1 << bits):
        raise DataError(
            f"Packing: codes of {bits} bits lie from 0 to {(1 << bits) - 1}; "
            f"got {int(flat.min())} to {int(flat.max())}."
        )
    if bits in (1, 2, 4, 8):
        return _pack_whole(flat, bits)
    planes_nb = (flat.numpy()[:, None] >> np.arange(bits)) & 1
    return torch.from_numpy(np.packbits(planes_nb.astype(np.uint8).reshape(-1), bitorder="little"))


def _pack_whole(flat: Tensor, bits: int) -> Tensor:
    """For widths that divide a byte: shift and add, without a bit per byte in between."""
    each = 8 // bits
    padded = torch.zeros(math.ceil(len(flat) / each) * each, dtype=torch.uint8)
    padded[: len(flat)] = flat.to(torch.uint8)
    lanes = padded.reshape(-1, each)
    packed = lanes[:, 0].clone()
    for lane in range(1, each):
        packed |= lanes[:, lane] << (lane * bits)
    return packed


def unpack(packed: Tensor, bits: int, count: int) -> Tensor:
    """Undo `pack`.

    Args:
        packed: uint8 (bytes,).
        bits: width of a code.
        count: how many codes there are.

    Returns:
        int32 (count,).

    Raises:
        ShapeError: too few or too many bytes.
        DataError: something other than 0 in the bits left over: the bytes are not what `pack` gave.

    >>> unpack(torch.tensor([33, 3], dtype=torch.uint8), 4, 3).tolist()
    [1, 2, 3]
    """
    expected = packed_bytes(count, bits)
    if packed.dtype is not torch.uint8 or packed.dim() != 1 or len(packed) != expected:
        raise ShapeError(
            f"Packing: {count} codes of {bits} bits are {expected} bytes; "
            f"got {str(packed.dtype).removeprefix('torch.')} of shape {tuple(packed.shape)}."
        )
    spare = expected * 8 - count * bits
    if spare and int(packed[-1]) >> (8 - spare):
        raise DataError("Packing: the bits after the last code are not 0; the file is damaged or of another width.")
    if bits in (1, 2, 4, 8):
        shifts = torch.arange(0, 8, bits, dtype=torch.uint8)
        codes = (packed[:, None] >> shifts) & ((1 << bits) - 1)
        return codes.reshape(-1)[:count].to(torch.int32)
    planes = np.unpackbits(packed.numpy(), count=count * bits, bitorder="little").reshape(count, bits)
    weights = (1 << np.arange(bits)).astype(np.int32)
    return torch.from_numpy(planes.astype(np.int32) @ weights)
