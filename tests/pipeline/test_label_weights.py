import math

import numpy
import pytest
import spacy
import torch
from samples import LABELS, make_examples, make_nlp

from spacy_globalpointer.pipeline.settings import check_settings

CFG = {"threshold": 0.5, "label_thresholds": [], "lr_scale": 1.0, "spans_key": "sc"}


def _loss(weights, seed=0, **settings):
    spacy.util.fix_random_seed(seed)
    nlp = make_nlp(label_weights=weights, **settings)
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("global_pointer")
    examples = make_examples(nlp)
    rows, _ = pipe.model.begin_update([example.predicted for example in examples])
    torch.manual_seed(0)
    return pipe.get_loss(examples, rows)


@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
def test_the_loss_of_a_label_is_multiplied(head):
    alone = [_loss([[x, float(x == own)] for x in LABELS], head=head) for own in LABELS]
    plain = _loss([], head=head)
    assert sum(loss for loss, _ in alone) == pytest.approx(plain[0], rel=1e-5)
    weights = [2.0, 0.5, 3.0]
    loss, d_rows = _loss([list(pair) for pair in zip(LABELS, weights, strict=True)], head=head)
    assert loss == pytest.approx(sum(w * x for w, (x, _) in zip(weights, alone, strict=True)))
    for place, rows in enumerate(d_rows):
        wanted = sum(w * own[place] for w, (_, own) in zip(weights, alone, strict=True))
        numpy.testing.assert_allclose(rows, wanted, atol=1e-5)


def test_weights_of_1_change_nothing():
    plain, weighed = _loss([]), _loss([[label, 1.0] for label in LABELS])
    assert weighed[0] == plain[0]
    for one, other in zip(weighed[1], plain[1], strict=True):
        numpy.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("settings", [{"rescorer": {}}, {"rescorer": {}, "adversarial": 0.1}])
def test_a_label_of_weight_0_is_not_learned(settings):
    nlp = make_nlp(label_weights=[["ORG", 0.0]], **settings)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    scores = nlp.evaluate(examples)["spans_sc_per_type"]
    assert [scores[x]["f"] == 1.0 for x in LABELS] == [True, False, True]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([["ORG"]], r"label_weights must be a list of \[label, weight\]"),
        ([["ORG", -1.0]], "the weight of label 'ORG' must be a number of at least 0, and finite"),
        ([["ORG", math.inf]], "at least 0, and finite, was: inf"),
        ([["ORG", math.nan]], "at least 0, and finite, was: nan"),
        ([["ORG", "2"]], r"label_weights must be a list of \[label, weight\]"),
        ([["ORG", 1.0], ["ORG", 2.0]], "must name each label once, but has 'ORG' 2 times"),
    ],
)
def test_weights_that_cannot_be_are_refused(pairs, message):
    with pytest.raises(ValueError, match=f"'global_pointer': .*{message}"):
        check_settings("global_pointer", {**CFG, "label_weights": pairs})


def test_a_weight_of_an_unknown_label_is_refused():
    nlp = make_nlp(label_weights=[["NONE", 2.0]])
    message = "label_weights must name labels of the component, was: 'NONE'.*GPE, ORG, PERSON"
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: make_examples(nlp))


def test_weights_are_read_when_they_are_used_and_saved_with_the_config(tmp_path):
    label = "US$"
    nlp = make_nlp(label_weights=[[label, 2.0]])
    nlp.config["initialize"]["components"]["global_pointer"] = {"labels": [*LABELS, label]}
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path)
    pipe = spacy.load(tmp_path).get_pipe("global_pointer")
    assert pipe.cfg["label_weights"] == [[label, 2.0]]
    nlp.get_pipe("global_pointer").cfg["label_weights"] = [["GPE", 2.0]]
    with pytest.warns(UserWarning, match="label_weights = .* will be lost"):
        nlp.to_bytes()
