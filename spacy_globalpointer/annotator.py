"""A pipeline as a function from batches of texts to batches of records, for data of any size."""

import gc
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import import_file, load_model
from thinc.api import require_gpu

from .corpora.annotation import WrittenKeys, list_annotation
from .corpora.record import Record
from .messages import list_some, quote
from .pipeline.global_pointer import GlobalPointer
from .pipeline.pair_gold import list_span_sources
from .pipeline.teacher import SoftLabels, check_soft_labels, teach
from .pipeline.uncertainty import UNCERTAINTY, measure_uncertainty

# spaCy's hash tables only ever grow: they keep a slot for each word that nlp.memory_zone() has
# forgotten. After so many words, some 40 MB, the pipeline is loaded again.
MOST_WORDS = 1_000_000


class Annotator:
    """Find spans, and relations and events of them, in batches of texts.

    It is called with one batch, which may be

    - a list of texts: it returns a list of records, as `annotate` writes them: "text", "tokens",
      "spans" ("start" and "end" in characters, exclusive, "label", "score" as a probability), and
      "relations" and "events" if the pipeline has components for them;
    - a mapping of columns, as `map` of Hugging Face datasets and `map_batches` of Ray Data give it:
      it returns the same columns with those of the records beside them, or in their place;
    - a pandas.DataFrame, likewise.

    It is pickled as its settings, not as weights: each process loads the pipeline when it is first
    called there, and memory does not grow with the number of texts. Threads may share it: they wait
    for each other, so for speed use processes.

    model: name of a pipeline's package, or its folder, in each process.
    spans_key, relations_key, events_key: the groups to write; None for those of the components.
    soft_key: write soft labels into this group instead, as `annotate --soft-key`; soft_threshold
        (probability): the lowest of them.
    uncertainty: also tell how unsure the pipeline is of each text: see `pipeline.uncertainty`.
    column: that has the texts of a batch of columns.
    batch_size (documents): of the pipeline, within a batch.
    gpu_id: the GPU to use, below 0 the CPU.
    code: a Python file with functions that the pipeline needs.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        spans_key: str | None = None,
        relations_key: str | None = None,
        events_key: str | None = None,
        soft_key: str | None = None,
        soft_threshold: float = 0.01,
        uncertainty: bool = False,
        column: str = "text",
        batch_size: int = 256,
        gpu_id: int = -1,
        code: Path | None = None,
    ) -> None:
        self.model, self.column, self.batch_size = str(model), column, batch_size
        self.chosen = spans_key, relations_key, events_key
        self.soft = None if soft_key is None else SoftLabels(soft_key, soft_threshold)
        if self.soft is not None:
            check_soft_labels(self.soft)
        self.uncertainty, self.gpu_id, self.code = uncertainty, gpu_id, code
        self._nlp: Language | None = None
        self._n_known = 0
        self._one_at_a_time = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_nlp": None, "_one_at_a_time": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _one_at_a_time=Lock())

    @property
    def nlp(self) -> Language:
        """The pipeline, which is loaded when it is first asked for."""
        if self._nlp is None:
            self.load()
        assert self._nlp is not None
        return self._nlp

    def load(self) -> None:
        """Load the pipeline now.

        RAISES (ValueError): it cannot be used.
        """
        if self.gpu_id >= 0:
            require_gpu(self.gpu_id)
        try:
            if self.code is not None:
                import_file("python_code", self.code)
            nlp = load_model(self.model)
        except Exception as error:  # damaged files, and code, raise many kinds
            raise ValueError(
                f"a model must be a pipeline that can be loaded, was: {self.model} "
                f"({type(error).__name__}: {error}). To fix: name another, or repair its code"
            ) from error
        spans_key, relations_key, events_key = self.chosen
        if self.soft is not None:
            teach(nlp, self.soft, spans_key)
            spans_key = None
        if self.uncertainty:
            measure_uncertainty(nlp)
        self.keys = WrittenKeys(
            find_keys(nlp, spans_key),
            find_pair_keys(nlp, "relations", relations_key),
            find_pair_keys(nlp, "events", events_key),
        )
        # What each record has, even if there is none in its text.
        self.lists = [
            what
            for what in ("relations", "events")
            if any(x[f"{what}_key"] in getattr(self.keys, what) for x in _list_configs(nlp, what))
        ]
        self._nlp, self._n_known = nlp, len(nlp.vocab)

    def __call__(self, batch: Any) -> Any:
        """Annotate a batch.

        batch: texts; or columns, or a frame, with a column of texts.
        RETURNS: records; or columns, or a frame, with those of the records.
        RAISES (ValueError): no such batch or column; a text that is no string, not valid Unicode,
            or longer than nlp.max_length; a pipeline that cannot be used.
        """
        if isinstance(batch, (str, bytes)) or not hasattr(batch, "__len__"):
            raise ValueError(
                "a batch must be a list of texts, a mapping of columns or a DataFrame, was: "
                f"{quote(batch)}. To fix: for a single text give a list of one"
            )
        is_frame = hasattr(batch, "columns") and hasattr(batch, "assign")
        if not is_frame and not isinstance(batch, Mapping):
            return self._annotate(list(batch))
        if self.column not in batch:
            raise ValueError(
                f"a batch must have a column {self.column!r} with texts, was: "
                f"{list_some([str(name) for name in batch])}. To fix: Annotator(..., column=...)"
            )
        records = self._annotate(list(batch[self.column]))
        names = ["tokens", "spans", *self.lists, *([UNCERTAINTY] if self.uncertainty else [])]
        columns = {name: [record[name] for record in records] for name in names}
        return batch.assign(**columns) if is_frame else {**batch, **columns}

    def frames(self, frames: Iterable[Any]) -> Iterator[Any]:
        """Annotate frames one by one: for `DataFrame.mapInPandas` of Spark.

        frames (pandas.DataFrame): with a column of texts.
        YIELDS: the same with the columns of the records.
        """
        return map(self, frames)

    def _annotate(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        # The end of a memory zone forgets the words of all threads.
        with self._one_at_a_time:
            return self._annotate_alone(texts)

    def _annotate_alone(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        for place, text in enumerate(texts):
            if not isinstance(text, str) or len(text) > self.nlp.max_length:
                what = f"{len(text)} characters" if isinstance(text, str) else quote(text)
                raise ValueError(
                    f"a text must be a string of at most {self.nlp.max_length} characters "
                    f"(nlp.max_length), was: {what} at {place} (from 0). To fix: cut it, or "
                    "leave it out"
                )
            Record(text, source=f"text {place} (from 0)")
        records = [{"text": text} for text in texts]
        # Closed at once, even if a caller keeps the error: the next zone must not meet this one.
        with closing(self.pipe(texts)) as docs:
            for doc, place in docs:
                if doc.text != texts[place]:
                    raise ValueError(
                        f"the tokenizer must keep the text, was: {quote(doc.text)} for "
                        f"{quote(texts[place])}. To fix: use another one"
                    )
                records[place] |= self.describe(doc)
        return records

    def describe(self, doc: Doc) -> dict[str, Any]:
        """What was found in a document of `pipe`, as plain data.

        The tokens are those of the pipeline: so whoever reads the spans, such as `convert`, has
        tokens that they fit, whatever tokenizer it would use.
        """
        found: dict[str, Any] = {name: [] for name in self.lists}
        found |= list_annotation(doc, self.keys)
        more = {UNCERTAINTY: round(doc.user_data[UNCERTAINTY], 6)} if self.uncertainty else {}
        return {"tokens": [token.text for token in doc], "spans": [], **found, **more}

    def pipe(self, inputs: Iterable[str | bytes]) -> Generator[tuple[Doc, int], None, None]:
        """Run the pipeline. A document is valid until the next one is asked for: its words go.

        Not for several threads at once, other than calls. Close it if you leave it early.

        inputs: texts, or documents as bytes.
        YIELDS: documents, and their places in the inputs.
        RAISES (ValueError): a pipeline that drops documents.
        """
        if len(self.nlp.vocab) - self._n_known > MOST_WORDS:
            self._nlp = None  # before there is another one
            gc.collect()
        nlp = self.nlp
        vocab: Any = nlp.vocab
        waiting: dict[int, None] = {}

        def take() -> Iterator[tuple[str | Doc, int]]:
            for place, given in enumerate(inputs):
                waiting[place] = None
                text = given if isinstance(given, str) else Doc(nlp.vocab).from_bytes(given)
                yield text, place

        try:
            with nlp.memory_zone():
                for doc, place in nlp.pipe(take(), as_tuples=True, batch_size=self.batch_size):
                    del waiting[place]
                    yield doc, place
        finally:
            if vocab.in_memory_zone:  # older versions of spaCy stay there after an error
                self._nlp = None
        if waiting:
            raise ValueError(
                f"a pipeline must give every document back, was: without {len(waiting)}, first "
                f"{min(waiting)} (from 0). To fix: remove its error handler that drops documents"
            )


def find_keys(nlp: Language, spans_key: str | None = None) -> list[str | None]:
    """Where the spans are that a pipeline finds: groups of doc.spans, or None for doc.ents.

    They are those of its components global_pointer. Without one, they are those that its components
    for relations and events read.

    spans_key: choose this one; None for all.
    RAISES (ValueError): there is none.
    """
    keys: list[str | None]
    keys = [pipe.key for _, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)]
    if not keys:
        configs = [*_list_configs(nlp, "relations"), *_list_configs(nlp, "events")]
        keys = [key for config in configs for key in list_span_sources(config.get("spans"))]
    if not keys:
        raise ValueError(
            "a model must have an active component global_pointer, was: a pipeline of "
            f"{', '.join(nlp.pipe_names) or 'nothing'}. Train one, or name another model"
        )
    if spans_key is not None and spans_key not in keys:
        known = ", ".join("doc.ents" if key is None else key for key in keys)
        raise ValueError(
            f"spans_key must be that of a global_pointer of the model ({known}), "
            f"was: {spans_key!r}. Choose one of them, or leave it out"
        )
    return list(dict.fromkeys(keys)) if spans_key is None else [spans_key]


def find_pair_keys(nlp: Language, what: str, key: str | None = None) -> list[str]:
    """Groups of doc.spans with relations or events, which documents may have.

    what: "relations" or "events".
    key: choose this one; None for those that the components of a pipeline write, or where there are
        none, what the documents came with.
    """
    if key is not None:
        return [key]
    written = [config[f"{what}_key"] for config in _list_configs(nlp, what)]
    return list(dict.fromkeys(written)) or [what]


def _list_configs(nlp: Language, what: str) -> list[dict[str, Any]]:
    """Settings of the components that write relations or events."""
    configs = map(nlp.get_pipe_config, nlp.pipe_names)
    return [config for config in configs if f"{what}_key" in config]
