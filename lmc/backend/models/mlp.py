"""What comes after a layer's attention: the part that works on each token alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from lmc.backend.models.ops import LayerOps, Linear


class Mlp(Protocol):
    """From a layer's second norm to the norm that follows the layer."""

    def __call__(self, ops: LayerOps, x: Tensor, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """hidden + mlp(x), and its RMS norm by weight [W]: both [N, W].

        x [N, W] is the normed `hidden`; `hidden` [N, W] is spent, as in `LayerOps.add_norm`.
        """


@dataclass(frozen=True, slots=True, eq=False)
class GatedMlp:
    """SwiGLU: down(silu(gate(x)) * up(x)), gate and up as one linear (Shazeer, "GLU Variants Improve Transformer")."""

    gate_up: Linear
    down: Linear

    def __call__(self, ops: LayerOps, x: Tensor, hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """See Mlp."""
        return ops.add_norm(self.down, ops.swiglu(self.gate_up(x)), hidden, weight)
