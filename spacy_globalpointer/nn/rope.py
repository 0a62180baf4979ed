"""Rotary position embedding, checked against rotation matrices in tests/nn/test_rope.py."""

import torch
from torch import Tensor


def rotate(vectors: Tensor, *, base: float = 10000.0) -> Tensor:
    """Rotate each pair of neighbouring channels by an angle that grows with the position.

    Channels (2m, 2m + 1) of token l turn by l * base ** (-2m / d), so the inner product of two
    rotated vectors depends on their positions only through the distance.
    Source: RoFormer, arXiv 2104.09864, eq. 34.

    vectors (..., l, d): one per token; d is even.
    RETURNS (..., l, d): rotated vectors.
    RAISES (ValueError): an odd d.
    """
    length, size = vectors.shape[-2:]
    if size % 2:
        raise ValueError(f"head_size must be even when rope is on, was: {size}")
    # In float32 the angles of distant positions would lose digits.
    positions = torch.arange(length, device=vectors.device, dtype=torch.float64)
    exponents = torch.arange(0, size, 2, device=vectors.device, dtype=torch.float64) / size
    angles = positions[:, None] * base**-exponents  # (l, d / 2)
    cos, sin = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    even, odd = vectors.unflatten(-1, (-1, 2)).unbind(-1)  # (..., l, d / 2)
    return torch.stack((even * cos - odd * sin, odd * cos + even * sin), -1).flatten(-2)
