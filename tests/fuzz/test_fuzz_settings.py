"""Settings of all components and architectures: refused with their name, or a component works."""

import math

import pytest
import spacy
from event_samples import make_event_examples
from fuzz_docs import TINY, check_weights, quiet
from fuzzing import JSON, cases, refuse_unclear
from hypothesis import given
from hypothesis import strategies as st
from relation_samples import make_relation_examples
from samples import RESCORER
from thinc.api import Adam

NLP = spacy.blank("en")
OURS = "spacy_globalpointer"
FLAGS = st.booleans()
SHARES = st.sampled_from([0, 0.0, 0.1, 0.5, 0.999, 1, 1.0, -0.1, 1.5, 1e-320, 10**400])
SIZES = st.sampled_from([None, 0, 1, 2, 3, 4, -1, 2**62, 10**15, 1.5, 2.0, True])
KEYS = st.sampled_from(["sc", "other", "", "a:b", "relations", "events", "gold", "x" * 300, None])
TABLE = st.lists(st.tuples(st.sampled_from(["GPE", "ORG", "nobody", "${x}"]), SHARES).map(list))
COMMON = {
    "threshold": SHARES,
    "label_thresholds": TABLE,
    "missing": st.sampled_from(["skip", "negative", "none"]),
    "lr_scale": SHARES,
}
PAIRS = COMMON | {
    "spans": KEYS | st.lists(KEYS, max_size=3),
    "max_distance": SIZES,
    "allow_self": FLAGS,
    "type_pairs": st.sampled_from(["seen", "any", "all"]),
    "candidates": st.sampled_from(["gold", "predicted", "both", "none"]),
}
SETTINGS = {
    "global_pointer": COMMON
    | {
        "spans_key": KEYS,
        "max_length": SIZES | st.sampled_from(["auto", "none"]),
        "max_spans": SIZES,
        "one_per_label": FLAGS,
        "allow_overlap": FLAGS,
        "annotate_ents": FLAGS,
        "incorrect_spans_key": KEYS,
        "label_weights": TABLE,
        "adversarial": SHARES,
        "soft_spans_key": KEYS,
        "soft_weight": SHARES,
        "soft_rehearsal": FLAGS,
    },
    "relation_pointer": PAIRS
    | {"relations_key": KEYS, "symmetric": st.lists(KEYS, max_size=2), "max_relations": SIZES},
    "event_pointer": PAIRS
    | {"events_key": KEYS, "trigger": FLAGS, "max_arguments": SIZES, "max_events": SIZES},
}
HEAD = {"head_size": SIZES, "dropout": SHARES, "hidden_size": SIZES}
GROUPS = st.sampled_from([None, "-", "", [["a", ["GPE"]], ["b", ["ORG", "PERSON"]]], [["a", []]]])
MODELS = {
    "global_pointer": {
        "EfficientGlobalPointer": HEAD
        | {
            "rope": FLAGS,
            "groups": GROUPS,
            "common_extractor": FLAGS,
            "type_rank": SIZES,
            "rescorer": st.fixed_dictionaries(
                {"@architectures": st.just(RESCORER["@architectures"])},
                optional={
                    "token_size": SIZES,
                    "hidden_size": SIZES,
                    "rival_size": SIZES,
                    "threshold": SHARES,
                    "per_token": SHARES,
                },
            ),
        },
        "GlobalPointer": HEAD | {"rope": FLAGS},
    },
    "relation_pointer": {
        "SpanPairs": HEAD | {"span_label_size": SIZES, "pair_size": SIZES},
        "GPLinker": HEAD,
    },
}
MODELS["event_pointer"] = MODELS["relation_pointer"]
LOSSES = {
    "ZLPR": {
        "per": st.sampled_from(["start", "document", "token"]),
        "label_smoothing": SHARES,
        "boundary_smoothing": SHARES,
        "boundary_distance": SIZES,
    },
    "ExpectedF1": {"likelihood": SHARES, "entropy": SHARES},
}


def choose(draw, known, most=2):
    """Some of the settings, with values that fit more or less, or any at all."""
    names = draw(st.lists(st.sampled_from([*known]), max_size=most, unique=True))
    return {name: draw(JSON if draw(st.integers(0, 15)) == 0 else known[name]) for name in names}


def build(draw, name):
    """The settings that were drawn, and the component's config."""
    head = draw(st.sampled_from([*MODELS[name]]))
    loss = draw(st.sampled_from([*LOSSES]))
    model, own = choose(draw, MODELS[name][head]), choose(draw, SETTINGS[name])
    loss_settings = choose(draw, LOSSES[loss], 1)
    config = {
        **own,
        "model": {
            "@architectures": f"{OURS}.{head}.v1",
            "tok2vec": TINY,
            **({"head_size": 4, "hidden_size": 6} | model),
        },
    }
    if loss_settings or loss == "ExpectedF1":
        config["loss"] = {"@losses": f"{OURS}.{loss}.v1", **loss_settings}
    return config


@pytest.mark.parametrize("name", [*SETTINGS])
def test_settings(name):
    make = make_event_examples if name == "event_pointer" else make_relation_examples
    examples = make(NLP)[:4]

    @cases(400)
    @given(st.data())
    def check(data):
        config = build(data.draw, name)
        try:
            pipe = NLP.create_pipe(name, config=config)
            quiet(pipe.initialize, lambda: examples)
            losses = quiet(pipe.update, examples, sgd=Adam(0.001))
            docs = quiet(lambda: [*pipe.pipe(x.reference.copy() for x in examples)])
            saved = quiet(pipe.to_bytes)
        except (ValueError, MemoryError) as error:
            refuse_unclear(error)
            return
        assert math.isfinite(losses[name])
        check_weights({name: pipe})
        again = NLP.create_pipe(name, config=config)
        quiet(again.from_bytes, saved)
        assert again.labels == pipe.labels
        assert len(docs) == len(examples)

    check()
