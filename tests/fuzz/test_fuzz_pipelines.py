"""All components through any life: they learn, grow, predict, are saved, and loaded."""

import json
import math
from copy import deepcopy

from fuzz_docs import (
    HEADS,
    NLP,
    PAIR_HEADS,
    check_weights,
    draw_doc,
    examples_of,
    make_pipes,
    quiet,
)
from fuzzing import LABELS, SHARE, TEXTS, cases, refuse_unclear
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from spacy.tokens import DocBin
from thinc.api import Adam

from spacy_globalpointer import get_events, get_relations
from spacy_globalpointer.corpora import record_to_doc
from spacy_globalpointer.corpora.annotation import WrittenKeys, list_annotation
from spacy_globalpointer.corpora.readers.jsonl import read_jsonl
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT

KEYS = WrittenKeys(["sc"], ["relations"], ["events"])
NAMES = st.lists(LABELS, min_size=1, max_size=4, unique=True)
ROLES = NAMES.filter(lambda names: SAME_EVENT not in names)  # which no role may be called


def annotation_of(doc):
    """All that the components found in a document, without scores, in a form that compares."""
    row = list_annotation(doc, KEYS)
    return {
        key: [{name: x for name, x in part.items() if name != "score"} for part in parts]
        for key, parts in row.items()
    }


def check_found(doc):
    """Spans lie in the document, sorted, once each, with a probability; so do edges and events."""
    group = doc.spans["sc"]
    rows = [(span.start, -span.end, span.label_) for span in group]
    assert rows == sorted(rows, key=lambda row: row[:2])
    assert len(set(rows)) == len(rows)
    assert all(0 <= span.start < span.end <= len(doc) for span in group)
    assert not any(doc[i].is_space for span in group for i in (span.start, span.end - 1))
    scores = [float(score) for score in group.attrs["scores"]]
    assert len(scores) == len(rows)
    scores += [relation.score for relation in get_relations(doc)]
    scores += [event.score for event in get_events(doc)]
    assert all(math.isfinite(score) and 0 <= score <= 1 for score in scores)


def check_lines(doc, found):
    """What is written as a JSON line is read, and becomes the same document."""
    row = {"text": doc.text, "tokens": [token.text for token in doc], **found}
    (record,) = read_jsonl([json.dumps(row)], "x")
    again, *outcomes = record_to_doc(record, NLP)
    # White space at the ends of spans is cut off; of tokens only few have some and other things.
    if all(token.is_space or token.text == token.text.strip() for token in doc):
        assert {outcome for own in outcomes for outcome in own} <= {"kept"}
        assert annotation_of(again) == found


def what_was_learned(pipe):
    """Weights, and what else is kept of the training; not the dropout rate, which is set anew."""
    attrs = {key: x for key, x in pipe.model.attrs.items() if isinstance(x, (int, list))}
    weights = [
        node.get_param(name).tobytes()
        for node in pipe.model.walk()
        for name in node.param_names
        if node.has_param(name)
    ]
    return weights, attrs


class Life(RuleBasedStateMachine):
    """Names are of any characters, and so are texts; gold has every form that a document can."""

    @initialize(data=st.data())
    def begin(self, data):
        draw = data.draw
        self.labels, self.roles, self.kinds = draw(NAMES), draw(ROLES), draw(NAMES)
        self.settings = {
            "head": draw(st.sampled_from([*HEADS])),
            "pairs": draw(st.sampled_from(PAIR_HEADS)),
            "spans": {
                "max_length": draw(st.sampled_from(["auto", None, 1, 3])),
                "max_spans": draw(st.sampled_from([None, 1, 5])),
                "one_per_label": draw(st.booleans()),
                "allow_overlap": draw(st.booleans()),
                "missing": draw(st.sampled_from(["skip", "negative"])),
                "adversarial": draw(st.sampled_from([0.0, 0.0, 0.3])),
            },
            "relations": {
                "allow_self": draw(st.booleans()),
                "max_distance": draw(st.sampled_from([None, 1])),
                "candidates": draw(st.sampled_from(["both", "gold", "predicted"])),
            },
            "events": {"type_pairs": draw(st.sampled_from(["seen", "any"]))},
        }
        self.pipes, self.optimizer = make_pipes(**self.settings), Adam(0.001)
        examples = draw(self._examples())
        for name, pipe in self.pipes.items():
            try:
                quiet(pipe.initialize, lambda: examples)
            except ValueError as error:  # nothing is annotated
                refuse_unclear(error, f"'{name}'")
                for label in self.labels if name == "global_pointer" else self.roles:
                    pipe.add_label(label)
                quiet(pipe.initialize, lambda: examples)

    def _examples(self):
        return examples_of(self.labels, self.roles, self.kinds)

    @rule(data=st.data(), drop=st.sampled_from([0.0, 0.5]), rate=st.sampled_from([0.001, 0.3]))
    def update(self, data, drop, rate):
        examples = data.draw(self._examples())
        self.optimizer.learn_rate = rate
        for pipe in self.pipes.values():
            before = what_was_learned(pipe)
            try:
                losses = quiet(pipe.update, examples, drop=drop, sgd=self.optimizer)
            except ValueError as error:
                refuse_unclear(error, f"'{pipe.name}'", "must be finite")
                assert what_was_learned(pipe) == before
            else:
                assert all(math.isfinite(loss) and loss >= 0 for loss in losses.values())

    @rule(
        label=LABELS.filter(lambda label: label != SAME_EVENT),
        name=st.sampled_from(["global_pointer", "relation_pointer"]),
    )
    def add_label(self, label, name):
        pipe, own = self.pipes[name], self.labels if name == "global_pointer" else self.roles
        known = label in pipe.labels
        assert pipe.add_label(label) == (not known)
        assert label in pipe.labels
        own += [] if label in own else [label]

    @rule(data=st.data(), threshold=st.sampled_from([0.0, 1e-9, 0.3, 0.5, 1.0]))
    def predict(self, data, threshold):
        docs = [draw_doc(data.draw, text) for text in data.draw(st.lists(TEXTS, max_size=4))]
        for doc in self._annotate(self.pipes, docs, threshold):
            check_found(doc)
            found = annotation_of(doc)
            (same,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(NLP.vocab)
            assert annotation_of(same) == found
            check_lines(doc, found)

    @staticmethod
    def _annotate(pipes, docs, threshold=0.3):
        for pipe in pipes.values():
            pipe.cfg["threshold"] = threshold
            docs = quiet(lambda pipe=pipe, docs=docs: [*pipe.pipe(docs, batch_size=2)])
        return docs

    @rule(text=TEXTS)
    def save_and_load(self, text):
        again = make_pipes(**self.settings)
        for name, pipe in self.pipes.items():
            saved = pipe.to_bytes()
            again[name].from_bytes(saved)
            assert again[name].labels == pipe.labels
            assert again[name].to_bytes() == saved
        docs = [self._annotate(pipes, [NLP.make_doc(text)])[0] for pipes in (self.pipes, again)]
        one, other = (list_annotation(doc, KEYS) for doc in docs)
        assert one == other
        self.pipes, self.optimizer = again, Adam(0.001)

    @rule(data=st.data())
    def rehearse(self, data):
        examples, pipe = data.draw(self._examples()), self.pipes["global_pointer"]
        pipe._rehearsal_model = deepcopy(pipe.model)  # as nlp.resume_training
        losses = quiet(pipe.rehearse, examples, sgd=self.optimizer)
        assert all(math.isfinite(loss) for loss in losses.values())

    @invariant()
    def weights_are_finite(self):
        check_weights(getattr(self, "pipes", {}))


TestLife = Life.TestCase
# A life that fails is not shortened: that takes longer than all others together.
TestLife.settings = cases(
    500, 2 * SHARE, stateful_step_count=8, phases=[Phase.reuse, Phase.generate]
)
