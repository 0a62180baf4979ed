"""Predictions, labels, settings and serialisation of relation_pointer."""

import pickle
import warnings

import numpy
import pytest
import spacy
import torch
from relation_samples import (
    RELATED,
    RELATION_LABELS,
    gold_of,
    make_relation_example,
    make_relation_examples,
    make_relation_nlp,
    related,
    set_spans,
    train_relations,
)
from samples import OWN, new_config
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin

from spacy_globalpointer import get_relations, has_relations
from spacy_globalpointer.pipeline import prediction
from spacy_globalpointer.pipeline.settings import label_cuts

pytestmark = pytest.mark.filterwarnings("ignore:.*no component before it writes them")
ARCHITECTURES = ["SpanPairs", "GPLinker"]


@pytest.fixture(scope="module")
def trained():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nlp = make_relation_nlp()
        train_relations(nlp, make_relation_examples(nlp))
    return nlp


def given(nlp, texts=None, key="sc"):
    """Documents with their spans, not yet their relations."""
    docs = []
    for text, spans, _ in RELATED:
        docs.append(nlp.make_doc(text))
        set_spans(docs[-1], spans, key)
    return docs


def predict(nlp, docs=None, **settings):
    return list(nlp.pipe(given(nlp) if docs is None else docs, **settings))


def scored(docs):
    return [[(*(x[:3]), round(x[3], 5)) for x in _named(doc)] for doc in docs]


def _named(doc):
    return [(r.head.text, r.child.text, r.label, r.score) for r in get_relations(doc)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("key", ["sc", "other", None])
def test_overfit_save_load_score(architecture, key, tmp_path):
    nlp = make_relation_nlp(architecture, spans=key)
    # doc.ents holds no overlapping spans
    samples = [2, 4] if key is None else range(len(RELATED))
    examples = [make_relation_example(nlp, *RELATED[i], key=key) for i in samples]
    train_relations(nlp, examples, steps=80)
    docs = [example.predicted.copy() for example in examples]
    for i, doc in zip(samples, nlp.pipe(docs), strict=True):
        _, spans, relations = RELATED[i]
        wanted = gold_of(spans, relations)
        wanted |= {("Anna", "Bob", "KNOWS")} if ("Bob", "Anna", "KNOWS") in wanted else set()
        assert related(doc) == wanted - {("Bob", "Anna", "KNOWS")}
        assert all(0.5 <= relation.score <= 1 for relation in get_relations(doc))
        assert has_relations(doc)
    scores = nlp.evaluate(examples)
    assert scores["relations_f"] == 1.0

    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    again = [example.predicted.copy() for example in examples]
    assert scored(loaded.pipe(again)) == scored(docs)
    other = spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())
    assert other.get_pipe("relation_pointer").labels == nlp.get_pipe("relation_pointer").labels
    again = [example.predicted.copy() for example in examples]
    assert scored(other.pipe(again)) == scored(docs)


def test_relations_survive_copies_and_workers(trained):
    docs = predict(trained)
    wanted = scored(docs)
    assert any(wanted)
    assert scored(doc.copy() for doc in docs) == wanted
    assert scored(pickle.loads(pickle.dumps(docs))) == wanted
    stored = DocBin(docs=docs).to_bytes()
    assert scored(DocBin().from_bytes(stored).get_docs(trained.vocab)) == wanted
    assert scored(predict(trained, n_process=2, batch_size=2)) == wanted


def test_any_document_is_predicted(trained):
    docs = [trained.make_doc(text) for text in ("", "  ", "Rome", "Rome. " * 100, "a b")]
    for doc in docs:
        doc.spans["sc"] = []
    set_spans(docs[2], [("Rome", "GPE")])
    docs[3].spans["sc"] = [docs[3][i : i + 1] for i in range(len(docs[3]))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(trained.pipe(docs))
    assert all(has_relations(doc) for doc in found)
    assert [len(get_relations(doc)) for doc in found[:3]] == [0, 0, 0]
    assert trained.get_pipe("relation_pointer").predict([]) == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("allow_self", [False, True])
def test_scores_are_those_of_the_formula(architecture, allow_self):
    """All pairs at threshold 0, one by one from the weights' rows."""
    nlp = make_relation_nlp(
        architecture, threshold=0.0, max_relations=999, type_pairs="any", allow_self=allow_self
    )
    pipe = nlp.get_pipe("relation_pointer")
    examples = make_relation_examples(nlp)
    nlp.initialize(lambda: examples)
    doc = predict(nlp)[1]
    ((doc_spans, found),) = pipe.predict([doc])
    rows = torch.tensor(pipe.model.predict([doc_spans])[0], dtype=torch.float64)
    layout, spans = pipe.model.attrs["layout"], doc_spans.spans
    n, width = len(spans), layout.factor_width
    if architecture == "SpanPairs":
        both = layout.factors(rows[None, :, :width], torch.ones(1, n, dtype=torch.bool))
        tables = [table.scores()[0] + rows[:, width:] for table in both]
    else:
        mask = torch.ones(1, len(doc), dtype=torch.bool)
        tables = [table.scores()[0] for table in layout.factors(rows[None], mask)]
    wanted = {}
    for c, label in enumerate(pipe.labels):
        for i in range(n):
            for j in range(n):
                if (i > j and label == "KNOWS") or (i == j and not allow_self):
                    continue
                if architecture == "SpanPairs":
                    score = tables[i > j][c, i, j]
                else:
                    head, child = spans[i], spans[j]
                    first = tables[0][c, head.start, child.start]
                    score = min(first, tables[1][c, head.end - 1, child.end - 1])
                wanted[c, i, j] = float(torch.sigmoid(2 * score))
    assert set(zip(found.label, found.head, found.child, strict=True)) == set(wanted)
    for c, i, j, score in zip(*found, strict=True):
        assert score == pytest.approx(wanted[c, i, j], abs=1e-5)


def test_gplinker_at_one_half_is_the_published_decoding():
    """A relation where both tables are above 0, whatever the threshold of others."""
    nlp = make_relation_nlp("GPLinker", type_pairs="any", symmetric=[])
    train_relations(nlp, make_relation_examples(nlp), steps=8)
    pipe = nlp.get_pipe("relation_pointer")
    n_found = 0
    for doc in predict(nlp):
        ((doc_spans, found),) = pipe.predict([doc])
        rows = torch.tensor(pipe.model.predict([doc_spans])[0])[None]
        mask = torch.ones(rows.shape[:2], dtype=torch.bool)
        heads, tails = (x.scores()[0] > 0 for x in pipe.model.attrs["layout"].factors(rows, mask))
        wanted = {
            (c, i, j)
            for i, head in enumerate(doc_spans.spans)
            for j, child in enumerate(doc_spans.spans)
            for c in range(len(pipe.labels))
            if i != j
            and heads[c, head.start, child.start]
            and tails[c, head.end - 1, child.end - 1]
        }
        assert set(zip(found.label, found.head, found.child, strict=True)) == wanted
        n_found += len(wanted)
    assert n_found


def test_thresholds_are_read_when_called(trained):
    pipe = trained.get_pipe("relation_pointer")
    before = pipe.cfg

    def found(**changes):
        pipe.cfg = {**before, **changes}
        try:
            return predict(trained)
        finally:
            pipe.cfg = before

    assert not any(map(get_relations, found(threshold=1.0)))
    labels = {r.label for doc in found(label_thresholds=[["IN", 1.0]]) for r in get_relations(doc)}
    assert labels == {"FOUNDED", "KNOWS", "WORKS_FOR"}
    every = found(threshold=0.0, type_pairs="any")
    # 6 ordered pairs of 3 spans, 3 labels with a direction and one without
    assert [len(get_relations(doc)) for doc in every] == [21, 21, 21, 7, 0]
    best = found(threshold=0.0, max_relations=21)
    assert len(get_relations(best[0])) < 21
    pipe._warned.clear()
    with pytest.warns(UserWarning, match="kept only the best 2 relations of the document 'The Un"):
        two = found(threshold=0.0, max_relations=2)
    pipe._warned.clear()
    for doc, full in zip(two, every, strict=True):
        scores = sorted((r.score for r in get_relations(full)), reverse=True)
        assert sorted((r.score for r in get_relations(doc)), reverse=True) <= scores[:2]
    near = found(threshold=0.0, max_distance=1, type_pairs="any")
    assert all(
        r.head.start - r.child.end <= 1 and r.child.start - r.head.end <= 1
        for doc in near
        for r in get_relations(doc)
    )


def test_only_pairs_of_span_labels_seen_in_training(trained):
    pipe = trained.get_pipe("relation_pointer")
    seen = {("ORG", "IN", "GPE"), ("PERSON", "WORKS_FOR", "ORG"), ("PERSON", "FOUNDED", "ORG")}
    seen |= {("ORG", "FOUNDED", "PERSON"), ("PERSON", "KNOWS", "PERSON")}
    assert set(map(tuple, pipe.model.attrs["type_pairs"])) == seen
    before = pipe.cfg
    pipe.cfg = {**before, "threshold": 0.0}
    docs = predict(trained)
    pipe.cfg = before
    found = {(r.head.label_, r.label, r.child.label_) for d in docs for r in get_relations(d)}
    assert found == seen


def test_a_relation_without_direction_leads_from_the_first_span(trained):
    doc = predict(trained)[2]
    assert related(doc) == {("Anna", "Bob", "KNOWS")}


def test_spans_that_nobody_looked_for_are_a_warning(trained):
    pipe = trained.get_pipe("relation_pointer")
    pipe._warned.clear()
    with pytest.warns(UserWarning, match=r"doc.spans\['sc'\], but the document 'Rome closed.' has"):
        doc = trained("Rome closed.")
    assert has_relations(doc)
    trained("Ulm closed.")  # once is enough
    before, pipe.cfg = pipe.cfg, {**pipe.cfg, "spans": None}
    pipe._warned.clear()
    with pytest.warns(UserWarning, match=r"the spans in doc.ents, but the document 'Rome closed.'"):
        trained("Rome closed.")
    pipe.cfg = before


def test_span_labels_that_were_not_seen_are_a_warning(trained):
    doc = trained.make_doc("Anna met Bob in Ulm.")
    set_spans(doc, [("Anna", "NEW"), ("Bob", "NEW")])
    trained.get_pipe("relation_pointer")._warned.clear()
    with pytest.warns(UserWarning, match=r"labels that no gold span had in training \('NEW'\)"):
        doc = trained(doc)
    assert not get_relations(doc)


def test_a_component_from_another_pipeline_keeps_its_relations(trained):
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_pointer", source=trained, name="copied")
    assert scored(predict(nlp)) == scored(predict(trained))


def test_listeners_can_be_replaced():
    upstream = ("tok2vec", {"model": OWN})
    encoder = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "tok2vec"}
    nlp = make_relation_nlp(upstream=upstream, encoder=encoder)
    train_relations(nlp, make_relation_examples(nlp))
    before = scored(predict(nlp))
    assert any(before)
    nlp.replace_listeners("tok2vec", "relation_pointer", ["model.tok2vec"])
    assert scored(predict(nlp)) == before
    nlp.remove_pipe("tok2vec")
    assert scored(predict(nlp)) == before


def test_an_encoder_that_did_not_run_is_an_error():
    upstream = ("tok2vec", {"model": OWN})
    encoder = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "tok2vec"}
    nlp = make_relation_nlp(upstream=upstream, encoder=encoder)
    train_relations(nlp, make_relation_examples(nlp), steps=1)
    with nlp.select_pipes(disable=["tok2vec"]), pytest.raises(ValueError, match="encoder must run"):
        predict(nlp)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("reload", [True, False])
def test_label_added_later_can_be_learned(architecture, reload, tmp_path):
    nlp = make_relation_nlp(architecture)
    train_relations(nlp, make_relation_examples(nlp))
    before = scored(predict(nlp))
    if reload:
        nlp.to_disk(tmp_path)
        nlp = spacy.load(tmp_path)
    pipe = nlp.get_pipe("relation_pointer")
    assert (pipe.add_label("IN"), pipe.add_label("OWNS")) == (0, 1)
    assert pipe.labels == (*RELATION_LABELS, "OWNS")
    assert scored(predict(nlp)) == before  # type_pairs: OWNS was not seen
    spans = [("Bob", "PERSON"), ("car", "THING")]
    new = make_relation_example(nlp, "Bob has a car.", spans, [(0, 1, "OWNS")])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update([*make_relation_examples(nlp), new], sgd=optimizer)
    assert "THING" in pipe.span_labels
    assert related(nlp(new.predicted.copy())) == {("Bob", "car", "OWNS")}
    assert scored(predict(nlp.from_bytes(nlp.to_bytes())))


def test_labels_from_data_and_without_data():
    nlp = make_relation_nlp()
    nlp.initialize(lambda: make_relation_examples(nlp))
    pipe = nlp.get_pipe("relation_pointer")
    assert pipe.labels == tuple(RELATION_LABELS)
    assert pipe.span_labels == ("GPE", "ORG", "PERSON")
    assert nlp.meta["labels"]["relation_pointer"] == RELATION_LABELS
    nlp = make_relation_nlp(symmetric=[])
    nlp.config["initialize"]["components"]["relation_pointer"] = {"labels": ["B", "A"]}
    nlp.initialize()
    assert nlp.get_pipe("relation_pointer").labels == ("B", "A")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(predict(nlp)) == len(RELATED)
    with pytest.raises(ValueError, match=r"needs gold relations or labels.*set_relations"):
        make_relation_nlp().initialize()


def test_settings_of_the_config_win_over_those_of_training(trained, tmp_path):
    trained.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components.relation_pointer.threshold": 1.0})
    assert loaded.get_pipe("relation_pointer").cfg["threshold"] == 1.0
    assert not any(map(get_relations, predict(loaded)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 1.5}, r"threshold must be a probability in \[0, 1\], was: 1.5"),
        ({"label_thresholds": [["A"]]}, r"must be a list of \[label, threshold\]"),
        ({"max_distance": 0}, "max_distance must be a whole number of at least 1, or null, was: 0"),
        ({"max_relations": -1}, "max_relations must be a whole number of at least 1"),
        ({"candidates": "all"}, r"candidates must be one of .*'predicted'\), was: 'all'"),
        ({"type_pairs": "none"}, "type_pairs must be one of .* was: 'none'"),
        ({"missing": "x"}, "missing must be one of .* was: 'x'"),
        ({"lr_scale": 0}, "lr_scale must be above 0 and finite, was: 0"),
        ({"relations_key": "sc"}, "relations_key must differ from spans.*both are: 'sc'"),
    ],
)
def test_settings_that_cannot_be_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        make_relation_nlp(**settings)


@pytest.mark.parametrize("threshold", ["0.5", None, float("nan")])
def test_a_threshold_that_is_no_number_is_an_error(threshold):
    """Whoever sets it in Python has no config that checks it."""
    nlp = make_relation_nlp()
    pipe = nlp.get_pipe("relation_pointer")
    with pytest.raises(ValueError, match=r"threshold must be a probability in \[0, 1\], was: "):
        label_cuts(pipe.name, pipe.labels, {**pipe.cfg, "threshold": threshold})
    label_cuts(pipe.name, pipe.labels, {**pipe.cfg, "threshold": numpy.float32(0.5)})


@pytest.mark.parametrize("other", ["relation_pointer", "global_pointer"])
def test_two_components_with_one_key_are_reported(other):
    nlp = make_relation_nlp()
    own = {"spans_key": "relations"} if other == "global_pointer" else {}
    nlp.add_pipe(other, name="other", config=own)
    pipe = nlp.get_pipe("relation_pointer")
    with pytest.warns(
        UserWarning, match=r"'relation_pointer' and 'other' all write doc.spans\['rel"
    ):
        pipe.initialize(lambda: make_relation_examples(nlp), nlp=nlp)


@new_config
@pytest.mark.parametrize(
    ("label", "text"),
    [("US$", "US$"), ("US$", r"US\u0024"), ("$$a", "$$$$a"), ("a${b}", r"a\u0024{b}")],
)
def test_symmetric_labels_may_have_dollars(label, text, tmp_path):
    """spaCy's config doubles dollars when it is written and read, and takes "${" for a variable."""
    nlp = make_relation_nlp(symmetric=[text])
    example = make_relation_example(nlp, *RELATED[2][:2], [(1, 0, label)])
    train_relations(nlp, [example], steps=30)
    for _ in range(3):
        assert related(predict(nlp, [example.predicted.copy()])[0]) == {("Anna", "Bob", label)}
        assert nlp.evaluate([example])["relations_f"] == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            nlp.to_disk(tmp_path)
        nlp = spacy.load(tmp_path)


def test_pairs_of_types_that_a_symmetric_label_joins_count_both_ways_however_it_is_spelt():
    nlp = make_relation_nlp(symmetric=[r"in\u0024"])
    nlp.initialize(lambda: [make_relation_example(nlp, *RELATED[2][:2], [(0, 2, "in$")])])
    pairs = [["GPE", "in$", "PERSON"], ["PERSON", "in$", "GPE"]]
    assert nlp.get_pipe("relation_pointer").model.attrs["type_pairs"] == pairs


def test_a_variable_in_a_symmetric_label_is_an_error_that_names_the_spelling():
    with pytest.raises(
        ValueError, match=r"symmetric must not contain '\$\{', .*: write each '\$' as"
    ):
        make_relation_nlp(symmetric=["a${b}"])


def test_symmetric_labels_must_be_labels():
    nlp = make_relation_nlp(symmetric=["KNOWS", "MEETS"])
    with pytest.raises(
        ValueError, match="symmetric must name labels of the component, was: 'MEETS'"
    ):
        nlp.initialize(lambda: make_relation_examples(nlp))


def test_a_model_of_another_component_is_an_error():
    model = {
        "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
        "tok2vec": OWN,
        "head_size": 4,
    }
    with pytest.raises(ValueError, match=r"To fix: keep the tok2vec.*SpanPairs.v1"):
        spacy.blank("en").add_pipe("relation_pointer", config={"model": model})
    model["@architectures"] = "spacy_globalpointer.SpanPairs.v1"
    with pytest.raises(ValueError, match=r"To fix: keep the tok2vec.*EfficientGlobalPointer.v1"):
        spacy.blank("en").add_pipe("global_pointer", config={"model": model})


def test_a_large_batch_is_predicted_in_chunks(trained, monkeypatch):
    whole = scored(predict(trained))
    monkeypatch.setattr(prediction, "PREDICTED_FLOATS", 1)
    assert scored(predict(trained)) == whole


def test_an_untrained_model_predicts_hardly_anything():
    nlp = make_relation_nlp(type_pairs="any", encoder={**OWN, "width": 96})
    nlp.initialize(lambda: make_relation_examples(nlp))
    doc = nlp.make_doc("a b c d e f g h i j k l m n o p")
    doc.spans["sc"] = [doc[i : i + 1] for i in range(16)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_relations(nlp(doc))
    assert len(found) < 0.05 * 16 * 15 * 3.5


def test_vocab_of_relations_and_their_scores_are_plain(trained):
    doc = predict(trained)[0]
    attrs = doc.spans["relations"].attrs
    assert all(type(i) is int for edge in attrs["relations"] for i in edge[:2])
    assert attrs["scores"].dtype == numpy.float32
    assert isinstance(Doc(trained.vocab).from_bytes(doc.to_bytes()), Doc)


def test_relations_of_entities_that_rules_find_and_find_threshold(tmp_path):
    """A source that learns nothing, doc.ents, and spaCy's own search for a threshold from 0 up."""
    nlp = make_relation_nlp(spans=None, candidates="gold", symmetric=[])
    names = [("Anna", "PERSON"), ("Bob", "PERSON"), ("Ulm", "GPE")]
    rules = nlp.add_pipe("entity_ruler", first=True)
    samples = [
        ("Anna met Bob in Ulm.", names, [(0, 1, "MET"), (0, 2, "AT")]),
        ("Bob left Ulm.", names[1:], []),
    ]
    examples = [make_relation_example(nlp, *sample, key=None) for sample in samples]
    train_relations(nlp, examples)
    rules.add_patterns([{"label": label, "pattern": name} for name, label in names])
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=[x.reference for x in examples], store_user_data=True).to_disk(tmp_path / "d.spacy")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
        best, _, scores = find_threshold(
            tmp_path / "model",
            tmp_path / "d.spacy",
            pipe_name="relation_pointer",
            threshold_key="threshold",
            scores_key="relations_f",
            n_trials=5,
            silent=True,
        )
    assert scores[0.5] == scores[best] == 1.0
    assert scores[0.0] < 1.0
    doc = nlp("Anna met Bob in Ulm.")
    assert related(doc) == {("Anna", "Bob", "MET"), ("Anna", "Ulm", "AT")}
