"""One run: from the shards of the input to an output."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from spacy.util import get_package_path, is_package
from tqdm import tqdm
from wasabi.printer import Printer

from ...annotator import Annotator
from ...corpora import dump_json
from ...corpora.messages import fit_screen
from ...corpora.sources import STDIN, Source, list_sources
from ...corpora.stream import Shard, split_sources
from .engines import Engine, run_here
from .shards import STDOUT, WHOLE, Output
from .work import Done, Work

# Bad lines that are shown one by one; the rest is only counted.
SHOWN = 10


def say(kind: str, title: str, text: str = "") -> None:
    """Show a message above the progress bar, on standard error: output may go to standard output.

    kind: "good", "info", "warn" or "fail", as in wasabi.
    """
    message = getattr(Printer(no_print=True), kind)(fit_screen(title), fit_screen(text))
    tqdm.write(message, file=sys.stderr)


@dataclass
class Run:
    """Annotates all of the input.

    output, engine: where it goes, and who works.
    shard_size (documents): at most, of a shard.
    strict: stop at the first bad line.
    overwrite: start anew, whatever is there.
    silent: show nothing.
    """

    annotator: Annotator
    output: Output
    engine: Engine = run_here
    shard_size: int = 1000
    strict: bool = False
    overwrite: bool = False
    silent: bool = True
    # Of this run: documents, words, bad lines; shards of the input, and of these, those of earlier
    # runs.
    n_docs: int = 0
    n_words: int = 0
    n_rejected: int = 0
    n_shards: int = 0
    n_known: int = 0

    def go(self, inputs: Sequence[Path], format: str = "auto") -> None:
        """Annotate files, folders, or STDIN, as `list_sources` takes them.

        RAISES (ValueError): an input, output or model that cannot be used, a bad line if strict.
        """
        output, is_stdin = self.output, STDIN in inputs
        outputs = [output.path, output.folder, output.rejected]
        sources = list_sources(inputs, format=format, leave_out=outputs)
        manifest = self._describe(sources)
        if self.engine is run_here:
            self.annotator.nlp  # noqa: B018 - what is wrong with it is found before files are made
        if output.path != STDOUT:
            output.begin(manifest, can_go_on=not is_stdin, overwrite=self.overwrite)
        if is_stdin or output.path == STDOUT:
            self._say("info", "Standard input or output: a run that is killed has to start anew")
        try:
            with self._make_bar(sources) as self.bar:
                results = self._work(split_sources(sources, self.shard_size))
                if output.path == STDOUT:
                    lines = (line for x in results for line in x.data.splitlines(keepends=True))
                    sys.stdout.buffer.writelines(output.form(lines))
                    sys.stdout.buffer.flush()
                for x in results:
                    rejected = "".join(f"{dump_json(row)}\n" for row in x.rejected).encode()
                    if rejected:
                        output.publish(output.shard(x.number, ".rejected"), rejected)
                    output.publish(output.shard(x.number), x.data)
                self.bar.update((self.bar.total or self.bar.n) - self.bar.n)
            if output.path != STDOUT:
                self.n_rejected = output.finish(self.n_shards)
        except FileNotFoundError:
            is_joined = output.is_joined and output.path.exists() and not output.folder.exists()
            if not is_joined and not (output.folder / WHOLE).exists():
                raise
            self.n_known += 1
            self._say("info", "Another run has written the rest")

    def _work(self, shards: Iterator[Shard]) -> Iterator[Done]:
        """The results of those shards that are not there yet, when they have been counted."""
        output = self.output
        to, uncertain = ("jsonl" if output.is_joined else output.to), output.uncertain
        work = Work(self.annotator, to, output.model, uncertain, self.strict)

        def choose() -> Iterator[tuple[int, Shard]]:
            for self.n_shards, shard in enumerate(shards, start=1):
                if output.path != STDOUT and output.shard(self.n_shards).exists():
                    self.n_known += 1
                    self.bar.update(shard.size)
                else:
                    yield self.n_shards, shard

        for done in self.engine(work, choose()):
            self.n_docs, self.n_words = self.n_docs + done.n_docs, self.n_words + done.n_words
            for row in done.rejected:
                self.n_rejected += 1
                if self.n_rejected <= SHOWN:
                    self._say("warn", f"{row['file']} line {row['line']}: {row['reason']}")
                if self.n_rejected == SHOWN:
                    self._say("info", "More bad lines are only counted")
            output.notes.update(done.notes)
            yield done
            speed = self.n_words / max(self.bar.format_dict["elapsed"], 1e-9)
            counts = f"{self.n_docs:,} docs, {speed:,.0f} words/s"
            self.bar.set_postfix_str(counts, refresh=False)
            self.bar.update(done.size)

    def _describe(self, sources: Sequence[Source]) -> dict[str, object]:
        """What a run must have in common with one that it continues."""
        files = [(path, path.stat()) for path, *_ in sources if path != STDIN]
        annotator, output = self.annotator, self.output
        return {
            "inputs": [[str(path.resolve()), x.st_size, x.st_mtime_ns] for path, x in files],
            "kinds of inputs": [source.kind for source in sources],
            "model": fingerprint_model(annotator.model),
            "keys": list(annotator.chosen),
            "soft labels": annotator.soft and list(annotator.soft),
            "form": output.to,
            "number of uncertain documents": output.uncertain,
            "shard size": self.shard_size,
        }

    def _make_bar(self, sources: Sequence[Source]) -> tqdm:
        """Bar over the bytes of the input; in a log, one line every half minute."""
        total = None if any(x.path == STDIN for x in sources) else sum(x.size for x in sources)
        counts = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}B [{elapsed}, ETA {remaining}"
        counts = counts if total is not None else "{n_fmt}B [{elapsed}"
        return tqdm(
            total=total,
            unit_scale=True,
            bar_format=counts + "{postfix}]",
            mininterval=0.1 if sys.stderr.isatty() else 30,
            miniters=1,
            disable=self.silent,
        )

    def report(self) -> None:
        """Say what has become of the documents."""
        output, where = self.output, "" if self.output.path == STDOUT else f": {self.output.path}"
        for note, n in output.notes.most_common():
            say("info", f"{note} ({n:,} documents)")
        if self.n_rejected:
            is_aside = output.path != STDOUT
            place = output.rejected if output.is_joined else output.folder / "*.rejected"
            aside = f" and set aside in {place}" if is_aside else ""
            say("warn", f"{self.n_rejected:,} bad lines were left out{aside}")
        earlier = f", beside {self.n_known:,} shards that were there" if self.n_known else ""
        if self.n_docs or self.n_known:
            counts = f"{self.n_docs:,} documents with {self.n_words:,} words"
            say("good", f"Annotated {counts}{earlier}{where}")
        else:
            say("fail", "No document was annotated", f"There was none in the input{where}")

    def _say(self, kind: str, text: str) -> None:
        if not self.silent:
            say(kind, text)


def fingerprint_model(model: str) -> str:
    """Hash of the files of a pipeline.

    model: name of a package, or a folder.
    RAISES (ValueError): neither.
    """
    path = get_package_path(model) if is_package(model) else Path(model)
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
    if not files:
        raise ValueError(
            f"a model must be an installed package or a folder with a pipeline, was: {model}"
        )
    digest = blake2b(digest_size=16)
    for file in files:
        digest.update(str(file.relative_to(path)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
