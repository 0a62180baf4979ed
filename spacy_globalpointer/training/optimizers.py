"""Learning rates by part: slow for a pretrained transformer, fast for what starts from random."""

import sys
from typing import Any

from spacy.util import registry
from thinc.api import Optimizer
from thinc.types import FloatsXd, Generator


@registry.optimizers("spacy_globalpointer.DiscriminativeAdam.v1")
def build_discriminative_adam(
    learn_rate: float | list[float] | Generator = 0.00005,
    *,
    thinc_scale: float = 20.0,
    L2: float | list[float] | Generator = 0.01,
    beta1: float | list[float] | Generator = 0.9,
    beta2: float | list[float] | Generator = 0.999,
    eps: float | list[float] | Generator = 1e-8,
    grad_clip: float | list[float] | Generator = 1.0,
    L2_is_weight_decay: bool = True,
    use_averages: bool = False,
) -> Optimizer:
    """Adam.v1 with a rate of its own for the weights of Thinc layers, in every component alike.

    Those are what starts from random: heads, hash embeddings, window encoders. PyTorch has the
    weights of the transformer.
    Source: discriminative fine-tuning, Howard and Ruder 2018, arXiv 1801.06146.

    learn_rate: of the transformer; a number or a schedule.
    thinc_scale: learning rate of Thinc layers, as a multiple of the transformer's. A component's
        own multiple, such as `lr_scale`, comes on top.
    L2, beta1, beta2, eps, grad_clip, L2_is_weight_decay: as in Adam.v1; the defaults are those
        that spaCy fills into a config.
    use_averages: as in Adam.v1; averages replace the weights of Thinc layers only.
    RETURNS: the optimizer.
    RAISES (ValueError): a scale that is not above 0, or not finite.
    """
    if isinstance(thinc_scale, str) or not 0 < thinc_scale <= sys.float_info.max:
        raise ValueError(
            f"thinc_scale must be above 0 and finite, was: {thinc_scale!r}. To fix: 20 is usual; 1 "
            "gives all weights one rate"
        )
    return DiscriminativeOptimizer(
        learn_rate,
        thinc_scale=thinc_scale,
        L2=L2,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        L2_is_weight_decay=L2_is_weight_decay,
        use_averages=use_averages,
    )


class DiscriminativeOptimizer(Optimizer):
    """Thinc's Optimizer, whose schedules know nothing of the part that a rate is for.

    thinc_scale: learning rate of Thinc layers, as a multiple of that of PyTorch modules.
    settings: of Optimizer.
    """

    def __init__(
        self, learn_rate: float | list[float] | Generator, *, thinc_scale: float, **settings: Any
    ) -> None:
        super().__init__(learn_rate, **settings)
        self.thinc_scale = thinc_scale

    def __call__(
        self,
        key: tuple[int, str],
        weights: FloatsXd,
        gradient: FloatsXd,
        *,
        lr_scale: float = 1.0,
    ) -> tuple[FloatsXd, FloatsXd]:
        """Update an array of weights.

        key: number of the layer and name of the weights. In PyTorch that is a path, such as
            "encoder.layer.0.output.dense.weight"; in Thinc it is "W" or "b".
        lr_scale: multiple of the learning rate, on top of thinc_scale.
        """
        scale = 1.0 if "." in key[1] else self.thinc_scale
        return super().__call__(key, weights, gradient, lr_scale=lr_scale * scale)
