"""Rehearsal with a shared encoder, and of probabilities."""

import copy

import numpy
import pytest
from samples import (
    OWN,
    SENTENCES,
    encoder_settings,
    found,
    make_example,
    make_examples,
    make_nlp,
    train,
)
from spacy.training import Example
from thinc.api import Adam

from spacy_globalpointer.pipeline.rehearsal import LEAST, what_was_known

TAGGER = {
    "model": {
        "@architectures": "spacy.Tagger.v2",
        "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"},
    }
}
NEW_ROLES = [
    ("A queen sang.", [("queen", "ROLE")]),
    ("The king of France left.", [("king", "ROLE")]),
    ("A mayor met the pope.", [("mayor", "ROLE"), ("pope", "ROLE")]),
]


def raw(nlp):
    return [Example(nlp.make_doc(text), nlp.make_doc(text)) for text, _ in SENTENCES]


def shared(**settings):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    return make_nlp(upstream=("tok2vec", {"model": OWN}), encoder=listener, **settings)


def kept(nlp):
    """How many sentences still have exactly the spans of the old labels."""
    old = [[span for span in found(nlp(text)) if span[1] != "ROLE"] for text, _ in SENTENCES]
    return sum(sorted(a) == sorted(b) for a, (_, b) in zip(old, SENTENCES, strict=True))


def scores(nlp, label, texts):
    """Of all spans of a label."""
    return [
        score
        for doc in map(nlp, texts)
        for span, score in zip(doc.spans["sc"], doc.spans["sc"].attrs["scores"], strict=True)
        if span.label_ == label
    ]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("rehearses", [True, False])
def test_rehearsal_keeps_what_was_learned(soft, is_shared, rehearses):
    """Also where the encoder is shared; and without it, the same training forgets."""
    if soft and not rehearses:
        pytest.skip("nothing is rehearsed")
    nlp = (shared if is_shared else make_nlp)(soft_rehearsal=soft)
    train(nlp, make_examples(nlp))
    assert kept(nlp) == len(SENTENCES)
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("ROLE")
    new = [make_example(nlp, text, spans) for text, spans in NEW_ROLES]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    for _ in range(80):
        nlp.update(new, sgd=optimizer)
        if rehearses:
            losses = pipe.rehearse(raw(nlp), sgd=optimizer)
            assert losses["global_pointer"] > 0
    assert found(nlp("A queen sang.")) == [("queen", "ROLE")]
    assert (kept(nlp) == len(SENTENCES)) == rehearses


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_label_that_was_not_learned_yet_is_not_rehearsed(soft, is_loaded):
    """Or each text that is rehearsed would teach that it has no span of the new label."""
    nlp = make_nlp(soft_rehearsal=soft)
    train(nlp, make_examples(nlp))
    if is_loaded:
        nlp = make_nlp(soft_rehearsal=soft).from_bytes(nlp.to_bytes())
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("ROLE")
    new = [make_example(nlp, text, spans) for text, spans in NEW_ROLES]
    # The new spans are in what is rehearsed, too.
    known = [*raw(nlp), *(Example(x.predicted, nlp.make_doc(x.text)) for x in new)]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    pipe.rehearse(known, sgd=optimizer)
    nlp.resume_training()
    assert pipe._n_known == 3
    for _ in range(80):
        nlp.update(new, sgd=optimizer)
        pipe.rehearse(known, sgd=optimizer)
    assert min(scores(nlp, "ROLE", [text for text, _ in NEW_ROLES])) > 0.9
    nlp.resume_training()
    assert pipe._n_known == 4


@pytest.mark.parametrize("kind", ["tok2vec", "transformer", "curated"])
def test_the_copy_keeps_the_shared_encoder_as_it_was(kind, tiny_bert):
    """It finds later what the pipeline found before, whatever the encoder has become."""
    nlp = make_nlp(**encoder_settings(kind, tiny_bert))
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("global_pointer")
    nlp.resume_training(sgd=Adam(0.01))
    docs = [nlp(text) for text, _ in SENTENCES]
    before = pipe.model.predict(docs)
    for _ in range(3):
        nlp.update(make_examples(nlp), sgd=Adam(0.01))
    after = pipe.model.predict([nlp(text) for text, _ in SENTENCES])
    copied = pipe._rehearsal_model.predict([nlp.make_doc(text) for text, _ in SENTENCES])
    for one, other, changed in zip(before, copied, after, strict=True):
        numpy.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
        assert not numpy.allclose(one, changed, atol=1e-2)


@pytest.mark.parametrize("kind", ["tok2vec", "transformer", "curated"])
@pytest.mark.parametrize("through_nlp", [False, True])
def test_rehearsal_updates_the_shared_encoder(kind, through_nlp, tiny_bert):
    nlp = make_nlp(**encoder_settings(kind, tiny_bert))
    nlp.initialize(lambda: make_examples(nlp))
    pipe, encoder = nlp.get_pipe("global_pointer"), nlp.get_pipe(nlp.pipe_names[0])
    sgd = nlp.resume_training(sgd=Adam(0.01))
    before = encoder.model.to_bytes(), pipe.model.to_bytes()
    (nlp if through_nlp else pipe).rehearse(raw(nlp), sgd=sgd)
    assert encoder.model.to_bytes() != before[0]
    assert pipe.model.to_bytes() != before[1]
    assert list(encoder.listener_map) == ["global_pointer"]
    assert encoder.listeners
    nlp.update(make_examples(nlp), sgd=sgd)


def test_other_listeners_take_no_part():
    """The tagger listens too: nothing waits for its gradient, and its weights stay."""
    nlp = shared()
    nlp.add_pipe("tagger", config=TAGGER)
    examples = make_examples(nlp)
    for example in examples:
        for token in example.reference:
            token.tag_ = "X" if token.is_alpha else "Y"
    nlp.initialize(lambda: examples)
    tok2vec, tagger = nlp.get_pipe("tok2vec"), nlp.get_pipe("tagger")
    sgd = nlp.resume_training(sgd=Adam(0.01))
    before = tok2vec.model.to_bytes(), tagger.model.to_bytes()
    nlp.get_pipe("global_pointer").rehearse(raw(nlp), sgd=sgd)
    assert tok2vec.model.to_bytes() != before[0]
    assert tagger.model.to_bytes() == before[1]
    assert tok2vec.listening_components == ["global_pointer", "tagger"]
    nlp.update(examples, sgd=sgd)


def test_an_encoder_that_only_annotates_is_read_again_after_rehearsal():
    """A listener that remembered the rehearsed batch would refuse any other."""
    nlp = shared()
    nlp.initialize(lambda: make_examples(nlp))
    sgd = nlp.resume_training(sgd=Adam(0.01))
    pipe = nlp.get_pipe("global_pointer")
    pipe.rehearse(raw(nlp)[:2], sgd=sgd)
    examples = make_examples(nlp)[2:]
    for example in examples:
        nlp.get_pipe("tok2vec")(example.predicted)
    assert pipe.update(examples, sgd=sgd)["global_pointer"] > 0


def test_documents_without_tokens_are_not_rehearsed():
    nlp = shared()
    nlp.initialize(lambda: make_examples(nlp))
    sgd = nlp.resume_training(sgd=Adam(0.01))
    before = nlp.to_bytes()
    empty = [Example(nlp.make_doc(""), nlp.make_doc(""))]
    assert nlp.get_pipe("global_pointer").rehearse(empty, sgd=sgd) == {"global_pointer": 0.0}
    assert nlp.to_bytes() == before


def test_a_component_without_its_pipeline_is_refused():
    """A copy does not know what it listens to, so it cannot copy that."""
    nlp = shared()
    nlp.initialize(lambda: make_examples(nlp))
    pipe = copy.deepcopy(nlp.get_pipe("global_pointer"))
    pipe._rehearsal_model = copy.deepcopy(pipe.model)
    with pytest.raises(ValueError, match=r"encoder that can be copied.*replace_listeners"):
        pipe.rehearse(raw(nlp))


@pytest.mark.filterwarnings("ignore:.*finds at most one span of each label")
@pytest.mark.parametrize(
    "limit", [{"allow_overlap": False, "max_spans": 1}, {"one_per_label": True}]
)
def test_what_was_known_are_probabilities_with_soft_rehearsal(limit):
    nlp = make_nlp(soft_rehearsal=True, threshold=0.9, **limit)
    train(nlp, make_examples(nlp), steps=20)
    pipe = nlp.get_pipe("global_pointer")
    docs = [nlp.make_doc(text) for text, _ in SENTENCES]
    known = what_was_known("x", pipe.model, docs, pipe.cfg, 3)
    scores = [score for own in known.values() for score in own.values()]
    assert all(LEAST <= score <= 1 for score in scores)
    assert any(score < 0.5 for score in scores)
    assert max(map(len, known.values())) > 3  # one for each label is not all


def test_probabilities_are_what_the_rehearsed_model_has():
    """The copy itself is at the minimum of the soft loss, but not of the hard one."""
    nlp = make_nlp(soft_rehearsal=True)
    train(nlp, make_examples(nlp), steps=20)
    pipe = nlp.get_pipe("global_pointer")
    nlp.resume_training(sgd=Adam(0.0))
    sizes = []
    for soft in (False, True):
        pipe.cfg["soft_rehearsal"] = soft
        pipe.rehearse(raw(nlp))
        gradient = pipe.model.get_ref("types").get_grad("b")
        sizes.append(float(numpy.abs(gradient).sum()))
        pipe.model.get_ref("types").set_grad("b", gradient * 0)
    assert sizes[1] < 0.3 * sizes[0]
