import copy

import numpy
import pytest
import spacy
from relation_samples import make_relation_examples, make_relation_nlp
from samples import (
    LABELS,
    SENTENCES,
    encoder_settings,
    found,
    make_example,
    make_examples,
    make_nlp,
)
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.training import Example
from thinc.api import Adam

from spacy_globalpointer.nn import zlpr_dense
from spacy_globalpointer.pipeline.soft_targets import blend, read_probabilities
from spacy_globalpointer.spans import LabelledSpan
from spacy_globalpointer.training.reader import make_span_corpus

TEXT = "Anna Berg of Rome"


def add_soft(example, spans, key="soft", scores=None):
    """Give the reference soft spans of (start, end, label, probability)."""
    doc = example.reference
    doc.spans[key] = SpanGroup(
        doc,
        name=key,
        attrs={"scores": [span[3] for span in spans] if scores is None else scores},
        spans=[Span(doc, start, end, label=label) for start, end, label, _ in spans],
    )
    return example


def example(nlp, soft=None, gold=()):
    made = make_example(nlp, TEXT, gold or ())
    if gold is None:
        del made.reference.spans["sc"]
    return made if soft is None else add_soft(made, soft)


PERSON, ORG, GPE = (0, 2, "PERSON"), (0, 4, "ORG"), (3, 4, "GPE")


def initialized(examples=None, **settings):
    nlp = make_nlp(**{"soft_spans_key": "soft", "max_length": None, **settings})
    nlp.initialize(lambda: examples(nlp) if examples else soft_examples(nlp))
    return nlp, nlp.get_pipe("global_pointer")


def soft_examples(nlp, value=0.9):
    """All sentences, with their gold spans as soft ones."""
    examples = make_examples(nlp)
    for each in examples:
        group = each.reference.spans["sc"]
        add_soft(each, [(s.start, s.end, s.label_, value) for s in group])
    return examples


def predictions(nlp, text=TEXT):
    """{(start, end, label): probability} of all spans."""
    pipe = nlp.get_pipe("global_pointer")
    pipe.cfg["threshold"] = 0.0
    doc = nlp(text)
    pipe.cfg["threshold"] = 0.5
    group, scores = doc.spans["sc"], doc.spans["sc"].attrs["scores"]
    return {(s.start, s.end, s.label_): x for s, x in zip(group, scores.tolist(), strict=True)}


@pytest.mark.parametrize(
    ("per", "settings"),
    [
        ("start", {}),
        ("document", {}),
        ("start", {"rescorer": {}}),
        ("start", {"head": "GlobalPointer"}),
    ],
)
def test_what_is_learned_of_raw_text_are_the_probabilities(per, settings):
    """Spans that start together, nested and with two labels, and all others at 0."""
    soft = [(*PERSON, 0.7), (*ORG, 0.3), (0, 2, "ORG", 0.4), (*GPE, 0.9)]
    loss = {"@losses": "spacy_globalpointer.ZLPR.v1", "per": per}
    nlp, _ = initialized(lambda nlp: [example(nlp, soft, None)], loss=loss, **settings)
    sgd = Adam(0.005)
    for step in range(300):
        sgd.learn_rate = 0.005 if step < 200 else 0.001
        nlp.update([example(nlp, soft, None)], sgd=sgd)
    learned = predictions(nlp)
    for *span, probability in soft:
        assert learned.pop(tuple(span)) == pytest.approx(probability, abs=0.06)
    assert max(learned.values()) < 0.06


def test_targets_are_blended_where_there_is_gold():
    """Gold and soft, gold alone, soft alone, and neither, in one batch."""
    nlp, pipe = initialized(soft_weight=0.25)
    gold = [("Anna Berg", "PERSON")]
    soft = [(*PERSON, 0.6), (*ORG, 0.2)]
    batch = [example(nlp, soft, gold), example(nlp, None, gold), example(nlp, soft, None)]
    batch.append(example(nlp, None, None))
    seen = []

    def loss(factors, rows, weights=None):
        seen.append(weights)
        return zlpr_dense(factors, rows, weights)

    pipe.loss = loss
    _, d_rows = pipe.get_loss(batch, pipe.model.predict([each.predicted for each in batch]))
    (weights,) = seen
    blended = [0.75 + 0.25 * 0.6, 0.25 * 0.2]
    assert sorted(weights[:, 0].tolist()) == pytest.approx(sorted([*blended, 1.0, 0.6, 0.2]))
    assert weights.sum(1).tolist() == pytest.approx([1.0] * 5)
    assert all(d.any() for d in d_rows[:3])
    assert not d_rows[3].any()


def test_blended_targets_are_probabilities():
    """0.9 + 1 - 0.9 is more than 1 in floating-point numbers of some sizes."""
    span = LabelledSpan(*PERSON)
    for share in (0.1, 0.3, 0.7, 0.9):
        assert blend({span}, {span: 1.0}, share)[span] <= 1
    assert blend({span}, {}, 0.3) == {span: 0.7}
    assert blend(set(), {span: 0.4}, 0.5) == {span: 0.2}
    assert blend(None, {span: 0.4}, 0.5) == {span: 0.4}


def test_documents_without_soft_spans_give_the_loss_without_the_setting():
    """Bit for bit: certain gold is learned without weights."""
    losses = []
    for key in (None, "soft"):
        spacy.util.fix_random_seed(0)
        nlp = make_nlp(soft_spans_key=key)
        nlp.initialize(lambda nlp=nlp: soft_examples(nlp))
        spacy.util.fix_random_seed(0)
        losses.append(nlp.update(make_examples(nlp))["global_pointer"])
    assert losses[0] == losses[1]


def test_a_document_with_soft_spans_only_is_not_taken_for_one_without_spans():
    """missing = "negative" is about documents that say nothing."""
    soft = [(*PERSON, 0.7)]
    losses = []
    for missing in ("skip", "negative"):
        spacy.util.fix_random_seed(0)
        nlp, _ = initialized(missing=missing)
        losses.append(nlp.update([example(nlp, soft, None)])["global_pointer"])
    assert losses[0] == losses[1] > 0


def test_soft_spans_on_other_tokens_are_moved_or_counted():
    """The teacher's tokens: "Rome lovers" is one of them, so its end is inside of it."""
    nlp, pipe = initialized()
    words = ["Anna", "Berg", "of", "Romelovers"], [True, True, True, False]
    other = Example(nlp.make_doc("Anna Berg of Romelovers"), Doc(nlp.vocab, *words))
    parts = Doc(
        nlp.vocab, ["Anna", "Berg", "of", "Rome", "lovers"], [True, True, True, False, False]
    )
    moved = Example(other.predicted, parts)
    add_soft(moved, [(0, 2, "PERSON", 0.5), (3, 4, "GPE", 0.3)])
    with pytest.warns(
        UserWarning,
        match=r"cannot learn 1 of 2 soft spans: .*predicted tokens do \(GPE 1",
    ):
        loss, _ = pipe.get_loss([moved], pipe.model.predict([moved.predicted]))
    assert loss > 0


def test_auto_length_covers_soft_spans():
    nlp, pipe = initialized(max_length="auto")
    known = pipe.max_length
    words = ["a"] * 60
    doc = Doc(nlp.vocab, words)
    long = add_soft(Example(doc.copy(), doc), [(0, 50, "ORG", 0.02)])
    nlp.update([long])
    assert known < 50 <= pipe.max_length


def test_labels_are_those_of_gold_and_of_soft_spans_alone():
    _, pipe = initialized()
    assert pipe.labels == tuple(LABELS)
    _, pipe = initialized(lambda nlp: [example(nlp, [(*PERSON, 0.7), (*ORG, 0.2)], None)])
    assert pipe.labels == ("ORG", "PERSON")


def test_a_teacher_with_other_labels_is_refused():
    soft = [(0, 2, "ROLE", 0.1)]
    gold = [("Anna Berg", "PERSON")]
    with pytest.raises(
        ValueError, match=r"teacher must have no other labels.*\(PERSON\).*has: ROLE. To fix"
    ):
        initialized(lambda nlp: [example(nlp, soft, gold)])
    nlp, _ = initialized()
    with pytest.raises(ValueError, match="does not know the label 'ROLE' of a soft span"):
        nlp.update([example(nlp, soft, gold)])


def test_no_soft_spans_at_all_are_refused():
    with pytest.raises(ValueError, match=r"soft_spans_key must be a group.*'soft', which none has"):
        initialized(make_examples)


def test_labels_are_enough_to_initialize():
    """As without soft spans, and without a warning: `spacy assemble` has no data."""
    nlp = make_nlp(soft_spans_key="soft", incorrect_spans_key="wrong")
    nlp.get_pipe("global_pointer").add_label("GPE")
    nlp.initialize()
    assert nlp.get_pipe("global_pointer").labels == ("GPE",)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (None, "was: 2 spans without"),
        ([0.5], "one for each span, was: 1 scores of 2 spans"),
        (0.5, "a list of numbers, was: 0.5"),
        ("0.5", "a list of numbers, was: '0.5'"),
        (["0.5", "0.5"], r"probabilities in \[0, 1\], was: '0.5'"),
        ([0.5, None], r"probabilities in \[0, 1\], was: None"),
        ([[0.5], [0.5, 0.1]], r"probabilities in \[0, 1\], was: \[0.5\]"),
        ([0.5, 1.5], r"probabilities in \[0, 1\], was: 1.5"),
        ([-0.1, 0.5], r"probabilities in \[0, 1\], was: -0.1"),
        (numpy.array([0.5, numpy.nan]), r"probabilities in \[0, 1\], was: nan"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(scores, message):
    nlp, _ = initialized()
    soft = [(*PERSON, 0.7), (*ORG, 0.2)]
    bad = add_soft(example(nlp), soft, scores=scores)
    if scores is None:
        bad.reference.spans["soft"].attrs = {}
    with pytest.raises(ValueError, match=f"{message}.*Anna Berg.*annotate TEACHER"):
        nlp.update([bad])


def test_a_group_without_spans_needs_no_scores():
    doc = make_nlp().make_doc(TEXT)
    assert read_probabilities(SpanGroup(doc, name="soft"), "soft") == []


def two_arguments(factors, gold):
    return zlpr_dense(factors, gold)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"soft_spans_key": "sc"}, "soft_spans_key must be.*but not the spans_key.*was: 'sc'"),
        ({"soft_spans_key": ""}, "soft_spans_key must be a group of doc.spans.*was: ''"),
        ({"soft_spans_key": "a", "incorrect_spans_key": "a"}, "another group than incorrect.*'a'"),
        ({"soft_weight": 1.1}, r"soft_weight must be a share in \[0, 1\], was: 1.1"),
        ({"soft_weight": -0.1}, "soft_weight must be a share.*was: -0.1"),
        ({"soft_weight": 10**400}, "soft_weight must be a share"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_nlp(**settings)


@pytest.mark.parametrize("setting", ["soft_spans_key", "soft_rehearsal"])
def test_a_loss_that_takes_no_weights_is_refused(setting):
    @spacy.registry.losses("two_arguments.v1")
    def build():
        return two_arguments

    loss = {"@losses": "two_arguments.v1"}
    with pytest.raises(ValueError, match=f"a loss must take soft targets.*if {setting} is set"):
        make_nlp(loss=loss, **{setting: "soft" if setting == "soft_spans_key" else True})
    make_nlp(loss=loss)


@pytest.mark.parametrize("kind", ["tok2vec", "transformer"])
def test_soft_spans_reach_a_shared_encoder(kind, tiny_bert):
    nlp = make_nlp(soft_spans_key="soft", **encoder_settings(kind, tiny_bert))
    nlp.initialize(lambda: soft_examples(nlp))
    losses = nlp.update(soft_examples(nlp), sgd=Adam(0.001))
    assert losses["global_pointer"] > 0
    assert losses[nlp.pipe_names[0]] > 0


def test_soft_spans_pass_through_files_and_cut_documents(tmp_path):
    """As `spacy train` reads them: what was written is what is learned."""
    nlp, pipe = initialized()
    docs = [each.reference for each in soft_examples(nlp, 0.8)]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    whole = Doc.from_docs(docs[:2])
    assert len(whole.spans["soft"])  # from_docs drops their scores
    for max_length in (0, 5):
        corpus = make_span_corpus(tmp_path / "train.spacy", max_length=max_length)
        reader = pipe._make_readers()[1]
        targets = [reader.read_targets(each) for each in corpus(nlp)]
        assert sum(map(len, targets)) == sum(len(spans) for _, spans in SENTENCES)
        assert all(t == 0.8 for own in targets for t in own.values())
    with pytest.raises(ValueError, match="was: 6 spans without"):
        read_probabilities(whole.spans["soft"], "soft")


def test_settings_survive_saving(tmp_path):
    nlp, _ = initialized(soft_weight=0.3)
    nlp.to_disk(tmp_path)
    cfg = spacy.load(tmp_path).get_pipe("global_pointer").cfg
    assert (cfg["soft_spans_key"], cfg["soft_weight"], cfg["soft_rehearsal"]) == (
        "soft",
        0.3,
        False,
    )
    assert copy.deepcopy(nlp.get_pipe("global_pointer").cfg) == cfg


def test_a_teacher_helps_where_there_is_no_gold():
    """A student that saw no annotation finds what its teacher finds."""
    nlp, _ = initialized(lambda nlp: raw(nlp))
    sgd = Adam(0.005)
    for _ in range(80):
        nlp.update(raw(nlp), sgd=sgd)
    for text, spans in SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)


def raw(nlp):
    examples = soft_examples(nlp)
    for each in examples:
        del each.reference.spans["sc"]
    return examples


@pytest.mark.filterwarnings("ignore:.*joins the spans in")
def test_relations_have_labels_to_smooth_but_no_borders():
    name = "spacy_globalpointer.ZLPR.v1"
    with pytest.raises(ValueError, match=r"boundary_smoothing must be 0.0.*was: 0.1.*To fix"):
        make_relation_nlp(loss={"@losses": name, "boundary_smoothing": 0.1})
    nlp = make_relation_nlp(loss={"@losses": name, "label_smoothing": 0.1})
    nlp.initialize(lambda: make_relation_examples(nlp))
    losses = nlp.update(make_relation_examples(nlp))
    assert min(losses.values()) >= 0
