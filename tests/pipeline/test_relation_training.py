"""What relation_pointer learns from, what it says of the rest, and that no gradient is lost."""

import warnings

import numpy
import pytest
import spacy
import torch
from relation_samples import (
    RELATED,
    make_relation_example,
    make_relation_examples,
    make_relation_nlp,
    related,
    set_spans,
    train_relations,
)
from samples import OWN, encoder_settings
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import Adam, Optimizer

from spacy_globalpointer import Relation, get_relations, has_relations, set_relations
from spacy_globalpointer.nn import SpanFactors, zlpr_dense
from spacy_globalpointer.pipeline import pair_gold

pytestmark = pytest.mark.filterwarnings("ignore:.*no component before it writes them")
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}


def initialized(**settings):
    nlp = make_relation_nlp(**settings)
    nlp.initialize(lambda: make_relation_examples(nlp))
    return nlp, nlp.get_pipe("relation_pointer")


def spans_of(pipe, examples):
    """{(start, end, label)} that are joined in training."""
    return [set(spans) for (_, spans), _ in pipe._read(examples)]


def loss_of(pipe, examples):
    batch = [spans for spans, _ in pipe._read(examples)]
    rows, _ = pipe.model.begin_update(batch)
    return batch, rows, *pipe.get_loss(examples, rows)


def scores_of_pairs(pipe, spans, row):
    """{(label, head, child): score} of all pairs that can be; head and child by their places."""
    layout, most = pipe.model.attrs["layout"], pipe.cfg["max_distance"]
    mask, width = torch.ones(1, len(spans), dtype=torch.bool), layout.factor_width
    tables = [x.scores()[0] + row[:, width:] for x in layout.factors(row[None, :, :width], mask)]
    found = {}
    for c, i, j in numpy.ndindex(tables[0].shape):
        gap = max(spans[i].start - spans[j].end, spans[j].start - spans[i].end, 0)
        is_back = i > j
        has_way = not (is_back and pipe.labels[c] in pipe.cfg["symmetric"])
        if i != j and has_way and (most is None or gap <= most):
            found[c, i, j] = tables[is_back][c, i, j]
    return found


@pytest.mark.parametrize("per", ["document", "start"])
@pytest.mark.parametrize("max_distance", [None, 2])
def test_loss_and_gradient_of_span_pairs_equal_the_definition(per, max_distance):
    """Pair by pair, as the formula of ZLPR writes its sums, through torch's own derivative."""
    nlp, pipe = initialized(loss={"@losses": "spacy_globalpointer.ZLPR.v1", "per": per})
    pipe.cfg["max_distance"] = max_distance
    examples = make_relation_examples(nlp)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch, rows, value, d_rows = loss_of(pipe, examples)
        gold = [relations for _, relations in pipe._read(examples)]
    leaves = [torch.tensor(row, dtype=torch.float64).requires_grad_() for row in rows]
    sums, scale = {}, 2 if per == "start" else 1
    for place, ((_, spans), leaf) in enumerate(zip(batch, leaves, strict=True)):
        edges = {(pipe.labels.index(r), spans.index(h), spans.index(t)) for h, t, r in gold[place]}
        found = scores_of_pairs(pipe, spans, leaf)
        assert edges <= set(found)
        for (c, i, j), score in found.items():
            one = (min(i, j), i > j) if per == "start" else None
            own = sums.setdefault((place, c, one), [1.0, 1.0])
            is_gold = (c, i, j) in edges
            own[is_gold] = own[is_gold] + torch.exp(scale * (-score if is_gold else score))
    total = sum(torch.log(torch.as_tensor(x)) for own in sums.values() for x in own)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    assert value == pytest.approx(float(total.detach()), rel=1e-5)
    for found, wanted in zip(d_rows, gradients, strict=True):
        if wanted is not None:
            numpy.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("per", ["document", "start"])
def test_loss_and_gradient_of_gplinker_equal_the_definition(per):
    """ZLPR over all pairs of tokens, of the first tokens and of the last ones."""
    loss = {"@losses": "spacy_globalpointer.ZLPR.v1", "per": per}
    nlp, pipe = initialized(architecture="GPLinker", loss=loss, symmetric=[])
    examples = make_relation_examples(nlp)
    _, rows, value, d_rows = loss_of(pipe, examples)
    total, leaves = 0.0, []
    for row, example in zip(rows, examples, strict=True):
        leaves.append(torch.tensor(row, dtype=torch.float64).requires_grad_())
        mask = torch.ones(1, len(row), dtype=torch.bool)
        tables = pipe.model.attrs["layout"].factors(leaves[-1][None], mask)
        for table, border in zip(tables, (lambda s: s.start, lambda s: s.end - 1), strict=True):
            cells = {
                (0, pipe.labels.index(r.label), border(r.head), border(r.child))
                for r in get_relations(example.reference)
            }
            gold = torch.tensor(sorted(cells), dtype=torch.long).reshape(-1, 4)
            assert isinstance(table, SpanFactors)
            total = total + zlpr_dense(table, gold, per=per).sum()
    gradients = torch.autograd.grad(total, leaves)
    assert value == pytest.approx(float(total.detach()), rel=1e-5)
    for found, wanted in zip(d_rows, gradients, strict=True):
        numpy.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_gold_of_a_label_without_direction_is_the_same_both_ways():
    nlp, pipe = initialized()
    text, spans, _ = RELATED[2]
    ways = [
        make_relation_example(nlp, text, spans, [(*ends, "KNOWS")]) for ends in ((0, 1), (1, 0))
    ]
    *_, one, d_one = loss_of(pipe, ways[:1])
    *_, other, d_other = loss_of(pipe, ways[1:])
    assert one == other
    numpy.testing.assert_array_equal(d_one, d_other)
    both = [(0, 1, "KNOWS"), (1, 0, "KNOWS")]
    *_, twice, _ = loss_of(pipe, [make_relation_example(nlp, text, spans, both)])
    assert twice == one


@pytest.mark.parametrize("architecture", ["SpanPairs", "GPLinker"])
def test_every_batch_with_tokens_reaches_the_encoder(architecture):
    """No gold, no span, not annotated: the last listener triggers the encoder's backprop."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": OWN})
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}
    nlp.add_pipe("tagger", config={"model": model})
    model = {
        "@architectures": f"spacy_globalpointer.{architecture}.v1",
        "tok2vec": LISTENER,
        "head_size": 4,
        "hidden_size": 8,
    }
    nlp.add_pipe("relation_pointer", config={"model": model})
    nlp.config["initialize"]["components"]["relation_pointer"] = {"labels": ["A"]}

    def example(relations):
        reference = nlp.make_doc("a b")
        for token, tag in zip(reference, "XY", strict=True):
            token.tag_ = tag
        if relations is not None:
            reference.spans["sc"] = [reference[i : i + 1] for i in range(2)] if relations else []
            set_relations(reference, [])
        return Example(nlp.make_doc("a b"), reference)

    nlp.initialize(lambda: [example(True)])
    for relations in (None, False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nlp.update([example(relations)], sgd=Adam(0.001))  # a new tagger's weights are zero
            nlp.update([example(relations)], sgd=False)
        gradients = nlp.get_pipe("tok2vec").model.get_gradients().values()
        assert any(gradient.any() for _, gradient in gradients)
        nlp.get_pipe("tok2vec").model.finish_update(lambda key, w, d, **_: (w, 0 * d))


@pytest.mark.parametrize("kind", ["own", "tok2vec", "transformer"])
@pytest.mark.parametrize("architecture", ["SpanPairs", "GPLinker"])
def test_update_takes_every_mix_of_documents(kind, architecture, tiny_bert):
    nlp = make_relation_nlp(architecture, **encoder_settings(kind, tiny_bert))
    nlp.initialize(lambda: make_relation_examples(nlp))
    pipe = nlp.get_pipe("relation_pointer")
    empty = make_relation_example(nlp, "", [], [])
    blank = make_relation_example(nlp, "  ", [], [])
    one = make_relation_example(nlp, "Rome", [("Rome", "GPE")], [])
    missing = make_relation_example(nlp, "Rome closed.", [("Rome", "GPE")], None)
    losses = nlp.update([empty, blank, one, missing, *make_relation_examples(nlp)], sgd=Adam(0.01))
    assert losses["relation_pointer"] > 0
    docs = [x.predicted.copy() for x in [empty, blank, one, missing, *make_relation_examples(nlp)]]
    assert all(map(has_relations, nlp.pipe(docs)))
    assert pipe.update([]) == {"relation_pointer": 0.0}
    assert pipe.update([empty]) == {"relation_pointer": 0.0}


def test_missing_relations_are_not_annotated_and_no_relations_are_negative():
    nlp, pipe = initialized()
    text, spans, _ = RELATED[0]
    examples = [make_relation_example(nlp, text, spans, edges) for edges in (None, [])]
    _, _, _, (missing, empty) = loss_of(pipe, examples)
    assert not missing.any()
    assert empty.any()
    pipe.cfg["missing"] = "negative"
    _, _, _, (missing, empty) = loss_of(pipe, examples)
    numpy.testing.assert_allclose(missing, empty, rtol=1e-4, atol=1e-6)


def test_a_batch_without_relations_learns_nothing_and_says_so():
    nlp, pipe = initialized()
    example = make_relation_example(nlp, *RELATED[0][:2], None)
    with pytest.warns(
        UserWarning, match=r"learns nothing from a batch of 1 .*'relations'.*set_rel"
    ):
        _, _, loss, (d_rows,) = loss_of(pipe, [example])
    assert loss == 0.0
    assert not d_rows.any()


def test_a_group_that_lost_its_relations_is_not_annotated_and_says_so():
    nlp, pipe = initialized()
    example = make_relation_example(nlp, *RELATED[0])
    example.reference.spans["relations"] = list(example.reference.spans["relations"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'relation_pointer' learns nothing")
        with pytest.warns(UserWarning, match="attrs.*Doc.from_docs"):
            *_, loss, _ = loss_of(pipe, [example])
    assert loss == 0.0


def test_relations_that_point_nowhere_are_an_error():
    nlp, _ = initialized()
    example = make_relation_example(nlp, *RELATED[0])
    example.reference.spans["relations"].attrs["relations"] = [[0, 7, "IN"]]
    with pytest.raises(ValueError, match=r"\[0, 7, 'IN'\].*'The University of Ulm"):
        nlp.update([example])


CANDIDATES = {
    "gold": {(1, 4, "ORG"), (3, 4, "GPE"), (5, 7, "PERSON")},
    "predicted": {(3, 4, "GPE"), (0, 1, "ORG")},
    "both": {(1, 4, "ORG"), (3, 4, "GPE"), (5, 7, "PERSON"), (0, 1, "ORG")},
}


@pytest.mark.parametrize("candidates", CANDIDATES)
def test_spans_that_are_joined_in_training(candidates):
    nlp, pipe = initialized(candidates=candidates)
    found = [("Ulm", "GPE"), ("The", "ORG"), ("Ulm", "GPE")]
    example = make_relation_example(nlp, *RELATED[0], predicted=found)
    assert spans_of(pipe, [example]) == [CANDIDATES[candidates]]
    ((_, gold),) = pipe._read([example])
    assert len(gold) == (0 if candidates == "predicted" else 2)


def test_a_wrong_span_is_a_negative_example():
    nlp, pipe = initialized()
    wrong = [*RELATED[0][1], ("The", "ORG")]
    batch, _, _, (d_rows,) = loss_of(
        pipe, [make_relation_example(nlp, *RELATED[0], predicted=wrong)]
    )
    place = [span.label for span in batch[0].spans].index("ORG")
    assert batch[0].spans[place].start == 0
    terms = d_rows[place, 64:80]
    assert (terms[terms != 0] > 0).all()
    assert terms.any()


def test_arguments_of_relations_are_joined_even_if_they_are_in_no_group():
    nlp, pipe = initialized()
    example = make_relation_example(nlp, *RELATED[0])
    example.reference.spans["sc"] = []
    example.predicted.spans["sc"] = []
    assert spans_of(pipe, [example]) == [CANDIDATES["gold"]]


@pytest.mark.parametrize("candidates", ["both", "predicted"])
def test_without_predicted_spans_gold_ones_are_joined_and_a_warning_says_so(candidates):
    nlp, pipe = initialized(candidates=candidates)
    pipe._warned.clear()
    example = make_relation_example(nlp, *RELATED[0], predicted=False)
    with pytest.warns(UserWarning, match="learns from gold spans only.*annotating_components"):
        assert spans_of(pipe, [example]) == [CANDIDATES["gold"]]
    spans_of(pipe, [example])  # once is enough: a warning is an error here
    nlp, pipe = initialized(candidates="gold")
    assert spans_of(pipe, [example]) == [CANDIDATES["gold"]]


def test_unknown_label_is_named():
    nlp, _ = initialized()
    example = make_relation_example(nlp, *RELATED[0][:2], [(0, 1, "NEW")])
    before = nlp.to_bytes()
    with pytest.raises(ValueError, match=r"does not know the label 'NEW' of a gold rel.*add_label"):
        nlp.update([example])
    assert nlp.to_bytes() == before


def test_relations_that_cannot_be_learned_are_counted_once():
    nlp = make_relation_nlp(max_distance=2, symmetric=[])
    far = [("a", "X"), ("e", "X"), ("d", "X")]
    edges = [(0, 1, "R"), (0, 2, "R"), (2, 2, "S")]
    examples = [make_relation_example(nlp, "a b c d e", far, edges)]
    doc = spacy.tokens.Doc(nlp.vocab, ["one-", "two"])
    for ends in ((0, 1), (1, 0)):
        reference = spacy.tokens.Doc(nlp.vocab, ["one", "-", "two"], [False, True, False])
        gold = set_spans(reference, [("one", "Q"), ("two", "Q")])
        set_relations(reference, [Relation(gold[ends[0]], gold[ends[1]], "R")])
        examples.append(Example(doc.copy(), reference))
    message = (
        r"cannot learn 4 of 5 gold relations, and will miss them: "
        r"1 join spans that are further apart than max_distance, such as in 'a b c d e'; "
        r"1 lead from a span to itself \(allow_self = false\), such as in 'a b c d e'; "
        r"2 have an argument that does not begin and end where predicted tokens do, such as in "
        r"'one- two '"
    )
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: examples)
    assert nlp.get_pipe("relation_pointer").labels == ("R", "S")
    for example in examples:
        example.predicted.spans["sc"] = []
    nlp.update(examples)  # no second warning: they are errors here


def test_relations_to_itself_can_be_learned():
    nlp = make_relation_nlp(allow_self=True, symmetric=[])
    spans = [("Anna", "PERSON"), ("Bob", "PERSON")]
    edges = [(0, 0, "TRUSTS"), (0, 1, "TRUSTS")]
    example = make_relation_example(nlp, "Anna trusts herself, and Bob.", spans, edges)
    train_relations(nlp, [example])
    doc = nlp(example.predicted.copy())
    assert related(doc) == {("Anna", "Anna", "TRUSTS"), ("Anna", "Bob", "TRUSTS")}


def test_a_component_that_finds_spans_everywhere_does_no_harm(monkeypatch):
    """The best ones are joined; gold ones always, in training."""
    nlp, pipe = initialized()
    example = make_relation_example(nlp, *RELATED[0])
    doc = example.predicted
    every = [Span(doc, i, j, "ORG") for i in range(len(doc)) for j in range(i + 1, len(doc) + 1)]
    scores = numpy.linspace(0, 1, len(every), dtype="float32")
    doc.spans["sc"] = spacy.tokens.SpanGroup(doc, attrs={"scores": scores}, spans=every)
    most = len(doc) + pair_gold.SPANS_BESIDE
    best = {(span.start, span.end, "ORG") for span in every[-most:]}
    assert spans_of(pipe, [example]) == [best | CANDIDATES["gold"]]
    pipe._n_updates = 10_000
    with pytest.warns(UserWarning, match=rf"left out {len(every) - most} spans .* 'The University"):
        ((found, _),) = pipe.predict([doc])
    assert set(found.spans) == best
    monkeypatch.setattr(pair_gold, "MOST_SPANS", 3)
    ((found, _),) = pipe.predict([doc])
    assert len(found.spans) == 3


def joint(annotating=("tok2vec", "global_pointer"), **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": OWN})
    listener = {**LISTENER, "upstream": "tok2vec"}
    for name, architecture in (
        ("global_pointer", "EfficientGlobalPointer"),
        ("relation_pointer", "SpanPairs"),
    ):
        model = {
            "@architectures": f"spacy_globalpointer.{architecture}.v1",
            "tok2vec": listener,
            "head_size": 16,
            "hidden_size": 24,
        }
        own = {"symmetric": ["KNOWS"], **settings} if name == "relation_pointer" else {}
        nlp.add_pipe(name, config={"model": model, **own})
    nlp.config["training"]["annotating_components"] = list(annotating)
    return nlp


def test_spans_and_relations_are_learned_together(tmp_path):
    nlp = joint()
    examples = make_relation_examples(nlp, predicted=False)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    for _ in range(100):
        fresh = make_relation_examples(nlp, predicted=False)
        nlp.update(fresh, sgd=optimizer, annotates=["tok2vec", "global_pointer"])
    scores = nlp.evaluate(make_relation_examples(nlp, predicted=False))
    assert scores["spans_sc_f"] == scores["relations_f"] == 1.0
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, *_ in RELATED:
        assert related(loaded(text)) == related(nlp(text))


def test_an_annotating_component_needs_its_encoder():
    """Otherwise it annotates nothing: spaCy's listeners read zeros."""
    nlp = joint(annotating=["global_pointer"])
    message = (
        r"'tok2vec', which 'global_pointer' listens to, is not.*"
        r'\[training\]\nannotating_components = \["tok2vec", "global_pointer"\]'
    )
    with pytest.raises(ValueError, match=message.replace(".*", "[^$]*")):
        nlp.initialize(lambda: make_relation_examples(nlp))
    nlp = joint(annotating=["global_pointer"], candidates="gold")
    nlp.initialize(lambda: make_relation_examples(nlp))


def test_a_component_that_does_not_annotate_is_reported_once():
    nlp = joint(annotating=[])
    examples = make_relation_examples(nlp, predicted=False)
    lines = r'annotating_components = \["tok2vec", "global_pointer"\]'
    with pytest.warns(UserWarning, match=rf"learns from gold spans only[^$]*{lines}") as seen:
        nlp.initialize(lambda: examples)
    assert len(seen) == 1
    nlp.update(examples)


@pytest.mark.filterwarnings("error:.*no component before it writes them")
def test_spans_that_no_component_writes_are_reported():
    nlp = make_relation_nlp()
    with pytest.warns(UserWarning, match=r"doc.spans\['sc'\], but no component before it writes"):
        nlp.initialize(lambda: make_relation_examples(nlp))
    nlp = make_relation_nlp(spans=None, candidates="gold")
    nlp.add_pipe("entity_ruler", first=True)
    nlp.initialize(lambda: make_relation_examples(nlp))
    nlp = make_relation_nlp(spans="ruler", candidates="gold")
    nlp.add_pipe("span_ruler", first=True)
    nlp.initialize(lambda: make_relation_examples(nlp))


def test_score_weights_that_do_not_name_the_key_are_reported():
    nlp = make_relation_nlp(relations_key="x")
    with pytest.warns(UserWarning, match=r"x_f = 1.0\nx_p = 0.0\nx_r = 0.0\nx_per_type = null"):
        nlp.initialize(lambda: make_examples_of(nlp, "x"))


def make_examples_of(nlp, key):
    examples = make_relation_examples(nlp)
    for example in examples:
        set_relations(example.reference, get_relations(example.reference), key)
    return examples


def test_training_again_with_fewer_labels_of_spans_forgets_the_others():
    nlp, pipe = initialized()
    assert pipe.span_labels == ("GPE", "ORG", "PERSON")
    people = [("Anna", "PERSON"), ("Bob", "PERSON")]
    example = make_relation_example(nlp, "Anna met Bob.", people, [(0, 1, "KNOWS")])
    train_relations(nlp, [example])
    assert pipe.span_labels == ("PERSON",)
    assert related(nlp(example.predicted.copy())) == {("Anna", "Bob", "KNOWS")}


def test_head_and_encoder_learn_at_their_own_rates():
    nlp, pipe = initialized(lr_scale=10.0)
    rates = {}

    class Spy(Optimizer):
        def __call__(self, key, weights, gradient, *, lr_scale=1.0):
            rates[key[0]] = lr_scale
            return super().__call__(key, weights, gradient, lr_scale=lr_scale)

    nlp.update(make_relation_examples(nlp), sgd=Spy(learn_rate=0.001))
    encoder = {node.id for node in pipe.model.get_ref("tok2vec").walk()}
    assert {rate for node, rate in rates.items() if node in encoder} == {1.0}
    assert {rate for node, rate in rates.items() if node not in encoder} == {10.0}


def test_output_that_is_not_finite_names_the_document():
    nlp, pipe = initialized()
    examples = make_relation_examples(nlp)
    batch = [spans for spans, _ in pipe._read(examples)]
    rows, _ = pipe.model.begin_update(batch)
    rows[1][0, 0] = numpy.nan
    with pytest.raises(ValueError, match="for document 1 of 5 it is not: 'Rome Bank fired"):
        pipe.get_loss(examples, rows)


def test_gold_spans_are_never_too_many():
    nlp, pipe = initialized()
    example = make_relation_example(nlp, "Rome closed.", [("Rome", "GPE")], [])
    labels = [f"L{i}" for i in range(40)]
    example.reference.spans["sc"] = [Span(example.reference, 0, 1, label) for label in labels]
    (joined,) = spans_of(pipe, [example])
    assert {label for _, _, label in joined} == {"GPE", *labels}


def test_a_loss_that_is_not_finite_is_an_error():
    nlp, pipe = initialized()
    pipe.loss = lambda factors, gold: factors.start_bias.sum(1) * torch.inf
    with pytest.raises(ValueError, match="the loss must be finite, was: "):
        nlp.update(make_relation_examples(nlp))


def test_sentences_that_were_not_there_in_training_change_nothing():
    text, spans = "Anna left. Bob met Eve.", [("Anna", "P"), ("Bob", "P"), ("Eve", "P")]
    edges = [(0, 1, "KNOWS"), (1, 0, "LEADS")]
    scores = {}
    for has_sentences in (False, True):
        nlp = make_relation_nlp(threshold=0.0, type_pairs="any")
        example = make_relation_example(nlp, text, spans, edges)
        if has_sentences:
            example.predicted[3].is_sent_start = True
        train_relations(nlp, [example], steps=20)
        for sentences in (False, True):
            doc = nlp.make_doc(text)
            set_spans(doc, spans)
            if sentences:
                doc[3].is_sent_start = True
            ((_, found),) = nlp.get_pipe("relation_pointer").predict([doc])
            scores[has_sentences, sentences] = found.score
    numpy.testing.assert_array_equal(scores[False, False], scores[False, True])
    assert (scores[True, False] != scores[True, True]).any()
