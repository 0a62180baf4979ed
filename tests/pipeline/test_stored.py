"""Settings that only the pipeline's config stores: what is written comes back, or is warned of."""

import copy
import gc
import pickle
import warnings

import pytest
import spacy
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from samples import make_example, make_nlp

from spacy_globalpointer.commands.tune.tuned import set_thresholds
from spacy_globalpointer.pipeline.spelling import find_label, spell_label

NAME = "global_pointer"
ODD = ["US$", "$", "$$a$", "a${b}", "${a.b}", "%s %(a)s", "{x}", 'a"b', "b\\c", r"\u0024", "x\ny"]
ODD += ["é中", "a=b:c # ;", "[x]", "a'", "\\", "$${", r"\\u0024$", "null", "${vars.a}$"]
# A label and one that is spelt as it is stored cannot be in one pipeline: "$" and "\\u0024".
THIRDS = [ODD[0::3], ODD[1::3], ODD[2::3]]


def make(labels=("A", "B"), **settings):
    nlp = make_nlp(**settings)
    for label in labels:
        nlp.get_pipe(NAME).add_label(label)
    nlp.initialize(lambda: [make_example(nlp, "Anna met Rome.", [])])
    return nlp


def cycle(nlp, path, times=1):
    for _ in range(times):
        nlp.to_disk(path)
        nlp = spacy.load(path)
    return nlp


def labels_found(nlp):
    doc = nlp("Anna met Rome.")
    return {span.label_ for span in doc.spans["sc"]}


@pytest.fixture(autouse=True)
def no_other_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("labels", THIRDS)
def test_a_threshold_of_any_label_comes_back(labels, tmp_path):
    """As `tune` writes it; spaCy's config doubles dollars and takes "${" for a variable."""
    nlp = make([*labels, "other"], max_spans=1000)
    set_thresholds(nlp, NAME, {"threshold": 1.0, "label_thresholds": [[x, 0.0] for x in labels]})
    for times in (1, 2):
        nlp = cycle(nlp, tmp_path, times)
        assert labels_found(nlp) == {*labels}
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert labels_found(again) == {*labels}


@pytest.mark.parametrize("labels", THIRDS)
def test_labels_that_a_user_wrote_come_back_as_they_were(labels, tmp_path):
    labels = [label for label in labels if "${" not in label]
    written = [[label, 0.25] for label in labels]
    nlp = cycle(make(labels, label_thresholds=written), tmp_path, 4)
    assert nlp.get_pipe(NAME).cfg["label_thresholds"] == written
    nlp("Anna met Rome")


TEXTS = st.text(st.sampled_from('$${}a\\u0024"%'), min_size=1, max_size=8)


@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True))
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_spelling_is_found_again_or_refused(labels):
    for label in labels:
        others = {other.replace("\\", r"\u005c").replace("$", r"\u0024") for other in labels}
        if "$" in label and others & set(labels):
            continue  # looks like a spelling itself: see the next test
        text = spell_label(label, labels)
        assert "$" not in text
        assert find_label(text, labels) == label


def test_a_label_that_is_the_spelling_of_another_is_an_error():
    with pytest.raises(ValueError, match="must not be spelt like another label, was: 'a\\$'"):
        spell_label("a$", ["a$", r"a\u0024"])


@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True), st.integers(0, 3))
def test_a_doubled_label_is_found_or_not_but_never_another(labels, times):
    for label in (label for label in labels if "$" in label and "${" not in label):
        found = find_label(label.replace("$", "$" * 2**times), labels)
        assert found in (label, None)


def test_a_variable_in_a_label_is_an_error_that_names_the_spelling():
    with pytest.raises(ValueError, match=r"was: 'a\$\{b\}'. To fix: write each '\$' as \\u0024"):
        make_nlp(label_thresholds=[["a${b}", 0.5]])


def test_labels_that_dollars_alone_tell_apart_must_be_spelt(tmp_path):
    nlp = make(["US$", "US$$"])
    nlp.get_pipe(NAME).cfg["label_thresholds"] = [["US$$", 0.5]]
    with pytest.raises(
        ValueError, match=r"was: 'US\$\$'. A config doubles '\$': write it as \\u0024"
    ):
        nlp("Anna")
    own = [["US$$", 0.0], ["US$", 1.0]]
    set_thresholds(nlp, NAME, {"threshold": 0.5, "label_thresholds": own})
    nlp = cycle(nlp, tmp_path, 2)
    assert labels_found(nlp) == {"US$$"}


def test_a_label_that_is_named_twice_in_two_spellings_is_an_error():
    nlp = make(["US$"])
    nlp.get_pipe(NAME).cfg["label_thresholds"] = [["US$$", 0.5], [r"US\u0024", 0.4]]
    with pytest.raises(ValueError, match=r"must name each label once, but has 'US\$' 2 times"):
        nlp("Anna")


def write_bytes(nlp, path):
    nlp.to_bytes()


def write_disk(nlp, path):
    nlp.to_disk(path)


WRITERS = pytest.mark.parametrize("write", [write_disk, write_bytes])
CHANGED = r"has other settings than the pipeline's config, .* threshold = 0.99 will be lost"


@WRITERS
def test_a_setting_that_will_be_lost_is_warned_of_with_its_repair(write, tmp_path):
    nlp = cycle(make(), tmp_path)
    nlp.get_pipe(NAME).cfg["threshold"] = 0.99
    with pytest.warns(UserWarning, match=CHANGED) as caught:
        write(nlp, tmp_path / "out")
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "the config has 0.5" in message
    exec(message.splitlines()[-1])
    write(nlp, tmp_path / "out")  # no warning
    if write is write_disk:
        assert spacy.load(tmp_path / "out").get_pipe(NAME).cfg["threshold"] == 0.99


@pytest.mark.parametrize(
    "change",
    [
        {"label_thresholds": [["A", 0.25]]},
        {"max_spans": 4, "allow_overlap": False},
        {"spans_key": "k"},
    ],
)
def test_every_setting_is_looked_at(change, tmp_path):
    nlp = make()
    nlp.get_pipe(NAME).cfg.update(change)
    with pytest.warns(UserWarning, match="will be lost") as caught:
        nlp.to_disk(tmp_path)
    assert all(f"{key} = {value!r}" in str(caught[0].message) for key, value in change.items())
    for line in str(caught[0].message).split("\n\n")[1].splitlines():
        exec(line)
    nlp = cycle(nlp, tmp_path)
    assert {key: nlp.get_pipe(NAME).cfg[key] for key in change} == change


def test_what_the_config_has_is_no_change(tmp_path):
    settings = {"threshold": 1, "label_thresholds": [["A", 0], ["B", 0.5]], "max_spans": 4}
    nlp = make(**settings)
    nlp = cycle(nlp, tmp_path, 2)
    nlp.to_bytes()
    overrides = {f"components.{NAME}.threshold": 0.3}
    spacy.load(tmp_path, config=overrides).to_disk(tmp_path / "b")
    assert spacy.load(tmp_path / "b").get_pipe(NAME).cfg["threshold"] == 0.3
    config = nlp.config.copy()
    config["vars"] = {"cut": 0.7}
    config["components"][NAME]["threshold"] = "${vars.cut}"
    config.is_interpolated = False
    nlp = spacy.blank("en").from_config(config)
    assert nlp.get_pipe(NAME).cfg["threshold"] == 0.7
    nlp.get_pipe(NAME).to_bytes()


def renamed(nlp):
    nlp.rename_pipe(NAME, "renamed")
    return nlp, "renamed"


def sourced(nlp):
    other = spacy.blank("en")
    other.add_pipe(NAME, "other", source=nlp)
    return other, "other"


def sourced_alone(nlp):
    other, name = sourced(nlp)
    del nlp
    gc.collect()
    return other, name


def from_bytes(nlp):
    return spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes()), NAME


@pytest.mark.parametrize("make_other", [renamed, sourced, sourced_alone, from_bytes])
def test_changes_are_seen_wherever_the_component_goes(make_other, tmp_path):
    nlp, name = make_other(cycle(make(), tmp_path))
    nlp.to_disk(tmp_path / "a")  # no warning
    nlp.get_pipe(name).cfg["threshold"] = 0.99
    with pytest.warns(UserWarning, match=CHANGED):
        nlp.to_disk(tmp_path / "a")


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_component_knows_what_it_was_made_with(copy_of, tmp_path):
    pipe = copy_of(make().get_pipe(NAME))
    pipe.to_disk(tmp_path)  # no warning
    pipe.cfg["threshold"] = 0.99
    with pytest.warns(UserWarning, match=CHANGED):
        pipe.to_disk(tmp_path)


def test_processes_take_the_settings_along():
    nlp = make()
    nlp.get_pipe(NAME).cfg["threshold"] = 0.0
    docs = list(nlp.pipe(["Anna met", "Rome"], n_process=2))
    assert all(len(doc.spans["sc"]) for doc in docs)
