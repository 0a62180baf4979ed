"""One run over a corpus: block by block from the entries of the input to a writer."""

import gc
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from threading import Thread

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import load_model
from tqdm import tqdm
from wasabi.printer import Printer

from ...corpora.messages import fit_screen
from ...corpora.stream import Entry
from .resumable import Progress
from .soft import SoftLabels, teach
from .writers import PART_CHARACTERS, JsonLines, Writer

# spaCy's hash tables only ever grow: they keep a slot for each word that nlp.memory_zone() has
# forgotten. After so many words, some 40 MB, the pipeline is loaded again.
MOST_WORDS = 1_000_000
# Bad lines that are shown one by one; the rest is only counted.
SHOWN = 10

# The process whose workers are forked, while they are.
_parent: int | None = None


def _end_with_parent() -> None:
    """In a new worker: end when the run is killed; spaCy's workers would wait for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if parent := _parent:
        Thread(target=watch, daemon=True).start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_end_with_parent)


def say(kind: str, title: str, text: str = "") -> None:
    """Show a message above the progress bar, on standard error: output may go to standard output.

    kind: "good", "info", "warn" or "fail", as in wasabi.
    """
    message = getattr(Printer(no_print=True), kind)(fit_screen(title), fit_screen(text))
    tqdm.write(message, file=sys.stderr)


@dataclass
class Annotation:
    """One pass of a pipeline over the entries of an input.

    A block is what is saved at once. It ends where a batch ends, so that the batches, and with
    them the last digits of the scores, are the same however often a run is stopped. Words that
    are new in a block are forgotten after it, and worker processes end with it.

    model: name of the pipeline's package, or its folder.
    progress: where to go on; kept up to date.
    batch_size (documents), n_process: as in nlp.pipe.
    save_every (seconds): the shortest time of a block, unless the writer has parts.
    strict: stop at the first bad line.
    soft: write these in place of the spans that the pipeline finds; None for the spans.
    spans_key: of the component whose soft labels are written; None for the only one.
    """

    model: str
    progress: Progress
    batch_size: int
    n_process: int
    save_every: float
    strict: bool
    soft: SoftLabels | None = None
    spans_key: str | None = None
    done: int = 0
    stopped_by: str | None = None
    # Documents in the pipeline, by their number in the block.
    waiting: dict[int, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nlp = self._load()

    def _load(self) -> Language:
        nlp = load_model(self.model)
        if self.soft is not None:
            teach(nlp, self.soft, self.spans_key)
        return nlp

    def go(
        self, entries: Iterator[Entry], writer: Writer, rejected: JsonLines | None, bar: tqdm
    ) -> None:
        """Annotate all entries.

        entries: of the input, from the position of the progress on.
        writer: takes the documents.
        rejected: takes bad lines; None to drop them.
        bar: counts the bytes of the input.
        RAISES (ValueError): a bad line if strict, a pipeline that drops documents.
        """
        self.writer, self.rejected, self.bar = writer, rejected, bar
        self.started, self.words_before = time.monotonic(), self.progress.n_words
        n_known = len(self.nlp.vocab)
        self._announce()
        for first in entries:
            with self.nlp.memory_zone():
                self._annotate(chain([first], entries))
            self._save()
            if self.stopped_by:
                raise ValueError(
                    f"{self.stopped_by}\nRepair it and start anew with --overwrite, or go on "
                    "without --strict to set bad lines aside"
                )
            if len(self.nlp.vocab) - n_known > MOST_WORDS:
                del self.nlp  # before there is another one
                gc.collect()
                self.nlp = self._load()
                n_known = len(self.nlp.vocab)

    def _announce(self) -> None:
        if self.bar.disable:
            return
        if self.progress.journal is None:
            say("info", "Standard input or output: a run that is killed has to start anew")
        elif self.progress.n_docs:
            say("info", f"Going on after {self.progress.n_docs:,} documents of the last run")

    def _annotate(self, entries: Iterator[Entry]) -> None:
        """Annotate a block."""
        global _parent
        inputs, size, n = self._take(entries), self.batch_size, self.n_process
        _parent = os.getpid()
        try:
            for doc, number in self.nlp.pipe(inputs, as_tuples=True, batch_size=size, n_process=n):
                self._add(doc, self.waiting.pop(number))
        finally:
            _parent = None
        if self.waiting:
            first = next(iter(self.waiting.values()))
            raise ValueError(
                f"a pipeline must give every document back, was: without {len(self.waiting)}, "
                f"first {first.name}. Remove its error handler that drops documents"
            )

    def _take(self, entries: Iterator[Entry]) -> Iterator[tuple[str | Doc, int]]:
        """Documents of a block and their numbers in it, for nlp.pipe."""
        started = time.monotonic()
        n_docs = n_characters = 0
        for entry in entries:
            reason = entry.reason or self._check(entry)
            if reason and self.strict:
                self.stopped_by = f"{entry.name}: {reason}"
                return
            self.progress.position, self.done = entry.position, entry.done
            if reason:
                self._reject(entry, reason)
            else:
                n_docs += 1
                n_characters += len(entry.fields["text"])
                self.waiting[n_docs] = entry
                yield self._make_input(entry), n_docs
            size = self.writer.part_size
            if size and (n_docs >= size or n_characters >= PART_CHARACTERS):
                return
            may_end = not n_docs or (not size and n_docs % self.batch_size == 0)
            if may_end and time.monotonic() - started >= self.save_every:
                return

    def _make_input(self, entry: Entry) -> str | Doc:
        if isinstance(entry.document, bytes):
            return Doc(self.nlp.vocab).from_bytes(entry.document)
        return entry.fields["text"]

    def _check(self, entry: Entry) -> str | None:
        """Why an entry cannot be written."""
        if self.soft is not None and entry.has_spans:
            return (
                "soft labels must not replace the spans of a line, was: a line with some. To fix: "
                "convert the file to .spacy, where they get a group of their own"
            )
        try:
            self.writer.check(entry)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            return f"its fields must be such as the output can hold, was: {error}. Change them"
        return None

    def _reject(self, entry: Entry, reason: str) -> None:
        """Set an entry aside."""
        self.progress.n_rejected += 1
        if not self.bar.disable and self.progress.n_rejected <= SHOWN:
            say("warn", f"{entry.name}: {reason}")
            if self.progress.n_rejected == SHOWN:
                say("info", "More bad lines are only counted")
        if self.rejected is not None:
            row = {"file": str(entry.path), "line": entry.line, "reason": reason}
            self.rejected.write({**row, "content": entry.fields.get("text")})

    def _add(self, doc: Doc, entry: Entry) -> None:
        """Write a document."""
        if doc.text != entry.fields["text"]:
            self._reject(entry, "the tokenizer must keep the text, was: another. Use another one")
            return
        self.writer.add(doc, entry)
        self.progress.n_docs += 1
        self.progress.n_words += len(doc)
        speed = (self.progress.n_words - self.words_before) / (time.monotonic() - self.started)
        counts = f"{self.progress.n_docs:,} docs, {speed:,.0f} words/s"
        self.bar.set_postfix_str(counts, refresh=False)
        self._show_done(entry.done)

    def _show_done(self, done: int) -> None:
        self.bar.update(max(done - self.bar.n, 0))  # a bar from gzip may start too late

    def _save(self) -> None:
        """Make what was written count."""
        self._show_done(self.done)  # bad lines at the end
        self.progress.output = self.writer.save()
        if self.rejected is not None:
            self.progress.rejected = self.rejected.save()
        self.progress.save()
