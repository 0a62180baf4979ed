"""What the component learns from, and that nothing is lost on the way to the encoder."""

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
    make_docs,
    make_example,
    make_examples,
    make_nlp,
    train,
)
from spacy.tokens import DocBin
from spacy.training import Corpus, Example
from thinc.api import Adam, Optimizer

from spacy_globalpointer.nn import RowLayout, batch, extracted, zlpr_dense
from spacy_globalpointer.pipeline.tables import FREE_REACH, Tables
from spacy_globalpointer.training.reader import make_span_corpus

# spacy-curated-transformers 0.3 turns an array of one number into a float: numpy<2.4 warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim > 0:DeprecationWarning"
)


def _unannotated(nlp, text="Anna went to Ulm."):
    return Example(nlp.make_doc(text), nlp.make_doc(text))


def _initialized(**settings):
    nlp = make_nlp(**settings)
    nlp.initialize(lambda: make_examples(nlp))
    return nlp, nlp.get_pipe("global_pointer")


def _loss(pipe, examples):
    rows, _ = pipe.model.begin_update([example.predicted for example in examples])
    loss, d_rows = pipe.get_loss(examples, rows)
    return rows, loss, d_rows


@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
@pytest.mark.parametrize("per", ["document", "start"])
@pytest.mark.parametrize("max_length", [None, 9])
@pytest.mark.parametrize("block", [0, extracted.BLOCK_NUMBERS])
def test_loss_and_gradient_equal_the_definition(head, per, max_length, block, monkeypatch):
    """On one text of all documents, followed by itself, through torch's own derivative."""
    if head.startswith("E") and not block:
        pytest.skip("one extractor of all labels cannot be cut into blocks of them")
    monkeypatch.setattr(extracted, "BLOCK_NUMBERS", block)
    monkeypatch.setattr(batch, "ROW", 1)  # several rows where spans are bounded
    monkeypatch.setattr(torch, "randperm", lambda n: torch.arange(n).flip(0))
    loss = {"@losses": "spacy_globalpointer.ZLPR.v1", "per": per}
    nlp, pipe = _initialized(head=head, max_length=max_length, loss=loss)
    examples = make_examples(nlp)
    rows, loss, d_rows = _loss(pipe, examples)
    leaf = torch.tensor(numpy.concatenate(rows[::-1]), dtype=torch.float64).requires_grad_()
    gold, document, first = [], [], 0
    for place, example in enumerate(reversed(examples)):
        for span in example.reference.spans["sc"]:
            cell = LABELS.index(span.label_), first + span.start, first + span.end - 1
            gold.append((0, *cell))
        first += len(example.reference)
        document += [place] * len(example.reference)
    reach = max_length or FREE_REACH
    text = leaf[torch.arange(len(leaf) + reach - 1) % len(leaf)][None]
    mask = torch.ones(text.shape[:2], dtype=torch.bool)
    layout = RowLayout(head_size=16, n_labels=3, shared=head.startswith("E"))
    leaves = {}
    if not layout.shared:
        extractor = pipe.model.get_ref("extractor")
        leaves = {x: torch.tensor(extractor.get_param(x)).double().requires_grad_() for x in "Wb"}
        text = torch.nn.functional.linear(text, *leaves.values())
    factors = layout.factors(text, mask, reach, torch.tensor(document)[None])
    value = zlpr_dense(factors, torch.tensor(gold), per=per).sum()
    gradient, *others = torch.autograd.grad(value, [leaf, *leaves.values()])
    for name, wanted in zip(leaves, others, strict=True):
        found = extractor.get_grad(name)
        numpy.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)
    numpy.testing.assert_allclose(numpy.concatenate(d_rows[::-1]), gradient, rtol=1e-3, atol=1e-4)
    assert loss == pytest.approx(float(value.detach()), rel=1e-5)
    assert isinstance(loss, float)


@pytest.mark.parametrize("documents", [[0, 1, 2, 3, 4], [3, 0, 2]])
def test_a_cell_of_the_training_table_has_the_score_of_its_span(documents, monkeypatch):
    monkeypatch.setattr(batch, "ROW", 1)
    _, pipe = _initialized()
    docs = make_docs(5)
    tables = Tables(pipe.model, docs, pipe.model.predict(docs))
    training = tables.end_to_end(documents, 4)
    for table in tables.of(documents, 4):
        row, start, last = table.factors.allowed().nonzero().unbind(1)
        wanted = table.factors.scores_of_all_labels(row, start, last)
        cells = training.cells(torch.tensor(table.documents)[row], start, last)
        assert training.factors.allows(*cells.T).all()
        scores = training.factors.scores_of_all_labels(*cells.T)
        numpy.testing.assert_allclose(scores.detach(), wanted, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_update_takes_every_mix_of_documents(kind, tiny_bert):
    nlp = make_nlp(**encoder_settings(kind, tiny_bert))
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    mixed = [
        make_example(nlp, "", []),
        *make_examples(nlp)[:2],
        _unannotated(nlp),
        make_example(nlp, "  \n ", []),
        make_example(nlp, "Nothing here.", []),
    ]
    losses = nlp.update(mixed, sgd=optimizer)
    assert numpy.isfinite(losses["global_pointer"])
    assert losses["global_pointer"] > 0
    pipe = nlp.get_pipe("global_pointer")
    assert pipe.update([]) == {"global_pointer": 0.0}
    assert pipe.update([make_example(nlp, "", [])]) == {"global_pointer": 0.0}


def test_missing_group_is_not_annotated_and_empty_group_is_negative():
    nlp, pipe = _initialized()
    examples = [_unannotated(nlp), make_example(nlp, "Anna went to Ulm.", [])]
    _, _, (missing, empty) = _loss(pipe, examples)
    assert not missing.any()
    assert empty.any()
    pipe.cfg["missing"] = "negative"
    _, _, (missing, empty) = _loss(pipe, examples)
    numpy.testing.assert_allclose(missing, empty, rtol=1e-4, atol=1e-6)


def test_a_batch_without_the_group_learns_nothing_and_says_so():
    nlp, pipe = _initialized()
    with pytest.warns(UserWarning, match=r"learns nothing from a batch of 1 .* 'sc'.*SpanCorpus"):
        _, loss, (d_rows,) = _loss(pipe, [_unannotated(nlp)])
    assert loss == 0.0
    assert not d_rows.any()


def test_shared_encoder_gets_the_gradient_of_others_when_ours_has_none():
    """The last listener triggers the encoder's backprop, gold or not."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": OWN})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    architectures = {
        "tagger": "spacy.Tagger.v2",
        "global_pointer": "spacy_globalpointer.EfficientGlobalPointer.v1",
    }
    for name, architecture in architectures.items():
        model = {"@architectures": architecture, "tok2vec": listener}
        nlp.add_pipe(name, config={"model": model})
    nlp.config["initialize"]["components"]["global_pointer"] = {"labels": ["A"]}
    example = Example.from_dict(nlp.make_doc("a b"), {"tags": ["X", "Y"]})
    nlp.initialize(lambda: [example])
    with pytest.warns(UserWarning, match="learns nothing"):
        nlp.update([example], sgd=Adam(0.001))  # a new tagger's weights are zero
    nlp.update([example], sgd=False)
    gradients = nlp.get_pipe("tok2vec").model.get_gradients().values()
    assert any(gradient.any() for _, gradient in gradients)


def test_unknown_label_is_named():
    nlp, _ = _initialized()
    with pytest.raises(
        ValueError, match=r"'global_pointer' does not know the label 'NEW'.*add_label"
    ):
        nlp.update([make_example(nlp, "Anna", [("Anna", "NEW")])])


def test_spans_that_cannot_be_learned_are_counted_once():
    nlp = make_nlp(max_length=2)
    pipe = nlp.get_pipe("global_pointer")
    examples = [
        make_example(nlp, "Anna Berg went home", [("Anna Berg", "P"), ("Anna Berg went", "P")]),
        make_example(nlp, "one- two", [("one", "Q")], words=(["one", "-", "two"], [0, 1, 0])),
        make_example(nlp, "x  y", [("x  ", "R")], words=(["x", " ", "y"], [1, 0, 0])),
    ]
    examples[1] = Example(spacy.tokens.Doc(nlp.vocab, ["one-", "two"]), examples[1].reference)
    message = (
        r"cannot learn 3 of 4 gold spans.* 1 are longer than max_length \(P 1\); "
        r"1 begin or end with a whitespace token \(R 1\); "
        r"1 do not begin and end where predicted tokens do \(Q 1\)"
    )
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: examples)
    assert pipe.labels == ("P", "Q", "R")
    nlp.update(examples)  # no second warning: they are errors here


def test_score_weights_that_do_not_name_the_key_are_reported():
    nlp = make_nlp(spans_key="x")
    with pytest.warns(UserWarning, match=r"spans_x_f = 1.0\nspans_x_p = 0.0") as seen:
        nlp.initialize(lambda: make_examples(nlp, key="x"))
    assert len(seen) == 1
    nlp = make_nlp(spans_key="x")
    nlp.config["training"]["score_weights"] = {"spans_x_f": 1.0}
    nlp.initialize(lambda: make_examples(nlp, key="x"))
    nlp("Rome")


def test_two_components_with_one_key_are_reported():
    nlp = make_nlp()
    nlp.add_pipe("global_pointer", name="second")
    with pytest.warns(UserWarning, match=r"all write doc.spans\['sc'\]"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize(
    ("other", "config"), [("span_finder", {"spans_key": "sc"}), ("spancat", {})]
)
def test_another_kind_of_component_with_the_same_key_is_reported(other, config):
    nlp = make_nlp()
    nlp.add_pipe(other, first=True, config=config)
    with pytest.warns(UserWarning, match=rf"'global_pointer' and '{other}' all write"):
        nlp.get_pipe("global_pointer").initialize(lambda: make_examples(nlp), nlp=nlp)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


@pytest.mark.parametrize("mode", MODES)
def test_what_the_caller_does_with_torch_changes_nothing(mode, monkeypatch):
    monkeypatch.setattr(torch, "randperm", torch.arange)
    nlp, pipe = _initialized()
    examples = make_examples(nlp)
    _, loss, d_rows = _loss(pipe, examples)
    with MODES[mode]():
        _, again, d_again = _loss(pipe, examples)
        nlp.update(examples)
        inside = found(nlp(SENTENCES[0][0]))
    assert again == loss
    for one, other in zip(d_rows, d_again, strict=True):
        numpy.testing.assert_array_equal(one, other)
    assert inside == found(nlp(SENTENCES[0][0]))


class Recorder(Optimizer):
    """Remembers the scale of the learning rate of each layer."""

    def __init__(self):
        super().__init__(0.001, beta1=0.9, beta2=0.999)
        self.scales = {}

    def __call__(self, key, weights, gradient, *, lr_scale=1.0):
        self.scales[key[0]] = lr_scale
        return super().__call__(key, weights, gradient, lr_scale=lr_scale)


@pytest.mark.parametrize("scale", [1.0, 10.0])
@pytest.mark.parametrize("rehearses", [False, True])
def test_lr_scale_is_of_the_head_only(scale, rehearses):
    nlp, pipe = _initialized(lr_scale=scale)
    recorder = Recorder()
    nlp.resume_training(sgd=recorder)
    learn = pipe.rehearse if rehearses else pipe.update
    learn(make_examples(nlp), sgd=recorder)
    inside = {node.id for node in pipe.model.get_ref("tok2vec").walk()}
    seen = recorder.scales
    assert {value for key, value in seen.items() if key in inside} == {1.0}
    assert {value for key, value in seen.items() if key not in inside} == {scale}
    assert set(seen) == {node.id for node in pipe.model.walk() if node.param_names}
    for node in pipe.model.walk():
        for name in node.param_names:
            assert not node.get_grad(name).any()


@pytest.mark.parametrize("learn", ["update", "rehearse"])
def test_settings_that_became_invalid_are_refused(learn):
    nlp, pipe = _initialized()
    weights = pipe.model.to_bytes()
    pipe.cfg["lr_scale"] = float("inf")
    with pytest.raises(ValueError, match="lr_scale must be above 0 and finite, was: inf"):
        getattr(pipe, learn)(make_examples(nlp), sgd=nlp.resume_training())
    assert pipe.model.to_bytes() == weights


def test_frozen_component_stays_and_annotating_component_writes():
    nlp, pipe = _initialized()
    before = pipe.model.to_bytes()
    examples = make_examples(nlp)
    nlp.update(examples, exclude=["global_pointer"], annotates=["global_pointer"])
    assert pipe.model.to_bytes() == before
    train(nlp, examples)
    example = make_examples(nlp)[0]
    copies = []
    nlp.add_pipe("keep_copies", last=True)
    nlp.get_pipe("keep_copies").seen = copies
    nlp.update([example], annotates=["global_pointer"])
    assert sorted(found(copies[0])) == sorted(SENTENCES[0][1])


@spacy.Language.factory("keep_copies")
class KeepCopies:
    """Remember the predicted documents that it is updated with."""

    def __init__(self, nlp, name):
        self.seen = []

    def __call__(self, doc):
        return doc

    def update(self, examples, *, drop=0.0, sgd=None, losses=None):
        self.seen += [example.predicted for example in examples]
        return losses


def test_gradients_accumulate(monkeypatch):
    """As training with accumulate_gradient does; the order of the documents is the same here."""
    monkeypatch.setattr(torch, "randperm", torch.arange)
    nlp, pipe = _initialized()
    examples = make_examples(nlp)
    pipe.update(examples)
    once = {key: value[1].copy() for key, value in pipe.model.get_gradients().items()}
    pipe.update(examples)
    for key, (_, gradient) in pipe.model.get_gradients().items():
        numpy.testing.assert_allclose(gradient, 2 * once[key], rtol=1e-3, atol=1e-4)


def test_averaged_weights_reach_the_head():
    nlp, pipe = _initialized()
    optimizer = Adam(0.01, use_averages=True)
    for _ in range(5):
        nlp.update(make_examples(nlp), sgd=optimizer)
    plain = pipe.model.layers[1].get_param("W").copy()
    with nlp.use_params(optimizer.averages):
        assert not numpy.allclose(pipe.model.layers[1].get_param("W"), plain)
    numpy.testing.assert_array_equal(pipe.model.layers[1].get_param("W"), plain)


@pytest.mark.parametrize("per", ["document", "start"])
def test_the_config_chooses_the_form_of_the_loss(per):
    nlp = make_nlp(loss={"@losses": "spacy_globalpointer.ZLPR.v1", "per": per})
    pipe = nlp.get_pipe("global_pointer")
    assert pipe.loss.keywords == {"per": per}


def test_a_config_from_before_there_were_forms_gets_the_default():
    config = make_nlp().config.copy()
    del config["components"]["global_pointer"]["loss"]["per"]
    nlp = spacy.util.load_model_from_config(config)
    assert nlp.get_pipe("global_pointer").loss.keywords == {"per": "start"}


NEW_ROLES = [
    ("A queen sang.", [("queen", "ROLE")]),
    ("The king of France left.", [("king", "ROLE")]),
    ("A mayor met the pope.", [("mayor", "ROLE"), ("pope", "ROLE")]),
]


@pytest.mark.parametrize("rehearses", [True, False])
def test_rehearsal_keeps_what_was_learned(rehearses):
    """And without it, the same training forgets."""
    nlp = make_nlp()
    train(nlp, make_examples(nlp))
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("ROLE")
    new = [make_example(nlp, text, spans) for text, spans in NEW_ROLES]
    old = [_unannotated(nlp, text) for text, _ in SENTENCES]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    pipe.update(new, sgd=optimizer)
    if rehearses:
        losses = pipe.rehearse(old, sgd=optimizer)
        assert losses["global_pointer"] > 0
    for _ in range(60):
        pipe.update(new, sgd=optimizer)
        if rehearses:
            losses = pipe.rehearse(old, sgd=optimizer)
    assert found(nlp("A queen sang.")) == [("queen", "ROLE")]
    kept = [
        sorted(span for span in found(nlp(text)) if span[1] != "ROLE") == sorted(spans)
        for text, spans in SENTENCES
    ]
    assert all(kept) == rehearses
    if rehearses:
        assert losses["global_pointer"] < 0.1


def test_loss_that_is_no_number_is_an_error():
    nlp, pipe = _initialized()
    for name in ("extractor", "types"):
        node = pipe.model.get_ref(name)
        node.set_param("W", node.get_param("W") * 1e25)
    with pytest.raises(ValueError, match=r"must be finite.*To fix"):
        nlp.update(make_examples(nlp))


def test_rehearsal_through_the_pipeline_changes_the_head():
    nlp, pipe = _initialized()
    losses = nlp.rehearse(make_examples(nlp))
    assert losses == {}
    nlp.resume_training(sgd=Adam(0.01))
    before = pipe.model.to_bytes()
    losses = nlp.rehearse(make_examples(nlp), sgd=Adam(0.01))
    assert losses["global_pointer"] > 0
    assert pipe.model.to_bytes() != before


def test_lr_scale_that_spacy_leaves_out_is_warned_of():
    """nlp.rehearse hands over a function that collects gradients, and one learning rate for all."""
    nlp, _ = _initialized(lr_scale=5.0)
    nlp.resume_training(sgd=Adam(0.01))
    with pytest.warns(
        UserWarning, match=r"rehearse ignores lr_scale = 5.0.*\.rehearse\(examples, sgd"
    ):
        nlp.rehearse(make_examples(nlp))
    nlp.rehearse(make_examples(nlp))  # warned of once; warnings are errors here


def test_corpus_whose_reader_drops_the_spans_is_refused(tmp_path):
    """spaCy's reader cuts documents through Span.as_doc, which loses every span group."""
    nlp = make_nlp()
    documents = [example.reference for example in make_examples(nlp)]
    for document in documents:
        for token in document:
            token.is_sent_start = token.i == 0
    DocBin(docs=documents).to_disk(tmp_path / "train.spacy")
    cut = Corpus(tmp_path / "train.spacy", gold_preproc=True)
    with pytest.raises(ValueError, match=r"no document of the training data has the span group"):
        nlp.initialize(lambda: cut(nlp))
    whole = make_span_corpus(tmp_path / "train.spacy", max_length=9)
    nlp.initialize(lambda: whole(nlp))
    assert nlp.get_pipe("global_pointer").labels == tuple(LABELS)
