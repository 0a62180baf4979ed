"""The component with a rescorer: all that holds without one, and its own warnings and errors."""

import warnings
from dataclasses import replace

import numpy
import pytest
import spacy
import torch
from memory import Largest
from samples import RESCORER, SENTENCES, fake_encoder, found, make_examples, make_nlp, train
from spacy.tokens import Doc
from spacy.util import fix_random_seed
from thinc.api import Optimizer

from spacy_globalpointer.models import build_efficient_global_pointer, build_span_rescorer
from spacy_globalpointer.pipeline.prediction import find_and_score, predict_spans
from spacy_globalpointer.pipeline.rescoring import final_tables, look_again
from spacy_globalpointer.pipeline.tables import Tables
from spacy_globalpointer.spans import LabelledSpan

HEADS = ["EfficientGlobalPointer", "GlobalPointer"]
TEXTS = [text for text, _ in SENTENCES]


def make(head="EfficientGlobalPointer", steps=60, rescorer=None, **settings):
    fix_random_seed(0)
    nlp = make_nlp(head, rescorer=rescorer or {}, **settings)
    train(nlp, make_examples(nlp), steps=steps)
    return nlp


def _scores(nlp, texts=TEXTS):
    docs = list(nlp.pipe(texts))
    return [dict(zip(found(d), d.spans["sc"].attrs["scores"].tolist(), strict=True)) for d in docs]


def _assert_same(one, other, **tolerance):
    assert [list(spans) for spans in one] == [list(spans) for spans in other]
    for mine, theirs in zip(one, other, strict=True):
        assert list(mine.values()) == pytest.approx(list(theirs.values()), **tolerance)


@pytest.fixture(scope="module", params=HEADS)
def nlp(request):
    return make(request.param)


def test_it_learns_nested_crossing_and_doubly_labelled_spans(nlp):
    for text, spans in SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)


@pytest.mark.parametrize("way", ["disk", "bytes", "copy"])
def test_saved_pipelines_find_the_same(nlp, way, tmp_path):
    before = _scores(nlp)
    if way == "disk":
        nlp.to_disk(tmp_path)
        loaded = spacy.load(tmp_path)
    else:
        loaded = make_nlp(rescorer={})
        loaded = spacy.blank("en").from_config(nlp.config)
        loaded.from_bytes(nlp.to_bytes())
    _assert_same(_scores(loaded), before)


def test_worker_processes_find_the_same(nlp):
    docs = list(nlp.pipe(TEXTS * 2, n_process=2, batch_size=2))
    assert [found(doc) for doc in docs] == [list(spans) for spans in _scores(nlp)] * 2


def test_a_document_scores_the_same_alone_and_in_company(nlp):
    """Empty documents, single tokens, white space and documents without candidates among them."""
    texts = [*TEXTS, "", "Rome", " ", "and", *TEXTS[::-1]]
    together = _scores(nlp, texts)
    alone = [_scores(nlp, [text])[0] for text in texts]
    _assert_same(together, alone, abs=1e-5)


def test_scores_are_probabilities_of_the_corrected_scores(nlp):
    pipe = nlp.get_pipe("global_pointer")
    pipe.cfg["threshold"], old = 0.001, pipe.cfg["threshold"]
    docs = [nlp.make_doc(text) for text in TEXTS]
    predicted = pipe.predict(docs)
    pipe.cfg["threshold"] = old
    tables = Tables(pipe.model, docs, pipe.model.predict(docs))
    n_changed = 0
    for table, _ in final_tables(tables, range(len(docs)), pipe.max_length):
        probabilities = (2 * table.factors.scores()).sigmoid()
        n_changed += int((table.factors.corrections.scores != 0).sum())
        for row, place in enumerate(table.documents):
            spans = predicted[place]
            assert len(spans.label) == int((probabilities[row] >= 0.001).sum())
            wanted = probabilities[row][spans.label, spans.start, spans.end - 1]
            numpy.testing.assert_allclose(spans.score, wanted, atol=1e-6)
    assert n_changed


def test_given_spans_are_scored_as_they_are_found(nlp):
    pipe = nlp.get_pipe("global_pointer")
    docs = [nlp.make_doc(text) for text in TEXTS]
    found_spans = pipe.predict(docs)
    spans = [scored.named(pipe.labels) for scored in found_spans]
    search = ([0.0] * len(pipe.labels), pipe.cfg)
    given = [{span: span for span in own} for own in spans]
    _, scores = find_and_score(pipe.model, docs, [search], given)
    for own, scored, read in zip(spans, found_spans, scores, strict=True):
        assert [read[span] for span in own] == pytest.approx(scored.score.tolist())


@pytest.mark.parametrize(
    "setting", [{"threshold": 0.9}, {"max_spans": 1}, {"allow_overlap": False}]
)
def test_settings_are_read_after_the_second_look(nlp, setting):
    pipe = nlp.get_pipe("global_pointer")
    every = _scores(nlp)
    old, pipe.cfg = pipe.cfg, {**pipe.cfg, **setting}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of max_spans
        some = _scores(nlp)
    pipe.cfg = old
    for few, all_spans in zip(some, every, strict=True):
        assert few.items() <= all_spans.items()
    if "threshold" in setting:
        assert some == [{x: p for x, p in own.items() if p >= 0.9} for own in every]
    if "max_spans" in setting:
        assert [max(own.values(), default=0) for own in some] == [
            max(own.values(), default=0) for own in every
        ]


def test_a_new_label_can_be_learned_and_the_old_ones_stay():
    nlp = make()
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("NEW")
    examples = make_examples(nlp)
    for example in examples:
        spans = example.reference.spans["sc"]
        example.reference.spans["sc"] = [
            *spans,
            *(Doc.char_span(example.reference, s.start_char, s.end_char, "NEW") for s in spans),
        ]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    for text, spans in SENTENCES:
        new = {(part, "NEW") for part, _ in spans}
        assert set(found(nlp(text))) == {*spans, *new}


@pytest.mark.parametrize("head", HEADS)
def test_a_new_label_leaves_the_scores_of_the_others(head):
    """Its random scores would make other spans candidates, and more rivals."""
    nlp = make(head, threshold=0.001)
    before = _scores(nlp)
    nlp.get_pipe("global_pointer").add_label("NEW")
    after = _scores(nlp)
    assert any(label == "NEW" for own in after for _, label in own)
    _assert_same([{x: p for x, p in own.items() if x[1] != "NEW"} for own in after], before)


def test_rehearsal_reaches_the_rescorer():
    nlp = make()
    pipe = nlp.get_pipe("global_pointer")
    nlp.resume_training()
    weights = pipe.model.get_ref("rescorer").get_ref("output_layer").get_param("W").copy()
    losses = pipe.rehearse(make_examples(nlp), sgd=Optimizer(0.01))
    assert losses["global_pointer"] > 0
    changed = pipe.model.get_ref("rescorer").get_ref("output_layer").get_param("W")
    assert not numpy.array_equal(weights, changed)


def test_documents_without_annotation_have_no_gradient():
    nlp = make(steps=1)
    pipe = nlp.get_pipe("global_pointer")
    examples = make_examples(nlp)
    del examples[0].reference.spans["sc"]
    rows, _ = pipe.model.begin_update([example.predicted for example in examples])
    _, d_rows = pipe.get_loss(examples, rows)
    assert abs(d_rows[0]).max() < 1e-12  # of sums over the whole batch
    assert all(abs(d).max() > 1e-3 for d in d_rows[1:4])


def test_a_reached_cap_is_said_once_with_the_numbers():
    trained = make(rescorer={"per_token": 0.01, "threshold": 1e-6}, threshold=0.01)
    text = " ".join(TEXTS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is said in the first passes
        trained(text)
    nlp = spacy.blank("en").from_config(trained.config).from_bytes(trained.to_bytes())
    with pytest.warns(UserWarning, match="more spans in question than") as said:
        list(nlp.pipe([text, text], batch_size=1))
    (message,) = [str(w.message) for w in said if "in question" in str(w.message)]
    assert "1 of 1 documents" in message
    assert "per_token" in message


def test_a_cap_leaves_the_other_spans_to_the_first_look():
    nlp = make(rescorer={"per_token": 0.01, "threshold": 1e-6})
    pipe = nlp.get_pipe("global_pointer")
    doc = nlp.make_doc(" ".join(TEXTS))
    tables = Tables(pipe.model, [doc], pipe.model.predict([doc]))
    ((table, full),) = final_tables(tables, [0], pipe.max_length)
    assert full == [0]
    assert len(table.factors.corrections.cells) == 8
    final, first = table.factors.scores(), replace(table.factors, corrections=None).scores()
    assert (final != first).any(1).sum() == 8


def test_the_rule_of_the_config_counts_after_loading(tmp_path):
    nlp = make(steps=20)
    nlp.to_disk(tmp_path)
    place = "components.global_pointer.model.rescorer.threshold"
    loaded = spacy.load(tmp_path, config={place: 0.999999})
    assert (
        loaded.get_pipe("global_pointer").model.get_ref("rescorer").attrs["rule"].threshold > 0.99
    )
    pipe = loaded.get_pipe("global_pointer")
    docs = [nlp.make_doc(text) for text in TEXTS]
    tables = Tables(pipe.model, docs, pipe.model.predict(docs))
    look = look_again(pipe.model.get_ref("rescorer"), tables, list(tables.of(range(len(docs)))))
    assert len(look.start) == 0


@pytest.mark.parametrize("saved_with", [True, False])
def test_weights_and_config_must_agree_on_the_rescorer(saved_with, tmp_path):
    config = {} if saved_with else None
    nlp = make_nlp(rescorer=config)
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path)
    place = "components.global_pointer.model.rescorer"
    message = (
        r"has no rescorer, and the weights have one\. To fix: add the block rescorer"
        if saved_with
        else r"has a rescorer, and the weights have none\. To fix: write rescorer = null"
    )
    with pytest.raises(ValueError, match=message):
        spacy.load(tmp_path, config={place: None if saved_with else RESCORER})
    other = make_nlp(rescorer=None if saved_with else {})
    other.initialize(lambda: make_examples(other))
    with pytest.raises(ValueError, match=message):
        other.from_bytes(nlp.to_bytes())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("rescorer.token_size", r"write token_size = 64 into the block .*\.model\.rescorer\]"),
        ("rescorer.hidden_size", "'maxout>>layernorm' is 32 wide where the weights have 128"),
        ("rescorer.rival_size", "'linear' is 32 wide where the weights have 16"),
        ("hidden_size", "'maxout>>layernorm' is 32 wide where the weights have 128"),
    ],
)
def test_weights_and_config_must_agree_on_sizes(setting, message, tmp_path):
    nlp = make_nlp(rescorer={"rival_size": 16})
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match=message):
        spacy.load(tmp_path, config={f"components.global_pointer.model.{setting}": 32})


def test_other_differences_of_the_layers_are_named():
    nlp, other = make_nlp(), make_nlp()
    model = other.get_pipe("global_pointer").model
    model._layers.append(build_span_rescorer().get_ref("output_layer"))
    nlp.initialize(lambda: make_examples(nlp))
    with pytest.raises(ValueError, match="has linear where the weights have nothing"):
        other.from_bytes(nlp.to_bytes())


def test_weights_that_are_not_finite_are_an_error():
    nlp = make(steps=5)
    layer = nlp.get_pipe("global_pointer").model.get_ref("rescorer").get_ref("output_layer")
    layer.set_param("b", layer.get_param("b") * numpy.nan)
    with pytest.raises(ValueError, match="rescorer must be finite"):
        nlp(TEXTS[0])


def test_memory_is_linear_in_a_long_text():
    """With everything a candidate: no table of candidates by candidates, nor one for each label."""
    n, n_labels = 4_000, 20
    rescorer = build_span_rescorer(threshold=1e-9)
    encoder = fake_encoder(vectors=[numpy.random.default_rng(0).normal(size=(n, 8)).astype("f")])
    model = build_efficient_global_pointer(encoder, nO=n_labels, rescorer=rescorer)
    doc = Doc(spacy.blank("en").vocab, words=["a"] * n)
    model.initialize(X=[doc])
    model.attrs["labels"] = [str(i) for i in range(n_labels)]
    rescorer.get_ref("output_layer").get_param("b")[:] = -1e-9
    cfg = {"max_length": 10, "max_spans": None, "one_per_label": False, "allow_overlap": True}
    with Largest() as largest:
        found_spans = predict_spans(model, [doc], [1.0] * n_labels, cfg)
    assert found_spans.crowded == [doc]
    # A candidate has about 500 numbers: what is read of it, and its rivals.
    assert largest.numel <= 1_000 * n
    assert LabelledSpan(0, 1, "0") not in found_spans.spans[0].named(model.attrs["labels"])
    assert torch.is_grad_enabled()


def test_a_loss_must_see_the_second_look():
    nlp = make(steps=1)
    loss = nlp.get_pipe("global_pointer").loss
    nlp.get_pipe("global_pointer").loss = lambda factors, gold: loss(
        replace(factors, corrections=None), gold
    )
    with pytest.raises(ValueError, match=r"ignores factors.corrections.*To fix: "):
        nlp.update(make_examples(nlp), sgd=nlp.create_optimizer())
