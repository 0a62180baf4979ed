"""Labels that share an extractor: what is asked for, and what the head then computes."""

from itertools import pairwise

import numpy
import pytest
import torch
from samples import fake_encoder, make_docs
from thinc.api import Ops

from spacy_globalpointer.models import build_efficient_global_pointer, check_loaded, resize_output
from spacy_globalpointer.models.label_groups import LabelGroups

# Neither ordered by group nor of one size: the groups are numbered A, B, C.
LABELS = ["A-x", "B-x", "A-y", "C", "A-z", "B-y"]
TABLE = [["c", ["C"]], ["a", ["A-x", "A-y", "A-z"]], ["b", ["B-x", "B-y"]]]
BOTH = pytest.mark.parametrize("common", [False, True])


def _make(labels=LABELS, groups="-", common=False, vectors=None, **settings):
    settings = {"head_size": 4, "hidden_size": None, **settings}
    encoder = fake_encoder(vectors=vectors)
    model = build_efficient_global_pointer(
        encoder, groups=groups, common_extractor=common, **settings
    )
    _add(model, labels)
    model.initialize(X=make_docs(1))
    return model


def _add(model, labels):
    model.attrs["labels"] = [*model.attrs["labels"], *labels]
    return resize_output(model, len(model.attrs["labels"]))


def _scores(model):
    docs = make_docs(1)
    rows = torch.tensor(model.predict(docs)[0])[None]
    mask = torch.ones(1, len(docs[0]), dtype=torch.bool)
    return model.attrs["layout"].factors(rows, mask).scores()


@pytest.mark.parametrize(
    ("rule", "groups"),
    [
        ("-", [0, 1, 0, 2, 0, 1]),
        (TABLE, [0, 1, 0, 2, 0, 1]),
        ("-x", [0, 1, 2, 3, 4, 5]),
        ("x", [0, 1, 2, 3, 4, 5]),
        ([["all", LABELS]], [0] * 6),
        (None, None),
    ],
)
def test_a_separator_or_a_table_says_which_labels_share_an_extractor(rule, groups):
    assert LabelGroups(rule).number(LABELS) == groups


def test_a_label_without_the_separator_is_in_the_group_of_that_name():
    labels = ["PER", "ORG-firm", "PER-actor", "PER-actor-child", "-", "ORG"]
    assert LabelGroups("-").number(labels) == [0, 1, 0, 0, 2, 1]


@pytest.mark.parametrize("rule", ["-", TABLE])
def test_further_labels_leave_the_numbers_of_the_others(rule):
    numbers = [LabelGroups(rule).number(LABELS[:n]) for n in range(len(LABELS) + 1)]
    for shorter, longer in pairwise(numbers):
        assert longer[:-1] == shorter


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", r"not empty and without '\$', such as \"-\", was: ''"),
        ("$", r"not empty and without '\$', .* was: '\$'"),
        (5, r"a list of \[group, \[labels\]\], as .* was: 5"),
        ([], r"a list of \[group, \[labels\]\], as .* was: \[\]"),
        ([["A"]], r"a list of \[group, \[labels\]\]"),
        ([["A", "B"]], r"a list of \[group, \[labels\]\]"),
        ([["A", ["B", 3]]], r"a list of \[group, \[labels\]\]"),
        ([["A", ["B"]], ["C", []]], "each of the groups must have a label, was: none in 'C'"),
        ([["A", ["B", "C"]], ["D", ["C"]]], "each label once, but has several times: C. To fix"),
        ([["A", ["B", "B"]]], "each label once, but has several times: B"),
        ([["A", ["B"]], ["A", ["C"]]], "each group once, but has several times: A"),
    ],
)
def test_a_bad_rule_is_an_error(rule, message):
    with pytest.raises(ValueError, match=message):
        build_efficient_global_pointer(fake_encoder(), groups=rule)


def test_a_common_extractor_without_groups_is_an_error():
    with pytest.raises(ValueError, match="must be false if groups is null"):
        build_efficient_global_pointer(fake_encoder(), common_extractor=True)


def test_a_number_of_labels_without_names_is_an_error():
    with pytest.raises(ValueError, match=r"was: 3, for 0 labels. To fix: write nO = null"):
        build_efficient_global_pointer(fake_encoder(), groups="-", nO=3)


def test_a_label_in_no_group_is_an_error_that_tells_how_to_add_it():
    with pytest.raises(ValueError, match=r"names none for: 'D'. To fix: add .*\['D', \['D'\]\]"):
        LabelGroups(TABLE).of("D")


def test_labels_and_table_are_compared():
    groups = LabelGroups(TABLE)
    groups.check("gp", LABELS)
    with pytest.raises(ValueError, match=r"'gp': .* names none for: D, E. To fix: .*\['D', \['D'"):
        groups.check("gp", [*LABELS, "D", "E"])
    with pytest.raises(ValueError, match=r"'gp': .* but names: C, B-y. The labels are: A-x"):
        groups.check("gp", ["A-x", "A-y", "A-z", "B-x"])
    LabelGroups("-").check("gp", ["D"])


def test_a_config_may_double_dollars():
    assert LabelGroups([["A", ["US$$"]], ["B", [r"\u0024{x"]]]).number(["US$", "${x"]) == [0, 1]


@BOTH
@pytest.mark.parametrize("head_size", [4, 16])
def test_parameters_are_those_of_an_extractor_a_group(head_size, common):
    model, d, width, n_groups, c = _make(common=common, head_size=head_size), head_size, 8, 3, 6
    extractor, types = model.get_ref("extractor"), model.get_ref("types")
    assert extractor.get_param("W").size == 2 * d * (n_groups + common) * width
    assert types.get_param("W").size == 4 * d * c * (1 + common)
    (rows,) = model.predict(make_docs(1))
    assert rows.shape[1] == 2 * d * (n_groups + common) + 2 * c == model.attrs["layout"].width


@BOTH
def test_the_score_is_that_of_the_extractor_of_the_group(common):
    """The formula of Efficient GlobalPointer, with the extractors that a label reads."""
    model = _make(common=common, rope=False)
    model.get_ref("types").set_param("b", numpy.arange(12, dtype="f"))
    (hidden,) = model.get_ref("tok2vec").predict(make_docs(1))
    extractor, weights = model.get_ref("extractor"), model.get_ref("types").get_param("W")
    pairs = hidden @ extractor.get_param("W").T + extractor.get_param("b")
    pairs = pairs.reshape(len(hidden), -1, 2, 4)  # (l, extractors, query and key, d)
    scores, s, e = _scores(model), 1, 4
    for label, group in enumerate([0, 1, 0, 2, 0, 1]):
        read = pairs[:, [0, 1 + group] if common else [group]]
        expected = sum(float(read[s, i, 0] @ read[e, i, 1]) for i in range(1 + common)) / 4**0.5
        expected += float(read[s].ravel() @ weights[label]) + label
        expected += float(read[e].ravel() @ weights[6 + label]) + 6 + label
        assert float(scores[0, label, s, e]) == pytest.approx(expected, abs=1e-4)


def test_one_group_of_all_labels_is_efficient_global_pointer():
    plain, grouped = _make(groups=None), _make(groups=[["all", LABELS]])
    for name in ("extractor", "types"):
        for param in ("W", "b"):
            grouped.get_ref(name).set_param(param, plain.get_ref(name).get_param(param))
    torch.testing.assert_close(_scores(grouped), _scores(plain))


@BOTH
def test_gradient_reaches_encoder_and_weights(common):
    """Finite differences of sum(rows * g) with respect to inputs and parameters, in float64."""
    docs, generator = make_docs(1), numpy.random.default_rng(1)
    vectors = [generator.normal(size=(len(docs[0]), 8))]
    model = _make(common=common, vectors=vectors)
    for node in model.walk():
        node.ops = Ops()  # plain numpy: the usual ones refuse float64
        for name in node.param_names:
            node.set_param(name, generator.normal(size=node.get_param(name).shape))
    (rows,), backprop = model.begin_update(docs)
    weight = generator.normal(size=rows.shape)
    backprop([weight])

    def slope(array, place, step=1e-5):
        old, values = array[place], []
        for sign in (1, -1):
            array[place] = old + sign * step
            values.append(float((model.predict(docs)[0] * weight).sum()))
        array[place] = old
        return (values[0] - values[1]) / (2 * step)

    ((d_vectors,),) = model.get_ref("tok2vec").attrs["seen"]
    cases = [(vectors[0], d_vectors)]
    for ref in ("extractor", "types"):
        node = model.get_ref(ref)
        cases += [(node.get_param(name), node.get_grad(name)) for name in ("W", "b")]
    for array, gradient in cases:
        for place in generator.integers(array.shape, size=(12, array.ndim)).tolist():
            wanted = slope(array, tuple(place))
            assert gradient[tuple(place)] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@BOTH
@pytest.mark.parametrize(
    ("new", "groups"),
    [(["B-z"], [0, 1, 0, 2, 0, 1, 1]), (["D", "A-q", "D-x"], [0, 1, 0, 2, 0, 1, 3, 0, 3])],
)
def test_new_labels_join_a_group_or_make_one_and_old_ones_keep_their_scores(new, groups, common):
    model = _make(common=common)
    before, extractor = _scores(model), model.get_ref("extractor")
    _add(model, new)
    assert model.attrs["layout"].group == groups
    # Its moments in the optimizer are lost with the layer.
    assert (model.get_ref("extractor") is extractor) == ("D" not in new)
    after = _scores(model)
    assert after.shape[1] == len(groups)
    torch.testing.assert_close(after[:, :6], before)
    copied = model.copy().from_bytes(model.to_bytes())
    torch.testing.assert_close(_scores(copied), after)


@BOTH
@pytest.mark.parametrize("groups", ["-", TABLE, [*TABLE, ["new", ["D"]]]])
def test_what_was_saved_comes_back(groups, common):
    """Other names of the same groups, and groups of further labels, are no other groups."""
    saved = _make(common=common)
    loaded = build_efficient_global_pointer(
        fake_encoder(), head_size=4, hidden_size=None, groups=groups, common_extractor=common
    )
    loaded.from_bytes(saved.to_bytes())
    check_loaded(loaded)
    torch.testing.assert_close(_scores(loaded), _scores(saved))
    assert loaded.attrs["groups"].rule == groups


@pytest.mark.parametrize(
    ("saved", "built", "message"),
    [
        ("-", "x", r'\[\["A-x", \["A-x", "A-y", "A-z"\]\], .* but has groups = \[\["A-x", \["A-x"'),
        ([["all", LABELS]], None, r'groups = \[\["A-x", .*, but has groups = null. To fix'),
        (None, [["all", LABELS]], r'groups = null, but has groups = \[\["A-x", '),
        ("-", TABLE[:2], "names none for: 'B-x'"),
        # Layers of other sizes are noticed by Thinc.
        ("-", None, "Attempt to change dimension"),
    ],
)
def test_weights_of_other_groups_are_an_error(saved, built, message):
    weights = _make(groups=saved).to_bytes()
    model = build_efficient_global_pointer(
        fake_encoder(), head_size=4, hidden_size=None, groups=built
    )
    with pytest.raises(ValueError, match=message):
        check_loaded(model.from_bytes(weights))
