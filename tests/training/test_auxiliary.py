"""Auxiliary tasks on the encoder of the main one: what reaches the encoder."""

import io
import re
from functools import partial
from itertools import permutations

import pytest
import spacy
import torch
from samples import encoders, found, make_examples
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train, train_while_improving
from spacy.util import fix_random_seed
from thinc.api import Config, Linear, xp2torch

from spacy_globalpointer.nn import opposing_part
from spacy_globalpointer.training.auxiliary import AuxiliaryUpdate, make_auxiliary_tasks

SHARED = ["tok2vec", "transformer"]
NAMES = ("main", "first", "other")


def make_shared(kind, tiny_bert, names=NAMES, callback=None):
    """A pipeline of components with one encoder, each with its own spans of the samples.

    names: in the order of the pipeline. The component "other" is not an auxiliary task.
    """
    if kind != "tok2vec":
        pytest.importorskip("spacy_transformers")
    settings = encoders(tiny_bert)[kind]
    nlp = spacy.blank("en")
    nlp.add_pipe(settings["upstream"][0], name="encoder", config=settings["upstream"][1])
    model = {
        "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
        "head_size": 8,
        "tok2vec": settings["encoder"],
    }
    for name in names:
        nlp.add_pipe("global_pointer", name=name, config={"spans_key": name, "model": model})
    nlp.config["training"]["score_weights"] = {f"spans_{name}_f": 1.0 for name in names}
    examples = make_examples(nlp)
    for place, example in enumerate(examples):
        spans = example.reference.spans.pop("sc")
        for name in names:
            # Not the same for all, or their gradients would be much alike.
            keep = name == "main" or place % 2 == (name == "first")
            example.reference.spans[name] = list(spans) if keep else []
    nlp.initialize(lambda: examples)
    if callback is not None:
        callback(nlp)
    return nlp, examples


def flatten(gradient):
    arrays = [x for own in gradient for x in getattr(own, "tensors", (own,))]
    return torch.cat([xp2torch(x).flatten(0, -2) for x in arrays])


def watch(nlp):
    """{component: what it sends to the encoder} and [what the encoder learns from], as updates
    fill them.
    """
    sent, learned = {}, []
    encoder = nlp.get_pipe("encoder")
    update, forward = encoder.update, encoder.model._func

    def note_sent(name, send, gradient):
        sent[name] = flatten(gradient)
        return send(gradient)

    def watched_update(examples, **settings):
        sent.clear()
        losses = update(examples, **settings)
        for name in encoder.listening_components:
            (listener,) = encoder.listener_map[name]
            listener._backprop = partial(note_sent, name, listener._backprop)
        return losses

    def watched_forward(model, docs, is_train):
        output, backprop = forward(model, docs, is_train)

        def note_learned(gradient):
            whole = getattr(gradient, "model_output", None)
            learned.append(
                flatten(gradient) if whole is None else whole.to_tuple()[0].flatten(0, -2).clone()
            )
            return backprop(gradient)

        return output, note_learned

    encoder.update = watched_update
    encoder.model._func = watched_forward
    return sent, learned


def update_one_by_one(nlp, examples, **settings):
    """Update with each example, without changing weights.

    YIELDS: what each component sent, and what the encoder learned from; None if it did not.
    """
    sent, learned = watch(nlp)
    for example in examples:
        learned.clear()
        nlp.update([example], sgd=False, **settings)
        yield dict(sent), learned[0] if learned else None


def project(sent, names, per="batch"):
    """The sum of all gradients, with those of the names projected; and whether any was changed."""
    parts = [opposing_part(sent[name], sent["main"], per=per) for name in names]
    return sum(sent.values()) - sum(parts), any(part.any() for part in parts)


@pytest.mark.parametrize("order", list(permutations(NAMES)), ids="-".join)
@pytest.mark.parametrize("kind", SHARED)
def test_order_of_the_components_does_not_matter(kind, order, tiny_bert):
    callback = make_auxiliary_tasks("main", ["first"])
    nlp, examples = make_shared(kind, tiny_bert, order, callback)
    conflicts = []
    for sent, learned in update_one_by_one(nlp, examples):
        expected, changed = project(sent, ["first"])
        torch.testing.assert_close(learned, expected)
        conflicts.append(changed)
    assert any(conflicts)
    assert not all(conflicts)


@pytest.mark.parametrize("per", ["batch", "token"])
@pytest.mark.parametrize("kind", SHARED)
def test_each_auxiliary_gradient_is_projected(kind, per, tiny_bert):
    callback = make_auxiliary_tasks("main", ["first", "other"], per=per)
    nlp, examples = make_shared(kind, tiny_bert, callback=callback)
    changes = []
    for sent, learned in update_one_by_one(nlp, examples):
        expected, changed = project(sent, ["first", "other"], per)
        torch.testing.assert_close(learned, expected)
        changes.append(changed)
    assert any(changes)


@pytest.mark.parametrize("kind", SHARED)
def test_constrain_learns_from_the_main_gradient(kind, tiny_bert):
    """u = g_0 + relu(-<g_0, g>) / |g|^2 g, as Su Jianlin writes it."""
    callback = make_auxiliary_tasks("main", ["first", "other"], rule="constrain")
    nlp, examples = make_shared(kind, tiny_bert, callback=callback)
    shares = []
    for sent, learned in update_one_by_one(nlp, examples):
        main, others = sent["main"], sent["first"] + sent["other"]
        shares.append((-(main * others).sum()).relu() / others.square().sum())
        torch.testing.assert_close(learned, main + shares[-1] * others, atol=1e-6, rtol=1e-4)
        assert (learned * others).sum() >= -1e-5 * learned.norm() * others.norm()
    assert any(shares)


def test_components_that_are_not_named_and_heads_learn_as_ever(tiny_bert):
    gradients = []
    for callback in (None, make_auxiliary_tasks("main", ["first"], per="token")):
        torch.manual_seed(0)
        fix_random_seed(0)
        nlp, examples = make_shared("tok2vec", tiny_bert, callback=callback)
        nlp.update(examples, sgd=False)
        gradients.append(
            {
                name: [
                    node.get_grad(param).tolist()
                    for node in nlp.get_pipe(name).model.walk()
                    for param in node.param_names
                    if node.has_grad(param)
                ]
                for name in ("encoder", *NAMES)
            }
        )
    plain, projected = gradients
    assert all(plain[name] == projected[name] for name in NAMES)
    assert plain["encoder"] != projected["encoder"]


def test_without_conflict_nothing_changes(tiny_bert):
    """An auxiliary task that is the main one over again."""
    callback = make_auxiliary_tasks("main", ["first"])
    nlp, examples = make_shared("tok2vec", tiny_bert, ("main", "first"), callback)
    nlp.get_pipe("first").model.from_bytes(nlp.get_pipe("main").model.to_bytes())
    for example in examples:
        example.reference.spans["first"] = list(example.reference.spans["main"])
    ((sent, learned),) = update_one_by_one(nlp, examples[:1])
    torch.testing.assert_close(learned, sent["main"] + sent["first"], rtol=0.0, atol=0.0)


@pytest.mark.parametrize("rule", ["project", "constrain"])
def test_main_task_without_gold_leaves_the_auxiliary_as_the_rule_says(rule, tiny_bert):
    nlp, examples = make_shared(
        "tok2vec", tiny_bert, callback=make_auxiliary_tasks("main", ["first"], rule)
    )
    for example in examples:
        del example.reference.spans["main"]
    with pytest.warns(UserWarning, match="'main' learns nothing"):
        updates = list(update_one_by_one(nlp, examples))
    for sent, learned in updates:
        assert not sent["main"].any()
        helped = sent["first"] if rule == "project" else torch.zeros_like(sent["first"])
        torch.testing.assert_close(learned, helped + sent["other"])


def test_main_task_that_is_excluded_from_an_update_changes_nothing(tiny_bert):
    """It is not the last to listen: without that one, spaCy itself drops all gradients."""
    callback = make_auxiliary_tasks("main", ["first"])
    nlp, examples = make_shared("tok2vec", tiny_bert, callback=callback)
    for sent, learned in update_one_by_one(nlp, examples, exclude=["main"]):
        assert set(sent) == {"first", "other"}
        torch.testing.assert_close(learned, sent["first"] + sent["other"])
    for _, learned in update_one_by_one(nlp, examples, exclude=["other"]):
        assert learned is None


@pytest.mark.parametrize("kind", SHARED)
def test_texts_without_tokens(kind, tiny_bert):
    nlp, examples = make_shared(kind, tiny_bert, callback=make_auxiliary_tasks("main", ["first"]))
    empty = Example(nlp.make_doc(""), nlp.make_doc(""))
    nlp.update([empty])
    losses = nlp.update([empty, *examples])
    assert losses["main"] > 0
    nlp.update([empty])
    assert nlp.update(examples)["first"] > 0


def test_gradients_that_are_added_up_over_parts_of_a_batch(tiny_bert):
    """Each part is compared for itself."""
    callback = make_auxiliary_tasks("main", ["first"])
    nlp, examples = make_shared("tok2vec", tiny_bert, callback=callback)
    sums = []
    encoder = nlp.get_pipe("encoder")
    sent, learned = watch(nlp)
    update = encoder.update

    def note(examples, **settings):
        if sent:
            sums.append(project(sent, ["first"])[0])
        return update(examples, **settings)

    encoder.update = note
    steps = train_while_improving(
        nlp,
        nlp.resume_training(),
        iter([(0, examples[:4])]),
        evaluate=lambda: (0.0, {}),
        dropout=0.0,
        eval_frequency=10,
        accumulate_gradient=2,
        patience=0,
        max_steps=0,
        annotating_components=[],
        exclude=[],
        before_update=None,
    )
    list(steps)
    sums.append(project(sent, ["first"])[0])
    assert len(learned) == len(sums) == 2
    for own, expected in zip(learned, sums, strict=True):
        torch.testing.assert_close(own, expected)


def test_installed_twice_projects_once(tiny_bert):
    callback = make_auxiliary_tasks("main", ["first"], rule="constrain")
    nlp, examples = make_shared("tok2vec", tiny_bert, callback=callback)
    nlp = make_auxiliary_tasks("main", ["first"])(nlp)
    for sent, learned in update_one_by_one(nlp, examples):
        torch.testing.assert_close(learned, project(sent, ["first"])[0])


CONFIG = """
[paths]
train = "train.spacy"

[nlp]
lang = "en"
pipeline = ["encoder","tagger","spans"]

[components]

[components.encoder]
factory = "tok2vec"

[components.encoder.model]
@architectures = "spacy.HashEmbedCNN.v2"
width = 32
depth = 2
embed_size = 300
window_size = 1
maxout_pieces = 2
subword_features = true
pretrained_vectors = null

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 32
upstream = "encoder"

[components.spans]
factory = "global_pointer"

[components.spans.model]
@architectures = "spacy_globalpointer.EfficientGlobalPointer.v1"
head_size = 16

[components.spans.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 32
upstream = "encoder"

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[training]
seed = 0
gpu_allocator = null
max_steps = 80
eval_frequency = 40
dropout = 0.0

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.005

[training.score_weights]
spans_sc_f = 1.0
tag_acc = 0.0

[initialize]

[initialize.after_init]
@callbacks = "spacy_globalpointer.auxiliary_tasks.v1"
main = "spans"
auxiliary = ["tagger"]
"""


def test_spans_with_a_tagger_that_helps(tmp_path):
    """By a config, as `spacy train` does it; what is saved needs no callback."""
    examples = make_examples(spacy.blank("en"))
    for example in examples:
        for token in example.reference:
            token.tag_ = "NAME" if token.text[0].isupper() else "WORD"
    path = tmp_path / "train.spacy"
    DocBin(docs=[example.reference for example in examples], store_user_data=True).to_disk(path)
    config = Config().from_str(CONFIG, overrides={"paths.train": str(path)})
    nlp = init_nlp(config)
    assert isinstance(nlp.get_pipe("encoder").update, AuxiliaryUpdate)
    (tmp_path / "output").mkdir()
    train(nlp, tmp_path / "output", stdout=io.StringIO(), stderr=io.StringIO())
    loaded = spacy.load(tmp_path / "output" / "model-last")
    doc = loaded(examples[0].text)
    assert found(doc) == [(s.text, s.label_) for s in examples[0].reference.spans["sc"]]
    assert [token.tag_ for token in doc] == [token.tag_ for token in examples[0].reference]
    assert not isinstance(loaded.get_pipe("encoder").update, AuxiliaryUpdate)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"auxiliary": []}, "must be one or more components"),
        ({"auxiliary": ["first", "first"]}, "must be one or more components, each named once"),
        ({"auxiliary": ["main"]}, "not the main one, 'main', was: ['main']. To fix: correct"),
        ({"rule": "drop"}, "rule of auxiliary tasks must be one of ('project', 'constrain')"),
        ({"per": "document"}, "per of auxiliary tasks must be one of ('batch', 'token')"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_auxiliary_tasks(**{"main": "main", "auxiliary": ["first"], **settings})


@pytest.mark.parametrize(
    ("main", "auxiliary", "frozen", "message"),
    [
        ("min", ["first"], [], "must be components of the pipeline, was: 'min'. Its components"),
        ("main", ["frist"], [], "must be components of the pipeline, was: 'frist'"),
        (
            "main",
            ["own"],
            [],
            "with the main one, 'main', but 'own' does not. To fix: give",
        ),
        ("own", ["main"], [], "with the main one, 'own', but 'main' does not. To fix: give both"),
        ("main", ["first"], ["main"], "must be trained, but frozen_components has 'main'"),
        ("main", ["first"], ["encoder"], "must be trained, but frozen_components has 'encoder'"),
    ],
)
def test_components_that_cannot_be_main_and_auxiliary(main, auxiliary, frozen, message, tiny_bert):
    nlp, _ = make_shared("tok2vec", tiny_bert)
    nlp.add_pipe("global_pointer", name="own")
    nlp.config["training"]["frozen_components"] = frozen
    with pytest.raises(ValueError, match=re.escape(message)):
        make_auxiliary_tasks(main, auxiliary)(nlp)


def test_auxiliary_task_may_be_frozen(tiny_bert):
    nlp, examples = make_shared("tok2vec", tiny_bert)
    nlp.config["training"]["frozen_components"] = ["first"]
    make_auxiliary_tasks("main", ["first"])(nlp)
    for sent, learned in update_one_by_one(nlp, examples, exclude=["first"]):
        torch.testing.assert_close(learned, sent["main"] + sent["other"])


def test_an_encoder_whose_listeners_cannot_be_watched_is_an_error(tiny_bert):
    """Listeners of spacy-curated-transformers are plain models, with a state of their own."""
    nlp, _ = make_shared("tok2vec", tiny_bert)
    nlp.get_pipe("encoder").listener_map["first"] = [Linear()]
    with pytest.raises(ValueError, match=r"spaCy or spacy-transformers, .* was: 'encoder'"):
        make_auxiliary_tasks("main", ["first"])(nlp)
