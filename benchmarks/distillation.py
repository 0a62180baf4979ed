"""A small student of a large teacher: what soft labels are worth, in F1, speed and size.

python -m benchmarks.distillation data nerel:ru encoder distillation.json --limit 2000 --raw 6000

A teacher with a transformer learns from annotated sentences. Its probabilities, on these and on
others without annotation, are what students with an encoder of their own learn from, as with
`spacy global-pointer annotate --soft-key`. The student alone has gold only.
"""

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config
from typer import Argument, Option
from wasabi import msg

from spacy_globalpointer.pipeline.teacher import SoftLabels, teach
from spacy_globalpointer.spans import Counts, LabelledSpan

from .accuracy import count_words, has_flat_gold, predict_cells
from .measure import save
from .passes import Step, train_in_passes
from .peers import fit, hash_config, read_system
from .scores import count_each, score_parts
from .sweep import find_file
from .text import KEY, AnnotatedText, read_corpus

TEACHER, STUDENT = "global_pointer_transformer", "global_pointer"
SOFT = SoftLabels("teacher", 0.01)
SETTINGS = "components.global_pointer."


class Data(NamedTuple):
    """Sentences: annotated ones, others of the same corpus whose annotation is not used, dev."""

    annotated: list[AnnotatedText]
    raw: list[AnnotatedText]
    dev: list[AnnotatedText]
    lang: str


class Trainer(NamedTuple):
    """Trains each system in the same way.

    overrides: of every system's config, for tests.
    log: told of each pass.
    """

    data: Data
    folder: Path
    overrides: dict[str, Any]
    log: Callable[[str], None]

    def train(
        self,
        system: str,
        examples: list[Example],
        passes: int,
        seed: int,
        settings: dict[str, Any],
    ) -> dict[str, Any]:
        """Train a system, keep its best pass in the folder, and measure that.

        settings: overrides of this system's config.
        RETURNS: learning curve, scores on dev, size and speed.
        """
        data = self.data
        flat = fit(system, 0, has_flat_gold(data.annotated))
        values = {"nlp.lang": data.lang, **flat, **settings, **self.overrides}
        fix_random_seed(seed)
        nlp = load_model_from_config(read_system(system, values), auto_fill=True)
        nlp.initialize(lambda: examples)

        def score() -> tuple[Step, list[set[LabelledSpan]]]:
            predicted = predict_cells(nlp, system, data.dev)
            scores = Counts.total(count_each(data.dev, predicted)).scores()
            return {x: scores[x] for x in "prf"}, predicted

        def keep(predicted: list[set[LabelledSpan]]) -> list[set[LabelledSpan]]:
            shutil.rmtree(self.folder, ignore_errors=True)
            nlp.to_disk(self.folder)
            return predicted

        curve, best = train_in_passes(nlp, examples, passes, score, keep, self.log)
        return {
            "config": hash_config(system, values),
            "curve": curve,
            **score_parts(data.dev, best or [set() for _ in data.dev]),
            **measure_saved(self.folder, data.dev),
        }


def measure_saved(folder: Path, docs: Sequence[AnnotatedText]) -> dict[str, float]:
    """Size and speed of a saved pipeline.

    RETURNS: "mib" on disk, "words_per_second" of wall time, the best of three.
    """
    nlp = spacy.load(folder)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in nlp.pipe([doc.make_doc(nlp.vocab) for doc in docs]):
            pass
        seconds.append(time.perf_counter() - start)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"mib": size / 2**20, "words_per_second": count_words(docs) / min(seconds)}


def label_softly(teacher: Path, docs: Sequence[AnnotatedText]) -> Iterator[bytes]:
    """Documents with soft labels, and nothing else, as bytes: each student has its own words."""
    nlp = spacy.load(teacher)
    teach(nlp, SOFT, KEY)
    for doc in nlp.pipe(text.make_doc(nlp.vocab) for text in docs):
        plain = Doc(
            nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]
        )
        plain.spans[SOFT.key] = doc.spans[SOFT.key].copy(plain)
        yield plain.to_bytes()


def make_students(
    data: Data, soft: Sequence[bytes], weights: Sequence[float], passes: int
) -> Iterator[tuple[str, list[Example], int, dict[str, Any]]]:
    """Each student: its name, examples, passes and settings.

    soft: documents of the annotated and of the raw sentences, in this order.
    weights: soft_weight of the students with a teacher.
    passes: of the raw and the annotated sentences. Those with annotated ones only make as many
        updates, unless they stop earlier because nothing gets better.
    """
    vocab = spacy.blank(data.lang).vocab
    more = max(1, round(passes * len(soft) / len(data.annotated)))

    def make(with_gold: bool, with_raw: bool) -> list[Example]:
        examples = []
        texts = [*data.annotated, *data.raw] if with_raw else data.annotated
        for place, text in enumerate(texts):
            reference = Doc(vocab).from_bytes(soft[place])
            if with_gold and place < len(data.annotated):
                gold = text.make_example(vocab).reference
                reference.spans[KEY] = gold.spans[KEY].copy(reference)
            examples.append(Example(text.make_doc(vocab), reference))
        random.Random(0).shuffle(examples)
        return examples

    yield "alone", [text.make_example(vocab) for text in data.annotated], more, {}
    for weight in weights:
        settings = {f"{SETTINGS}soft_spans_key": SOFT.key, f"{SETTINGS}soft_weight": weight}
        yield f"teacher {weight:g}", make(True, False), more, settings
        if data.raw:
            yield f"teacher {weight:g}, raw text", make(True, True), passes, settings


def distil(
    data: Data,
    encoder: str,
    *,
    passes: int,
    teacher_passes: int,
    seeds: Sequence[int],
    weights: Sequence[float] = (0.5, 1.0),
    overrides: dict[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> Iterator[dict[str, Any]]:
    """Train one teacher, and its students from several seeds.

    encoder: name or folder of the teacher's.
    seeds: of the students; the teacher has the first.
    overrides: of the students' configs.
    YIELDS: what is known of each system: "system", "seed", and what `Trainer.train` returns.
    """
    with tempfile.TemporaryDirectory() as folder:
        teacher = Trainer(data, Path(folder) / "teacher", {}, log)
        examples = [text.make_example(spacy.blank(data.lang).vocab) for text in data.annotated]
        log(f"teacher: {len(examples)} annotated sentences")
        paths = {"paths.encoder": encoder}
        result = teacher.train(TEACHER, examples, teacher_passes, seeds[0], paths)
        start = time.perf_counter()
        soft = list(label_softly(teacher.folder, [*data.annotated, *data.raw]))
        result["labelling_seconds"] = time.perf_counter() - start
        yield {"system": "teacher", "seed": seeds[0], **result}
        student = Trainer(data, Path(folder) / "student", overrides or {}, log)
        for seed in seeds:
            for name, examples, own, settings in make_students(data, soft, weights, passes):
                log(f"{name}, seed {seed}: {len(examples)} sentences, up to {own} passes")
                result = student.train(STUDENT, examples, own, seed, settings)
                yield {"system": name, "seed": seed, **result}


def read_data(folder: Path, corpus: str, limit: int, raw: int, dev: int | None) -> Data:
    """The first sentences of a corpus, annotated, and those after them, raw.

    corpus: name of a folder and language, such as "genia:en".
    limit, raw, dev (sentences): at most; dev: None for all.
    RAISES (ValueError): no such files, fewer sentences than annotated ones are to be used.
    """
    name, _, lang = corpus.partition(":")
    if not lang:
        raise ValueError(f"a corpus must have its language, such as 'genia:en', was: {corpus!r}")
    nlp: Language = spacy.blank(lang)
    texts = list(read_corpus(find_file(folder / name, "train"), nlp))
    if len(texts) < limit:
        raise ValueError(f"{name} must have at least {limit} sentences, was: {len(texts)}")
    evaluated = list(read_corpus(find_file(folder / name, "dev"), nlp))[:dev]
    return Data(texts[:limit], texts[limit : limit + raw], evaluated, lang)


def main(
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus, as for `sweep`")],
    corpus: Annotated[str, Argument(help="Corpus and language, such as genia:en")],
    encoder: Annotated[str, Argument(help="Name or folder of the teacher's encoder")],
    output: Annotated[Path, Argument(help="JSON file to write", dir_okay=False)],
    limit: Annotated[int, Option(help="Annotated sentences", min=1)] = 4000,
    raw: Annotated[int, Option(help="Sentences without annotation", min=0)] = 8000,
    dev: Annotated[int | None, Option(help="Sentences of dev; default: all", min=1)] = None,
    passes: Annotated[int, Option(help="Over annotated and raw sentences", min=1)] = 5,
    teacher_passes: Annotated[int, Option(help="Of the teacher, at most", min=1)] = 5,
    weight: Annotated[list[float] | None, Option(help="soft_weight; can be repeated")] = None,
    seed: Annotated[list[int] | None, Option(help="Of the students; can be repeated")] = None,
    gpu: Annotated[
        bool, Option(help="Use the GPU; otherwise one if it was required before")
    ] = False,
) -> None:
    """Train a teacher and its students, and write their scores, speed and size."""
    if gpu:
        spacy.require_gpu()
    weights, seeds = weight or [0.5, 1.0], seed or [0]
    texts = read_data(data, corpus, limit, raw, dev)
    settings = {
        "corpus": corpus,
        "encoder": Path(encoder).name,
        "seeds": seeds,
        "passes": passes,
        "teacher_passes": teacher_passes,
        "weights": weights,
        "threshold": SOFT.threshold,
        "annotated_sentences": len(texts.annotated),
        "raw_sentences": len(texts.raw),
        "dev_sentences": len(texts.dev),
    }
    rows: list[dict[str, Any]] = []
    for row in distil(
        texts,
        encoder,
        passes=passes,
        teacher_passes=teacher_passes,
        seeds=seeds,
        weights=weights,
        log=msg.info,
    ):
        rows.append({key: value for key, value in row.items() if key != "documents"})
        save(output, "distillation", settings, rows)
        speed, size = row["words_per_second"], row["mib"]
        msg.good(f"{row['system']}: F1 {row['all']['f']:.3f}, {speed:,.0f} words/s, {size:.1f} MiB")


if __name__ == "__main__":
    typer.run(main)
