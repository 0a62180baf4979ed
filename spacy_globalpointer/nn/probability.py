"""Scores as probabilities, as the loss implies them, and back."""

from math import inf, log

from torch import Tensor


def to_probability(scores: Tensor) -> Tensor:
    """The probabilities of scores: sigmoid(2 score), 0.5 at the boundary of ZLPR."""
    return (2 * scores).sigmoid()


def to_score(probability: float) -> float:
    """The score of a probability: -inf for 0, inf for 1."""
    ends = {0.0: -inf, 1.0: inf}
    return ends[probability] if probability in ends else log(probability / (1 - probability)) / 2
