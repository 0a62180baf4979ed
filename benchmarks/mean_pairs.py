"""The architecture of spaCy's tutorial on relations, for comparison: mean vectors, one layer.

Source: https://github.com/explosion/projects/tree/v3/tutorials/rel_component. Here it is a model of
`relation_pointer`, so that candidates, loss, training and scores are those of the others.
"""

from collections.abc import Callable

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Model, xp2torch
from thinc.types import Floats2d

from spacy_globalpointer.models.encoders import encode
from spacy_globalpointer.models.pairs import DocSpans, PairModel, build_pair_model, init_encoder
from spacy_globalpointer.models.rare import init_rare
from spacy_globalpointer.models.torch_step import through_torch
from spacy_globalpointer.nn import PairLayout, mean_inside

# Query and key, which this architecture does not have: one channel of zeros each.
UNUSED = 4


@registry.architectures("benchmarks.MeanPairs.v1")
def build_mean_pairs(tok2vec: Model[list[Doc], list[Floats2d]], nO: int | None = None) -> PairModel:
    """Score a pair by one linear layer over the mean vectors of both spans.

    tok2vec: encoder, token vectors (l, D).
    nO: number of labels of relations; None until initialization.
    RETURNS: n spans of each document -> rows (n, 4 + 4C + n).
    """
    refs = {"tok2vec": tok2vec, "types": Linear(init_b=init_rare)}
    layout = PairLayout(UNUSED // 4, 0)
    return build_pair_model("mean_pairs", _forward, _init, refs, layout, 0.0, nO)


def _forward(
    model: PairModel, batch: list[DocSpans], is_train: bool, *, dropout: float
) -> tuple[list[Floats2d], Callable]:
    ops = model.ops
    tokens = encode(model, [doc for doc, _ in batch], is_train, dropout)
    counts = [len(spans) for _, spans in batch]
    borders, first = [], 0
    for doc, spans in batch:
        borders += [(first + span.start, first + span.end - 1) for span in spans]
        first += len(doc)
    start, last = xp2torch(ops.asarray2i(borders or ops.alloc2i(0, 2))).long().unbind(1)
    X, backprop_X = through_torch(lambda x: mean_inside(x, start, last), tokens.vectors, is_train)
    T, backprop_T = model.get_ref("types")(X, is_train)

    def backprop(d_rows: list[Floats2d]) -> list[Doc]:
        dT = ops.xp.vstack([d[:, UNUSED : UNUSED + T.shape[1]] for d in d_rows])
        return tokens.backprop(backprop_X(backprop_T(ops.as_contig(dT))) * tokens.has_vector)

    rows, first = [], 0
    for n in counts:
        own = T[first : first + n]
        rows.append(ops.xp.hstack([ops.alloc2f(n, UNUSED), own, ops.alloc2f(n, n)]))
        first += n
    return rows, backprop


def _init(model: PairModel, X: list[DocSpans] | None = None, Y: object | None = None) -> None:
    model.get_ref("types").set_dim("nI", init_encoder(model, X))
    model.get_ref("types").initialize()
