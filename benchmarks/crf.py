"""A CRF over BIO tags, to compare with: the usual head for flat entities."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.scorer import Scorer
from spacy.tokens import Doc, Span
from spacy.training import Example, biluo_to_iob, iob_utils
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Linear, Model, torch2xp, with_array, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn

# Documents whose tags are found at once, those of similar length together.
DECODED_DOCS = 128
# Parameters of torchcrf's module. Thinc owns them, so that averages reach them too.
PARAMS = ("start_transitions", "end_transitions", "transitions")


class BioCrf(TrainablePipe):
    """Linear emissions over an encoder, torchcrf's CRF over them, Viterbi to doc.ents."""

    def __init__(self, vocab: Vocab, tok2vec: Model[list[Doc], list[Floats2d]], name: str) -> None:
        """Make the component; its tags come with `initialize`."""
        self.vocab, self.name = vocab, name
        self.model = _build(tok2vec)
        self.cfg: dict[str, Any] = {}
        self.scorer = score_ents

    @property
    def tags(self) -> list[str]:
        """O, then B and I of every label."""
        return list(self.model.attrs["tags"])

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None
    ) -> None:
        """Find the tags, and make emissions and transitions for them.

        RAISES (ImportError): without pytorch-crf.
        """
        examples = list(get_examples())
        labels = sorted({ent.label_ for example in examples for ent in example.reference.ents})
        tags = ["O", *(f"{part}-{label}" for label in labels for part in "BI")]
        self.model.attrs["tags"] = tags
        crf = _make_crf(len(tags))
        for name in PARAMS:
            self.model.set_param(name, _to_thinc(getattr(crf, name).detach()))
        self.model.initialize(X=[example.predicted for example in examples[:10]])

    def predict(self, docs: Iterable[Doc]) -> list[list[int]]:
        """Find the tags of each document."""
        docs = list(docs)
        tags: list[list[int]] = [[] for _ in docs]
        emissions = self.model.predict(docs)
        order = sorted((i for i, doc in enumerate(docs) if len(doc)), key=lambda i: len(docs[i]))
        crf = self._crf()
        for places in minibatch(order, DECODED_DOCS):
            with torch.no_grad():
                found = crf.decode(*_pad([xp2torch(emissions[i]) for i in places]))
            for place, path in zip(places, found, strict=True):
                tags[place] = path
        return tags

    def set_annotations(self, docs: Iterable[Doc], tags: list[list[int]]) -> None:
        """Write doc.ents."""
        names = self.tags
        for doc, path in zip(docs, tags, strict=True):
            biluo = iob_utils.iob_to_biluo([names[tag] for tag in path])
            spans = iob_utils.biluo_tags_to_spans(doc, biluo)
            doc.set_ents([Span(doc, span.start, span.end, label=span.label) for span in spans])

    def get_loss(
        self, examples: Iterable[Example], emissions: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Negative log likelihood of the tags, summed, and the gradient of the emissions.

        The gradients of the transitions are added to those of the model.
        """
        places = [i for i, rows in enumerate(emissions) if len(rows)]
        leaves = [xp2torch(rows).requires_grad_() for rows in emissions]
        padded, mask = _pad([leaves[i] for i in places])
        gold = list(examples)
        tags, _ = _pad([torch.tensor(self._gold_tags(gold[i])) for i in places])
        crf = self._crf()
        loss = -crf(padded, tags, mask, reduction="sum")
        loss.backward()
        for name in PARAMS:
            self.model.inc_grad(name, _to_thinc(getattr(crf, name).grad))
        gradients = [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]
        return float(loss.detach()), [_to_thinc(rows) for rows in gradients]

    def _crf(self) -> Any:
        """The module, with the parameters of now."""
        crf = _make_crf(len(self.tags))
        for name in PARAMS:
            getattr(crf, name).data = xp2torch(self.model.get_param(name))
        return crf

    def _gold_tags(self, example: Example) -> list[int]:
        names = self.tags
        # Tokens that the alignment leaves open count as outside.
        known = [tag or "O" for tag in example.get_aligned_ner()]
        iob = biluo_to_iob([tag if tag[0] in "BILU" else "O" for tag in known])
        return [names.index(tag) if tag in names else 0 for tag in iob]


def score_ents(examples: Iterable[Example], **cfg: Any) -> dict[str, Any]:
    """Precision, recall and F of doc.ents."""
    return Scorer.score_spans(
        examples, "ents", has_annotation=lambda doc: doc.has_annotation("ENT_IOB")
    )


def _to_thinc(tensor: Tensor) -> Any:
    return torch2xp(tensor)


def _make_crf(n_tags: int) -> Any:
    try:
        from torchcrf import CRF
    except ImportError as error:
        raise ImportError(
            "the CRF to compare with needs pytorch-crf. To fix: "
            'pip install "spacy-globalpointer[bench]"'
        ) from error
    return CRF(n_tags, batch_first=True)


def _build(tok2vec: Model[list[Doc], list[Floats2d]]) -> Model:
    emissions: Model[Floats2d, Floats2d] = Linear()
    return Model(
        "bio_crf",
        _forward,
        init=_init,
        layers=[tok2vec, with_array(emissions)],
        params=dict.fromkeys(PARAMS),
        refs={"emissions": emissions},
        attrs={"tags": []},
    )


def _forward(model: Model, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    tok2vec, emissions = model.layers
    vectors, backprop_tok2vec = tok2vec(docs, is_train)
    rows, backprop_emissions = emissions(vectors, is_train)
    return rows, lambda d_rows: backprop_tok2vec(backprop_emissions(d_rows))


def _init(model: Model, X: list[Doc] | None = None, Y: object | None = None) -> None:
    tok2vec, emissions = model.layers
    tok2vec.initialize(X=X)
    model.get_ref("emissions").set_dim("nO", len(model.attrs["tags"]))
    emissions.initialize(X=tok2vec.predict(X))


def _pad(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), mask


def make_bio_crf(nlp: Language, name: str, model: Model[list[Doc], list[Floats2d]]) -> BioCrf:
    """Make the component.

    model: encoder, token vectors (l, D).
    """
    return BioCrf(nlp.vocab, model, name)


# Not an entry point: only benchmarks use it.
Language.factory("bio_crf", func=make_bio_crf, default_score_weights={"ents_f": 1.0})
