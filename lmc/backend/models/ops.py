"""The door between the decoder and a device: how a linear is stored, and the operations that a layer is made of.

The decoder owns the weights and the order of the operations; whoever runs it brings the operations as one value,
made for one pass, which knows the pass's positions, its slots and its wanted tokens. The cuts lie where kernels can be
fused: a sum with a residual comes together with the norm after it, and everything between the projection to queries,
keys and values and the output projection is one call.

    T  tokens of the pass          W  width of the hidden rows
    N  tokens, T of them until `gather`, from there on the wanted ones
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Linear(Protocol):
    """x [N, in] times a weight [out, in], plus bias where there is one."""

    def __call__(self, x: Tensor) -> Tensor:
        """[N, out]"""

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """[N, out], added to `residual` [N, out]."""


class LayerOps(Protocol):
    """The operations of one pass, over tensors of the model's dtype.

    Sums are kept in fp32. Whether a value is rounded between two steps of one operation is the device's affair: two
    devices agree to the rounding of the dtype, not to the bit.
    """

    def embed(self, tokens: Tensor, table: Tensor) -> Tensor:
        """The rows of `table` [V, W] of `tokens` [T]: the first hidden rows [T, W]."""

    def norm(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """RMS norm of hidden [N, W] by weight [W], which leaves `hidden` as it is: [N, W]."""

    def attend(self, layer: int, qkv: Tensor, head_norm: Tensor | None) -> Tensor:
        """Attention of the pass's tokens in the layer with this index: [T, H * D].

        qkv        [T, (H + 2 Hkv) * D]  heads of Q, then of K, then of V, as projected; may be overwritten
        head_norm  [H + Hkv, D]          RMS norm's weight of every head of Q, then of K; None where there is no norm

        Q and K are normed and rotated by the tokens' positions, K and V of all tokens are written to their slots, and
        then the queries are answered: a token may see another of the same pass.
        """

    def gather(self, mixed: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of the wanted tokens, in the order they are wanted, of mixed [T, H * D] and of hidden [T, W].

        Called once, after the last attention: what follows works on each token alone.
        """

    def add_norm(self, linear: Linear, x: Tensor, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """hidden + linear(x), and its RMS norm by weight [W]: both [N, W].

        x [N, in]; `hidden` [N, W] is spent and may become the sum.
        """

    def swiglu(self, gate_up: Tensor) -> Tensor:
        """silu(gate) * up of rows [N, 2 I], gate before up: [N, I]. `gate_up` is spent."""

    def head(self, linear: Linear, x: Tensor) -> Tensor:
        """Logits [N, V] in fp32 of normed rows x [N, W]."""
