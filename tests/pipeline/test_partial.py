"""Documents that are annotated with some labels only, and spans known to be wrong."""

import numpy
import pytest
import torch
from samples import LABELS, encoder_settings, found, make_example, make_examples, make_nlp, train
from spacy.tokens import DocBin, SpanGroup
from spacy.training import Example

from spacy_globalpointer.label_sets import declared_labels
from spacy_globalpointer.pipeline.scorer import score_span_groups
from spacy_globalpointer.training.reader import cut_doc

# Wrong spans often come later: from the first predictions.
pytestmark = pytest.mark.filterwarnings("ignore:.*incorrect_spans_key should be")
HEADS = ["EfficientGlobalPointer", "GlobalPointer"]
TEXT = "Anna went to Ulm with Berg."


def _declare(example, labels, key="sc"):
    """The same, annotated with these labels only."""
    group = example.reference.spans[key]
    own = [span for span in group if span.label_ in labels]
    example.reference.spans[key] = SpanGroup(
        example.reference, name=key, attrs={"labels": list(labels)}, spans=own
    )
    return example


def _wrong(nlp, spans, gold=None, text=TEXT):
    """An example with spans known to be wrong."""
    example = make_example(nlp, text, spans, "wrong")
    if gold is not None:
        doc = example.reference
        places = [(text.index(span), text.index(span) + len(span), label) for span, label in gold]
        doc.spans["sc"] = [doc.char_span(start, end, label=x) for start, end, x in places]
    return example


def _make(**settings):
    nlp = make_nlp(**settings)
    nlp.initialize(lambda: make_examples(nlp))
    return nlp, nlp.get_pipe("global_pointer")


def _loss(pipe, examples):
    rows, _ = pipe.model.begin_update([example.predicted for example in examples])
    return pipe.get_loss(examples, rows)


def _learns(pipe, d_rows, label):
    """Whether there is a gradient of what only one label reads."""
    layout, c = pipe.model.attrs["layout"], LABELS.index(label)
    if layout.shared:
        columns = [2 * layout.head_size + c, 2 * layout.head_size + layout.n_labels + c]
        return d_rows[:, columns].any()
    own = slice(2 * layout.head_size * c, 2 * layout.head_size * (c + 1))
    return pipe.model.get_ref("extractor").get_grad("W")[own].any()


def _alike(one, other):
    assert one[0] == other[0]
    for a, b in zip(one[1], other[1], strict=True):
        numpy.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rescorer", [None, {}])
@pytest.mark.parametrize("head", HEADS)
def test_all_labels_declared_is_the_same_as_none(head, rescorer):
    nlp, pipe = _make(head=head, rescorer=rescorer)
    torch.manual_seed(0)
    plain = _loss(pipe, make_examples(nlp))
    torch.manual_seed(0)
    _alike(_loss(pipe, [_declare(x, LABELS) for x in make_examples(nlp)]), plain)


@pytest.mark.parametrize("head", HEADS)
def test_other_labels_give_no_gradient(head):
    nlp, pipe = _make(head=head)
    examples = make_examples(nlp)
    _declare(examples[0], ["GPE"])
    _declare(examples[2], ["GPE"])
    if head == "GlobalPointer":  # the gradients of its extractors are those of all documents
        examples = [examples[0], examples[2]]
    _, d_rows = _loss(pipe, examples)
    for example, rows in zip(examples, d_rows, strict=True):
        for label in LABELS:
            known = "labels" not in example.reference.spans["sc"].attrs or label == "GPE"
            assert _learns(pipe, rows, label) == known


def test_the_loss_is_that_of_the_declared_labels():
    """Each document alone, so that no other lies behind it."""
    nlp, pipe = _make()
    examples = make_examples(nlp)
    whole = _loss(pipe, [examples[0]])[0]
    parts = [_loss(pipe, [_declare(make_examples(nlp)[0], [x])])[0] for x in LABELS]
    assert sum(parts) == pytest.approx(whole, rel=1e-5)
    assert min(parts) > 0


def test_documents_of_other_labels_do_not_lie_end_to_end():
    """What a label learns does not depend on documents that are not annotated with it."""
    nlp, pipe = _make()
    gpe = [_declare(x, ["GPE"]) for x in make_examples(nlp)[:2]]
    org = [_declare(x, ["ORG"]) for x in make_examples(nlp)[2:]]
    torch.manual_seed(0)
    first, rows = _loss(pipe, gpe)
    second, others = _loss(pipe, org)
    torch.manual_seed(0)
    both, d_rows = _loss(pipe, [*gpe, *org])
    assert both == pytest.approx(first + second, rel=1e-5)
    for got, wanted in zip(d_rows, [*rows, *others], strict=True):
        numpy.testing.assert_allclose(got, wanted, atol=1e-6)


def test_a_document_annotated_with_no_label_is_not_annotated():
    nlp, pipe = _make()
    with pytest.warns(UserWarning, match="learns nothing from a batch of 1 documents"):
        assert _loss(pipe, [_declare(make_examples(nlp)[0], [])])[0] == 0.0


@pytest.mark.parametrize("key", ["wrong", "worng"])
def test_a_key_of_wrong_spans_that_no_document_has_is_said(key, recwarn):
    nlp = make_nlp(incorrect_spans_key=key)
    nlp.initialize(lambda: [_wrong(nlp, [("Ulm", "GPE")]), *make_examples(nlp)])
    messages = [str(warning.message) for warning in recwarn]
    said = [text for text in messages if "incorrect_spans_key should be a group" in text]
    assert len(said) == (key == "worng")
    assert all("was: 'worng', which none has. Their groups are: sc, wrong" in x for x in said)


@pytest.mark.parametrize("head", HEADS)
def test_two_label_sets_become_one_component(head):
    """Each half of the labels is annotated in every second copy of the sentences."""
    nlp = make_nlp(head=head)
    examples = [_declare(x, ["GPE"]) for x in make_examples(nlp)]
    examples += [_declare(x, ["ORG", "PERSON"]) for x in make_examples(nlp)]
    train(nlp, examples, steps=80)
    assert nlp.evaluate(make_examples(nlp))["spans_sc_f"] == 1.0


def test_the_labels_survive_a_file(tmp_path):
    nlp, pipe = _make()
    examples = [_declare(x, ["GPE"]) for x in make_examples(nlp)]
    docs = DocBin(docs=[x.reference for x in examples]).get_docs(nlp.vocab)
    loaded = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    torch.manual_seed(0)
    plain = _loss(pipe, examples)
    torch.manual_seed(0)
    _alike(_loss(pipe, loaded), plain)


def test_the_labels_survive_cutting():
    nlp = make_nlp()
    (example,) = make_examples(nlp)[:1]
    for piece in cut_doc(_declare(example, ["GPE"]).reference, 5):
        assert declared_labels(piece, "sc") == {"GPE"}


def test_scores_leave_out_predicted_spans_of_other_labels():
    nlp = make_nlp()
    (example,) = make_examples(nlp)[:1]
    predicted = example.predicted
    predicted.spans["sc"] = [
        predicted.char_span(span.start_char, span.end_char, label=span.label_)
        for span in example.reference.spans["sc"]
    ]
    assert score_span_groups([example])["spans_sc_p"] == 1.0
    scores = score_span_groups([_declare(example, ["GPE"])])
    assert scores["spans_sc_p"] == scores["spans_sc_r"] == scores["spans_sc_f"] == 1.0
    assert set(scores["spans_sc_per_type"]) == {"GPE"}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("GPE", "must be a list of labels, was: 'GPE'"),
        (["GPE", "NEW"], "declare labels of the component.*was: 'NEW'.*GPE, ORG, PERSON"),
        (["GPE"], "a gold span must have a label of attrs"),
    ],
)
def test_bad_labels_stop_training(labels, message):
    def spoil(nlp):
        example = make_examples(nlp)[0]
        example.reference.spans["sc"].attrs["labels"] = labels
        if "NEW" in labels:
            _declare(example, labels)
        return [example, *make_examples(nlp)[1:]]

    nlp = make_nlp()
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: spoil(nlp))
    nlp.initialize(lambda: make_examples(nlp))
    with pytest.raises(ValueError, match=message):
        nlp.update(spoil(nlp))


@pytest.mark.parametrize("rescorer", [None, {}])
@pytest.mark.parametrize("head", HEADS)
def test_spans_known_to_be_wrong_are_all_that_is_learned(head, rescorer):
    nlp, pipe = _make(head=head, rescorer=rescorer, incorrect_spans_key="wrong")
    example = _wrong(nlp, [("Anna", "GPE"), ("Ulm", "GPE")])
    loss, (d_rows,) = _loss(pipe, [example])
    assert loss > 0
    layout = pipe.model.attrs["layout"]
    for label in LABELS:
        assert _learns(pipe, d_rows, label) == (label == "GPE")
    # "Anna" and "Ulm" are tokens 0 and 3.
    factors = d_rows[:, : d_rows.shape[1] - layout.token_size]
    assert {i for i, row in enumerate(factors) if row.any()} == {0, 3}


def test_the_loss_of_wrong_spans_is_that_of_zlpr():
    nlp, pipe = _make(incorrect_spans_key="wrong")
    example = _wrong(nlp, [("Anna", "GPE"), ("Anna went", "GPE"), ("Ulm", "ORG")])
    pipe.cfg["threshold"] = 0.0
    doc = nlp(TEXT)
    scores = {
        (span.text, span.label_): numpy.log(p / (1 - p))  # 2 s
        for span, p in zip(doc.spans["sc"], doc.spans["sc"].attrs["scores"].tolist(), strict=True)
    }
    both = numpy.exp(scores["Anna", "GPE"]) + numpy.exp(scores["Anna went", "GPE"])
    wanted = numpy.log1p(both) + numpy.log1p(numpy.exp(scores["Ulm", "ORG"]))
    assert _loss(pipe, [example])[0] == pytest.approx(wanted, rel=1e-3)


def test_wrong_spans_are_unlearned_and_others_stay():
    nlp = make_nlp(incorrect_spans_key="wrong")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    text = examples[0].text
    before = set(found(nlp(text)))
    assert ("Ulm", "GPE") in before
    optimizer.learn_rate = 0.001
    for _ in range(20):  # no more than it takes
        if ("Ulm", "GPE") in found(nlp(text)):
            nlp.update([_wrong(nlp, [("Ulm", "GPE")], text=text)], sgd=optimizer)
    assert set(found(nlp(text))) == before - {("Ulm", "GPE")}


def test_where_a_label_is_annotated_a_wrong_span_says_nothing_new():
    nlp, pipe = _make(incorrect_spans_key="wrong")
    gold = [("Anna", "PERSON")]
    torch.manual_seed(0)
    plain = _loss(pipe, [make_example(nlp, TEXT, gold)])
    torch.manual_seed(0)
    _alike(_loss(pipe, [_wrong(nlp, [("Ulm", "PERSON"), ("Ulm", "GPE")], gold)]), plain)
    example = _declare(_wrong(nlp, [("Ulm", "PERSON")], gold), ["PERSON"])
    more = _declare(_wrong(nlp, [("Ulm", "PERSON"), ("Ulm", "GPE")], gold), ["PERSON"])
    torch.manual_seed(0)
    known = _loss(pipe, [example])[0]
    torch.manual_seed(0)
    assert _loss(pipe, [more])[0] > known


def test_missing_negative_knows_wrong_spans_already():
    nlp, pipe = _make(incorrect_spans_key="wrong", missing="negative")
    torch.manual_seed(0)
    plain = _loss(pipe, [make_example(nlp, TEXT, [])])
    torch.manual_seed(0)
    _alike(_loss(pipe, [_wrong(nlp, [("Ulm", "GPE")])]), plain)


def test_wrong_spans_that_could_never_be_found_say_nothing():
    nlp = make_nlp(incorrect_spans_key="wrong", max_length=2)
    pipe = nlp.get_pipe("global_pointer")
    with pytest.warns(UserWarning, match="are longer than max_length"):
        nlp.initialize(lambda: make_examples(nlp))
    examples = [_wrong(nlp, [("went to Ulm", "GPE")])]
    words = ["An", "na went to Ulm with Berg."], [False, False]
    examples.append(make_example(nlp, TEXT, [("An", "GPE")], "wrong", words))
    with pytest.warns(UserWarning, match="learns nothing"):
        loss, d_rows = _loss(pipe, examples)
    assert loss == 0.0
    assert not any(rows.any() for rows in d_rows)


@pytest.mark.parametrize("kind", ["own", "tok2vec", "transformer"])
def test_wrong_spans_reach_every_encoder(kind, tiny_bert):
    nlp = make_nlp(**encoder_settings(kind, tiny_bert), incorrect_spans_key="wrong")
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    losses = nlp.update([_wrong(nlp, [("Ulm", "GPE")])], sgd=optimizer)
    assert losses["global_pointer"] > 0


@pytest.mark.parametrize(
    ("spans", "gold", "message"),
    [
        ([("Ulm", "GPE")], [("Ulm", "GPE")], r"must not be both gold and known to be wrong.*'Ulm'"),
        ([("Ulm", "NEW")], None, "does not know the label 'NEW' of a span known to be wrong"),
    ],
)
def test_bad_wrong_spans_stop_training(spans, gold, message):
    nlp = make_nlp(incorrect_spans_key="wrong")
    examples = [_wrong(nlp, spans, gold), *make_examples(nlp)]
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: examples)
    nlp.initialize(lambda: make_examples(nlp))
    with pytest.raises(ValueError, match=message):
        nlp.update(examples)


def test_a_loss_of_one_span_cannot_learn_what_is_wrong():
    loss = {"@losses": "spacy_globalpointer.ExpectedF1.v1"}
    with pytest.raises(ValueError, match=r"must be null with ExpectedF1.*was: 'wrong'. To fix"):
        make_nlp(loss=loss, one_per_label=True, incorrect_spans_key="wrong")
    make_nlp(loss=loss, one_per_label=True)


@pytest.mark.parametrize("key", ["sc", ""])
def test_a_key_that_cannot_be_is_refused(key):
    with pytest.raises(ValueError, match="incorrect_spans_key must be null, or the name of a"):
        make_nlp(incorrect_spans_key=key)
