"""How likely a label is before anything was learned."""

from thinc.api import Ops
from thinc.types import FloatsXd

# Bias of the start and of the end term of a new label. Hardly any of the many spans of a text is
# gold, and a head that starts at 0 spends its first passes learning just that.
RARE = -2.0


def init_rare(ops: Ops, shape: tuple[int, ...]) -> FloatsXd:
    """Biases that a new label starts with: hardly any span has that label.

    ops: of the layer.
    shape: of the biases.
    """
    return ops.alloc_f(shape) + RARE
