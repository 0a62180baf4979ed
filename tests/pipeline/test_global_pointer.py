"""Predictions, labels, settings and serialisation of the component."""

import inspect
import pickle
import subprocess
import sys
import warnings

import numpy
import pytest
import spacy
import torch
from samples import (
    KINDS,
    LABELS,
    OWN,
    SENTENCES,
    encoder_settings,
    found,
    make_example,
    make_examples,
    make_nlp,
    new_config,
    train,
)
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import Config

from spacy_globalpointer.messages import fit_screen
from spacy_globalpointer.models import build_efficient_global_pointer, build_global_pointer
from spacy_globalpointer.pipeline import prediction

# spacy-curated-transformers 0.3 turns an array of one number into a float: numpy<2.4 warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim > 0:DeprecationWarning"
)


@pytest.fixture(scope="module")
def trained():
    nlp = make_nlp()
    train(nlp, make_examples(nlp))
    return nlp


def _spans(nlp, texts=None):
    docs = list(nlp.pipe(texts or [text for text, _ in SENTENCES]))
    return [(found(doc), doc.spans["sc"].attrs["scores"].tolist()) for doc in docs]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
def test_overfit_save_load_score(kind, head, tiny_bert, tmp_path):
    nlp = make_nlp(head, **encoder_settings(kind, tiny_bert))
    examples = make_examples(nlp)
    losses = train(nlp, examples, steps=150, learn_rate=0.003)
    assert losses["global_pointer"] < 0.3
    for text, spans in SENTENCES:
        doc = nlp(text)
        assert sorted(found(doc)) == sorted(spans)
        scores = doc.spans["sc"].attrs["scores"]
        assert scores.dtype == numpy.float32
        assert len(scores) == len(spans)
        assert (scores > 0.5).all()
    scores = nlp.evaluate(examples)
    assert scores["spans_sc_f"] == scores["spans_sc_macro_f"] == scores["spans_sc_nested_r"] == 1.0

    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("global_pointer").labels == tuple(LABELS)
    assert _spans(loaded) == _spans(nlp)
    other = spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())
    assert _spans(other) == _spans(nlp)
    if kind != "own":
        nlp.replace_listeners(nlp.pipe_names[0], "global_pointer", ["model.tok2vec"])
        assert _spans(nlp) == _spans(loaded)


def test_spans_are_sorted_and_survive_copies(trained):
    doc = trained("The Bank of the City of Rome closed.")
    group = doc.spans["sc"]
    keys = [(span.start, -span.end) for span in group]
    assert keys == sorted(keys)
    assert group.name == "sc"
    copy = doc.copy()
    stored = next(iter(DocBin(docs=[doc]).get_docs(trained.vocab)))
    for other in (copy, stored, Doc(trained.vocab).from_bytes(doc.to_bytes())):
        assert found(other) == found(doc)
        numpy.testing.assert_array_equal(other.spans["sc"].attrs["scores"], group.attrs["scores"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trained_first", [True, False])
def test_any_document_is_predicted(kind, trained_first, tiny_bert):
    """Empty, whitespace only, one token, longer than the encoder's window: alone and together."""
    nlp = make_nlp(**encoder_settings(kind, tiny_bert))
    examples = make_examples(nlp)
    train(nlp, examples, steps=3 if trained_first else 0)
    texts = ["", "  \n ", "Rome", "a  b", "Rome closed. " * 150, ""]
    together = list(nlp.pipe(texts))
    for text, doc in zip(texts, together, strict=True):
        spans = doc.spans["sc"]
        assert len(spans) == len(spans.attrs["scores"])
        assert all(not (span[0].is_space or span[-1].is_space) for span in spans)
        assert found(nlp(text)) == found(doc)
    assert list(nlp.pipe([])) == []
    assert [len(doc.spans["sc"]) for doc in nlp.pipe(["", ""])] == [0, 0]
    assert nlp.get_pipe("global_pointer").predict([]) == []


def test_no_span_starts_or_ends_on_whitespace(trained):
    pipe = trained.get_pipe("global_pointer")
    before = pipe.cfg
    pipe.cfg = {**before, "threshold": 0.0}
    doc = trained(" The \n night  ")
    pipe.cfg = before
    assert len(doc.spans["sc"]) == 3 * 3
    assert {span.text for span in doc.spans["sc"]} == {"The", "night", "The \n night"}


def test_thresholds_are_read_when_called(trained):
    pipe = trained.get_pipe("global_pointer")
    before, text, docs = pipe.cfg, SENTENCES[1][0], []

    def spans(**changes):
        pipe.cfg = {**before, **changes}
        docs.append(trained(text))  # a group does not keep its document alive
        pipe.cfg = before
        return docs[-1].spans["sc"]

    assert spans(threshold=1.0).attrs["scores"].size == 0
    n_tokens = len(trained(text))
    every = n_tokens * (n_tokens + 1) // 2 * len(LABELS)
    with pytest.warns(UserWarning, match=r"kept only the best 90 spans of the document 'The Bank"):
        assert len(spans(threshold=0.0)) == 10 * n_tokens
    pipe._warned.clear()
    assert len(spans(threshold=0.0, max_spans=every + 1)) == every
    without_orgs = spans(label_thresholds=[["ORG", 1.0]])
    assert [span.label_ for span in without_orgs] == ["GPE"]
    low = spans(threshold=0.001, max_spans=50)
    assert (low.attrs["scores"] >= 0.001).all()
    with pytest.warns(UserWarning, match="max_spans"):
        best = spans(threshold=0.001, max_spans=2)
    pipe._warned.clear()
    assert sorted(best.attrs["scores"]) == sorted(low.attrs["scores"])[-2:]
    assert spans(max_spans=3).attrs["scores"].size == 3  # as many as there are: no warning
    short = spans(max_length=2)
    assert {len(span) for span in short} == {1}


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
@pytest.mark.parametrize("threshold", [0.5, 0.01, 0.0])
def test_max_spans_counts_what_remains_without_overlap(trained, threshold):
    """The cap must not be used up by spans that overlap better ones."""
    pipe = trained.get_pipe("global_pointer")
    before = pipe.cfg

    def scores(**changes):
        pipe.cfg = {**before, "allow_overlap": False, "threshold": threshold, **changes}
        doc = trained(SENTENCES[0][0] + " " + SENTENCES[1][0])
        pipe.cfg = before
        return sorted(doc.spans["sc"].attrs["scores"].tolist(), reverse=True)

    every = scores()
    assert len(every) >= 3
    assert scores(max_spans=2) == every[:2]
    assert scores(max_spans=len(every)) == every


def test_attrs_hold_the_probability_of_zlpr(trained):
    """sigmoid(2 s): the score s from the definition, on the rows of the model."""
    pipe = trained.get_pipe("global_pointer")
    doc = trained(SENTENCES[0][0])
    rows = torch.tensor(pipe.model.predict([doc])[0])[None]
    mask = torch.ones(1, len(doc), dtype=torch.bool)
    factors = pipe.model.attrs["layout"].factors(rows, mask)
    table = factors.scores()[0]
    expected = [
        torch.sigmoid(2 * table[LABELS.index(span.label_), span.start, span.end - 1])
        for span in doc.spans["sc"]
    ]
    numpy.testing.assert_allclose(doc.spans["sc"].attrs["scores"], torch.stack(expected), rtol=1e-4)


def test_without_overlap_and_ents(trained, tmp_path):
    trained.to_disk(tmp_path)
    flat = spacy.load(tmp_path, config={"components.global_pointer.allow_overlap": False})
    nested = spacy.load(tmp_path, config={"components.global_pointer.annotate_ents": True})
    for text, spans in SENTENCES:
        doc = flat(text)
        taken = [token.i for span in doc.spans["sc"] for token in span]
        assert len(taken) == len(set(taken))
        assert bool(len(doc.spans["sc"])) == bool(spans)
        assert not doc.ents
        doc = nested(text)
        assert sorted(found(doc)) == sorted(spans)
        assert {span.text for span in doc.ents} <= {span for span, _ in spans}
    assert [ent.text for ent in nested(SENTENCES[1][0]).ents] == ["Bank of the City of Rome"]
    assert "ents_f" in nested.evaluate(make_examples(nested))
    assert "ents_f" not in flat.evaluate(make_examples(flat))


def test_ents_without_a_filter_for_overlaps_are_an_error(trained, tmp_path):
    trained.to_disk(tmp_path)
    settings = {"annotate_ents": True, "ents_filter": None}
    names = {f"components.global_pointer.{name}": value for name, value in settings.items()}
    nlp = spacy.load(tmp_path, config=names)
    with pytest.raises(ValueError, match="E1010"):
        nlp(SENTENCES[1][0])


def test_settings_of_the_config_win_over_those_of_training(trained, tmp_path):
    trained.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components.global_pointer.threshold": 1.0})
    assert loaded.get_pipe("global_pointer").cfg["threshold"] == 1.0
    assert not loaded(SENTENCES[0][0]).spans["sc"]


def test_dropout_of_the_config_wins_over_that_of_training(tmp_path):
    nlp = make_nlp()
    examples = make_examples(nlp)
    train(nlp, examples, steps=2)
    nlp.to_disk(tmp_path)
    docs = [example.predicted for example in examples]
    for dropout in (0.0, 0.9):
        names = {"components.global_pointer.model.dropout": dropout}
        model = spacy.load(tmp_path, config=names).get_pipe("global_pointer").model
        changed = [
            bool((row != expected).any())
            for row, expected in zip(model(docs, True)[0], model.predict(docs), strict=True)
        ]
        assert any(changed) == bool(dropout)


def test_config_survives_odd_labels(tmp_path):
    odd = ["A.B", "C-D:e", "x=y", "a b", "城市", "[q]"]
    nlp = make_nlp(label_thresholds=[[label, 0.25] for label in odd])
    pipe = nlp.get_pipe("global_pointer")
    for label in odd:
        pipe.add_label(label)
    nlp.initialize()
    assert Config().from_str(nlp.config.to_str())["components"] == nlp.config["components"]
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path).get_pipe("global_pointer")
    assert loaded.labels == tuple(odd)
    assert loaded.cfg["label_thresholds"] == [[x, 0.25] for x in odd]


@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
@pytest.mark.parametrize("reload", [True, False])
def test_label_added_later_can_be_learned(head, reload, tmp_path):
    nlp = make_nlp(head)
    train(nlp, make_examples(nlp), steps=100)
    before = _spans(nlp)
    if reload:
        nlp.to_disk(tmp_path)
        nlp = spacy.load(tmp_path)
    pipe = nlp.get_pipe("global_pointer")
    assert pipe.add_label("GPE") == 0
    assert pipe.add_label("ROLE") == 1
    assert pipe.labels == (*LABELS, "ROLE")
    old_labels = [
        [(span, score) for span, score in zip(spans, scores, strict=True) if span[1] != "ROLE"]
        for spans, scores in _spans(nlp)
    ]
    for (spans, scores), kept in zip(before, old_labels, strict=True):
        assert [span for span, _ in kept] == spans
        assert [score for _, score in kept] == pytest.approx(scores, abs=1e-6)
    examples = make_examples(nlp)
    examples.append(make_example(nlp, "A queen sang.", [("queen", "ROLE")]))
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    for _ in range(100):
        nlp.update(examples, sgd=optimizer)
    assert found(nlp("A queen sang.")) == [("queen", "ROLE")]
    assert _spans(nlp.from_bytes(nlp.to_bytes())) == _spans(nlp)


def test_labels_and_their_errors():
    nlp = make_nlp()
    pipe = nlp.get_pipe("global_pointer")
    for bad in (12, None, "", " \n"):
        with pytest.raises(ValueError, match=r"E187.*was: "):
            pipe.add_label(bad)
    with pytest.raises(ValueError, match=r"label must be valid Unicode, was: 'US.udc80'"):
        pipe.add_label("US\udc80")
    assert not pipe.labels
    with pytest.raises(ValueError, match="E143"):
        nlp.initialize(lambda: [make_example(nlp, "Nothing here.", [])])
    with pytest.raises(ValueError, match="E143"):
        nlp("Nothing here.")
    pipe.add_label("X")
    with pytest.raises(ValueError, match="E109"):
        nlp("Nothing here.")
    assert pipe.label_data == ["X"]


def test_labels_from_data_are_sorted_and_given_ones_keep_their_order():
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    assert nlp.get_pipe("global_pointer").labels == tuple(LABELS)
    assert nlp.meta["labels"]["global_pointer"] == LABELS
    nlp = make_nlp()
    nlp.get_pipe("global_pointer").initialize(lambda: make_examples(nlp), labels=["Z", "ORG"])
    assert nlp.get_pipe("global_pointer").labels == ("Z", "ORG")


@pytest.mark.parametrize("labels", ["ORG", {"ORG": 1}, 5])
def test_labels_that_are_no_list_are_refused(labels):
    """The letters of a string would each be a label."""
    nlp = make_nlp()
    pipe = nlp.get_pipe("global_pointer")
    with pytest.raises(ValueError, match=r"labels must be a list of names.*was: .*To fix"):
        pipe.initialize(lambda: make_examples(nlp), labels=labels)
    assert pipe.labels == ()


def test_initialize_without_data_as_assemble_does():
    nlp = make_nlp()
    nlp.config["initialize"]["components"]["global_pointer"] = {"labels": ["A", "B"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize()
    assert nlp.get_pipe("global_pointer").labels == ("A", "B")
    assert nlp("x y z").spans["sc"].attrs["scores"].dtype == numpy.float32
    with pytest.raises(ValueError, match=r"needs gold spans or labels.*SpanCorpus"):
        make_nlp().initialize()


HUGE = 10**400  # finite, but no float


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 1.5}, r"threshold must be a probability in \[0, 1\], was: 1.5"),
        ({"threshold": -0.1}, "was: -0.1"),
        ({"label_thresholds": [["A", 2.0]]}, "threshold of label 'A' must be a probability"),
        ({"label_thresholds": [["A", 0.2], ["A", 0.3]]}, "name each label once, but has 'A' 2"),
        ({"label_thresholds": [["A", "B"]]}, r"must be a list of \[label, threshold\]"),
        ({"label_thresholds": [["A"]]}, r"but has: \['A'\]"),
        ({"label_thresholds": [["A", True]]}, "of label 'A' must be a probability.*was: True"),
        (
            {"max_length": 0},
            'max_length must be "auto", a whole number of at least 1, or null, was: 0',
        ),
        ({"max_spans": 0}, "max_spans must be a whole number of at least 1"),
        ({"max_length": 2**63}, "a whole number of at most 2147483647, or null, was: 9223"),
        ({"threshold": HUGE}, "threshold must be a probability"),
        ({"label_thresholds": [["A", HUGE]]}, "threshold of label 'A' must be a probability"),
        ({"label_weights": [["A", HUGE]]}, "at least 0, and finite, was: 10000"),
        ({"lr_scale": HUGE}, "lr_scale must be above 0 and finite, was: 10000"),
        ({"spans_key": ""}, "spans_key must be the name of a group of doc.spans, was: ''"),
        ({"missing": "maybe"}, "missing must be one of .* was: 'maybe'"),
        ({"lr_scale": 0.0}, "lr_scale must be above 0 and finite, was: 0.0"),
        pytest.param(
            {"lr_scale": "2"}, "lr_scale must be above 0 and finite, was: '2'", marks=new_config
        ),
        pytest.param(
            {"threshold": "0.5"},
            r"threshold must be a probability in \[0, 1\], was: '0.5'",
            marks=new_config,
        ),
    ],
)
def test_settings_that_mean_nothing_are_errors(settings, message):
    with pytest.raises(ValueError, match=message) as info:
        make_nlp(**settings)
    assert "To fix: " in str(info.value) or "such as [[" in str(info.value)


def test_threshold_of_an_unknown_label_is_an_error(trained):
    pipe = trained.get_pipe("global_pointer")
    before = pipe.cfg
    pipe.cfg = {**before, "label_thresholds": [["NONE", 0.5]]}
    with pytest.raises(ValueError, match=r"was: 'NONE'. Its labels are: GPE, ORG, PERSON"):
        trained("Rome")
    pipe.cfg = before


def test_a_message_with_many_long_labels_fits_on_a_screen():
    nlp = make_nlp()
    labels = [f"{number:03}{'x' * 500}" for number in range(300)]
    examples = [make_example(nlp, "In Rome.", [("Rome", "GPE" * 500)])]
    nlp.get_pipe("global_pointer").initialize(lambda: examples, labels=labels)
    with pytest.raises(ValueError, match=r"label 'GPE.*Its labels are: 000.* and 290 more") as info:
        nlp.get_pipe("global_pointer").update(examples)
    assert fit_screen(str(info.value)) == str(info.value)


def test_vectors_that_are_no_numbers_are_an_error(trained):
    nlp = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    extractor = nlp.get_pipe("global_pointer").model.layers[1]
    extractor.set_param("b", extractor.get_param("b") * numpy.nan)
    message = r"must be finite, but for document 0 of 1 it is not: 'Rome'.*learning rate"
    with pytest.raises(ValueError, match=message):
        nlp("Rome")
    with pytest.raises(ValueError, match="must be finite"):
        nlp.update([make_example(nlp, "Rome", [])])


def test_pipeline_can_be_pickled(trained):
    assert _spans(pickle.loads(pickle.dumps(trained))) == _spans(trained)


def test_a_label_added_in_another_process_is_trained(trained, tmp_path):
    """Thinc counts the ids of layers anew in each process, and pickles the old ones."""
    (tmp_path / "nlp.pickle").write_bytes(pickle.dumps(trained))
    script = tmp_path / "script.py"
    script.write_text(
        "import pickle, sys\n"
        f"sys.path[:0] = {[p for p in sys.path if p.endswith('tests')]!r}\n"
        "from samples import *\n"
        f"nlp = pickle.load(open({str(tmp_path / 'nlp.pickle')!r}, 'rb'))\n"
        "pipe = nlp.get_pipe('global_pointer')\n"
        "pipe.add_label('ROLE')\n"
        "new = make_example(nlp, 'A queen sang.', [('queen', 'ROLE')])\n"
        "examples = [*make_examples(nlp), new]\n"
        "optimizer = nlp.resume_training()\n"
        "optimizer.learn_rate = 0.005\n"
        "for _ in range(60):\n"
        "    nlp.update(examples, sgd=optimizer)\n"
        "assert found(nlp('A queen sang.')) == [('queen', 'ROLE')]\n"
        "ids = [node.id for node in pipe.model.walk()]\n"
        "assert len(ids) == len(set(ids))\n"
    )
    subprocess.run([sys.executable, str(script)], check=True, timeout=120)


def test_a_label_added_to_a_sourced_component_is_written(trained):
    source = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer", source=source)
    nlp.get_pipe("global_pointer").add_label("NEVER-SEEN-BEFORE")
    nlp.get_pipe("global_pointer").cfg.update(threshold=0.0, max_spans=10**4)
    doc = nlp("Rome closed.")
    assert "NEVER-SEEN-BEFORE" in {span.label_ for span in doc.spans["sc"]}


def test_entities_are_among_what_the_component_assigns():
    nlp = make_nlp(annotate_ents=True)
    nlp.add_pipe("merge_entities")
    analysis = nlp.analyze_pipes()
    assert "doc.ents" in analysis["summary"]["global_pointer"]["assigns"]
    assert not analysis["problems"]["merge_entities"]


@pytest.mark.parametrize("build", [build_efficient_global_pointer, build_global_pointer])
def test_defaults_of_architecture_and_component_agree(build):
    """spaCy fills the block of a user who left a setting out from that of the component."""
    model = spacy.blank("en").get_factory_meta("global_pointer").default_config["model"]
    for name, parameter in inspect.signature(build).parameters.items():
        if name in model and name != "tok2vec":
            assert parameter.default == model[name], name


def test_component_behaves_among_others(trained):
    assert not trained.analyze_pipes()["problems"]["global_pointer"]
    text, spans = SENTENCES[0]
    with trained.select_pipes(disable=["global_pointer"]):
        assert "sc" not in trained(text).spans
    with trained.memory_zone():
        assert sorted(found(trained(text))) == sorted(spans)
    source = spacy.blank("en")
    source.add_pipe("global_pointer", source=trained, name="other")
    source.rename_pipe("other", "spans")
    assert sorted(found(source(text))) == sorted(spans)
    assert source.get_pipe("spans").name == "spans"


def test_failing_documents_go_to_the_error_handler(trained):
    seen = []
    nlp = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    nlp.get_pipe("global_pointer").cfg["threshold"] = 7.0
    nlp.set_error_handler(lambda name, proc, docs, error: seen.append((name, str(error))))
    assert list(nlp.pipe(["Rome", "Ulm"])) == []
    assert seen[0][0] == "global_pointer"
    assert "was: 7.0" in seen[0][1]


def test_long_document_within_a_band():
    nlp = make_nlp(max_length=8)
    train(nlp, make_examples(nlp), steps=60)
    text = " ".join(text for text, _ in SENTENCES)
    doc = nlp(" ".join([text] * 40))
    names = [span.text for span in doc.spans["sc"] if span.label_ == "GPE"]
    assert names.count("Ulm") >= 38


def test_gold_of_one_pipeline_is_not_the_prediction(trained):
    example = Example.from_dict(trained.make_doc("Rome closed."), {"spans": {"sc": []}})
    trained.evaluate([example])
    assert found(example.reference) == []


@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
def test_a_large_batch_is_predicted_in_chunks(head, monkeypatch):
    """nlp.pipe hands over 1,000 documents of any length: their rows must fit into memory."""
    nlp = make_nlp(head)
    train(nlp, make_examples(nlp))
    texts = [text for text, _ in SENTENCES] * 4

    def spans():
        return [found(doc) for doc in nlp.pipe(texts)]

    expected = spans()
    sizes = []
    model = nlp.get_pipe("global_pointer").model
    predict = type(model).predict

    def measure(self, docs):
        rows = predict(self, docs)
        if self is model:
            sizes.append(sum(row.size for row in rows))
        return rows

    monkeypatch.setattr(type(model), "predict", measure)
    monkeypatch.setattr(prediction, "PREDICTED_FLOATS", 2000)
    assert spans() == expected
    assert max(sizes) <= 2000 < 1.5 * sorted(sizes)[len(sizes) // 2]
    sizes.clear()
    monkeypatch.setattr(prediction, "PREDICTED_FLOATS", 1)
    assert spans() == expected
    assert len(sizes) == len(texts)


@pytest.mark.parametrize(
    "model",
    [
        OWN,
        {
            "@architectures": "spacy.SpanCategorizer.v1",
            "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 8},
            "scorer": {"@layers": "spacy.LinearLogistic.v1"},
            "tok2vec": OWN,
        },
        {
            "@architectures": "spacy.SpanFinder.v1",
            "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": 2},
            "tok2vec": OWN,
        },
        {"@architectures": "spacy.Tok2VecListener.v1", "width": 8},
    ],
    ids=["tok2vec", "spancat", "span_finder", "listener"],
)
def test_a_model_of_another_component_is_refused(model):
    rule = "model must be an architecture of spacy-globalpointer, was: '.{1,63}'. To fix: keep "
    with pytest.raises(
        ValueError, match=rf"'my_name': {rule}the tok2vec of the block \[components.my_name.model"
    ):
        spacy.blank("en").add_pipe("global_pointer", "my_name", config={"model": model})
