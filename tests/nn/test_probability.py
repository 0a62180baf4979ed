"""Scores as probabilities, and back."""

import math

import pytest
import torch

from spacy_globalpointer.nn import to_probability, to_score


@pytest.mark.parametrize(
    ("score", "probability"),
    [(0.0, 0.5), (0.5 * math.log(3), 0.75), (-math.inf, 0.0), (math.inf, 1.0)],
)
def test_both_ways(score, probability):
    assert to_score(probability) == pytest.approx(score)
    assert float(to_probability(torch.tensor(score))) == pytest.approx(probability)
