"""Many labels: the plain head beside low-rank type vectors, types read from text, and groups.

`measure_rare` trains each on a corpus with many labels, and scores them by how often they occur.
`measure_transfer` trains each on all corpora but one, and scores the labels of that one before and
after training on a few texts of it.

python -m benchmarks.label_text rare.json data --text-encoder bert --corpus genia_fine:en
python -m benchmarks.label_text out.json data --text-encoder bert --transfer --corpus gum:en ...
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import spacy
import typer
from spacy.language import Language
from thinc.api import require_gpu, set_gpu_allocator
from typer import Argument, Option

from spacy_globalpointer.models.text_encoders import spell_out
from spacy_globalpointer.spans import Counts

from .accuracy import train_and_score
from .label_descriptions import DESCRIPTIONS
from .measure import save
from .peers import make_pipeline
from .sweep import find_file
from .text import AnnotatedText, read_corpus
from .transfer import Corpus, copy_of, score_labels, train_on_all, train_on_few, transfer

TRANSFORMER = "spacy_globalpointer.TransformerText.v1"
MODEL = "components.global_pointer.model"
# Upper bounds of the occurrences in training by which labels are put together.
OFTEN = (20, 100, 500)
SHOTS = (0, 10, 100)
RARE = ("plain", "low_rank", "names", "descriptions", "groups", "groups_and_common")
TRANSFER = ("scratch", "plain", "low_rank", "descriptions")


class Options(NamedTuple):
    """What both measures are told.

    text_encoder: of the labels, name or folder of a transformer.
    encoder: of the documents, likewise; None to train one from scratch.
    rank (channels): of the type vectors.
    limit, dev_limit (texts): the first so many of train and of dev; None for all.
    overrides: of the config, for all variants.
    variants: of RARE or TRANSFER; None for all.
    """

    text_encoder: str
    encoder: str | None = None
    rank: int = 64
    limit: int | None = None
    dev_limit: int | None = None
    passes: int = 5
    seeds: Sequence[int] = (0,)
    overrides: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    variants: Sequence[str] | None = None
    log: Callable[[str], None] = print

    def system(self, from_scratch: str) -> str:
        """Of peers.SYSTEMS; from_scratch: the one without a transformer."""
        return from_scratch if self.encoder is None else "global_pointer_transformer"

    def override(self, variant: str, corpora: Sequence[Corpus]) -> dict[str, Any]:
        """Overrides of the config for a variant.

        corpora: with the labels to train.
        """
        values: dict[str, Any] = {} if self.encoder is None else {"paths.encoder": self.encoder}
        values.update(self.overrides)
        if variant in ("low_rank", "names", "descriptions"):
            values[f"{MODEL}.type_rank"] = self.rank
        if variant in ("names", "descriptions"):
            encoder = {"@architectures": TRANSFORMER, "name": self.text_encoder}
            values[f"{MODEL}.type_encoder"] = encoder
        if variant == "descriptions":
            values |= describe([pair for corpus in corpora for pair in corpus.pairs()])
        if variant in ("groups", "groups_and_common"):
            values[f"{MODEL}.groups"] = [
                [group, kept] for corpus in corpora for group, kept in corpus.groups()
            ]
            values[f"{MODEL}.common_extractor"] = variant == "groups_and_common"
        return values

    def describe(self) -> dict[str, Any]:
        """Describe the settings of a report; of encoders their names, without a folder."""
        settings = {key: value for key, value in self._asdict().items() if key != "log"}
        encoder = None if self.encoder is None else Path(self.encoder).name
        return {**settings, "text_encoder": Path(self.text_encoder).name, "encoder": encoder}


def read_described(data: Path, corpus: str, options: Options) -> Corpus:
    """Read a corpus, without the labels that have no description.

    data: folder with a folder for each corpus, in it train and dev.
    corpus: name and language, such as "genia:en".
    RAISES (ValueError): a corpus without descriptions or files.
    """
    name, _, lang = corpus.partition(":")
    if name not in DESCRIPTIONS or not lang:
        raise ValueError(
            f"a corpus must be one of {', '.join(DESCRIPTIONS)} with its language, such as "
            f"'genia:en', was: {corpus!r}"
        )
    known, nlp = DESCRIPTIONS[name], spacy.blank(lang)
    left_out: Counter[str] = Counter()

    def read(split: str, most: int | None) -> Iterator[AnnotatedText]:
        for doc in itertools.islice(read_corpus(find_file(data / name, split), nlp), most):
            left_out.update(label for _, _, label in doc.spans if label not in known)
            yield doc._replace(spans=[span for span in doc.spans if span[2] in known])

    train, dev = list(read("train", options.limit)), list(read("dev", options.dev_limit))
    if left_out:
        options.log(f"{name}: {left_out.total()} spans of {len(left_out)} labels left out")
    return Corpus(name, lang, train, dev, known)


def measure_rare(
    output: Path, data: Path, corpora: Sequence[str], options: Options
) -> list[dict[str, Any]]:
    """Train each variant on each corpus, score it on dev, and write a report after each run.

    output: JSON file.
    RETURNS: rows with the scores of `accuracy.train_and_score` and of `score_by_frequency`.
    RAISES (ValueError): a corpus without descriptions or files.
    """
    rows: list[dict[str, Any]] = []
    read = [read_described(data, name, options) for name in corpora]
    for seed, corpus, variant in itertools.product(options.seeds, read, options.variants or RARE):
        result = train_and_score(
            options.system("global_pointer"),
            corpus.train,
            corpus.dev,
            lang=corpus.lang,
            passes=options.passes,
            seed=seed,
            overrides=options.override(variant, [corpus]),
            log=lambda _: None,
        )
        del result["documents"]
        row = {"corpus": corpus.name, "variant": variant, "seed": seed, **result}
        rows.append({**row, **score_by_frequency(corpus.train, result["by_label"])})
        save(output, "label_text", options.describe(), rows)
        parts = (f"{name}: {part['f']:.3f}" for name, part in rows[-1]["often"].items())
        options.log(
            f"{corpus.name} {variant} seed {seed}: F {result['all']['f']:.3f}, by occurrences "
            f"{', '.join(parts)}, macro {rows[-1]['macro']:.3f}"
        )
    return rows


def score_by_frequency(
    train: Sequence[AnnotatedText], by_label: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Put the scores of labels together by how often they occur in training.

    by_label: of `score_parts`.
    RETURNS: "occurrences" in training of each label; "often": scores of all spans of the labels
        that occur at most so many times, and more often than the bound before; "macro": mean F1.
    """
    occurrences = Counter(label for doc in train for _, _, label in doc.spans)
    groups: dict[str, list[Counts]] = {}
    for label, scores in by_label.items():
        bound = next((str(n) for n in OFTEN if occurrences[label] <= n), "more")
        counts = Counts(scores["right"], scores["wrong"], scores["missed"])
        groups.setdefault(bound, []).append(counts)
    names = [name for name in (*map(str, OFTEN), "more") if name in groups]
    return {
        "occurrences": dict(occurrences),
        "often": {name: Counts.total(groups[name]).scores() for name in names},
        "macro": sum(scores["f"] for scores in by_label.values()) / max(1, len(by_label)),
    }


def measure_transfer(
    output: Path,
    data: Path,
    corpora: Sequence[str],
    options: Options,
    *,
    targets: Sequence[str] | None = None,
    shots: Sequence[int] = SHOTS,
    updates: int = 100,
) -> list[dict[str, Any]]:
    """Train each variant on all corpora but one, and score the labels of that one.

    "scratch" is the plain head trained on the few texts alone.

    output: JSON file, written anew after each score.
    corpora: of one language.
    targets: names of the corpora that are left out in turn; None for all.
    shots (texts): of the corpus that was left out; updates: of the weights with these.
    RETURNS: rows with the scores of `transfer.score_labels` and of `score_unseen`.
    RAISES (ValueError): a corpus without descriptions or files, fewer than two corpora.
    """
    if len(corpora) < 2:
        raise ValueError(f"a transfer needs two or more corpora, was: {', '.join(corpora)}")
    rows: list[dict[str, Any]] = []
    read = [read_described(data, name, options).renamed() for name in corpora]
    chosen = [corpus for corpus in read if targets is None or corpus.name in targets]
    variants = options.variants or TRANSFER
    for seed, target, variant in itertools.product(options.seeds, chosen, variants):
        others = [corpus for corpus in read if corpus is not target]
        trained = _train(variant, others, target, seed, options)
        for n in shots:
            if variant == "scratch" and not n:
                continue
            nlp = copy_of(trained)
            train_on_few(nlp, target, n, updates=updates, seed=seed)
            scores = score_labels(nlp, target.dev)
            row = {"corpus": target.name, "variant": variant, "seed": seed, "shots": n, **scores}
            rows.append({**row, **score_unseen(scores["by_label"], others)})
            settings = {**options.describe(), "updates": updates}
            save(output, "label_transfer", settings, rows)
            options.log(
                f"{target.name} {variant} seed {seed}, {n} texts: F {scores['all']['f']:.3f}, at "
                f"the best threshold {scores['best']['f']:.3f}, of unseen names "
                f"{rows[-1]['unseen']['f']:.3f}"
            )
    return rows


def _train(
    variant: str, others: Sequence[Corpus], target: Corpus, seed: int, options: Options
) -> Language:
    """A pipeline that knows the labels of the target, but has seen none of its texts.

    It has no rescorer, which corrects no labels but those that it has learned.
    """
    system = options.system("global_pointer_plain")
    overrides = {"nlp.lang": target.lang, **options.override(variant, others)}
    if variant == "scratch":
        return make_pipeline(system, target.train, seed, overrides)
    nlp = train_on_all(
        system, others, passes=options.passes, seed=seed, overrides=overrides,
        log=options.log,
    )  # fmt: skip
    transfer(nlp, target, variant == "descriptions")
    return nlp


def describe(pairs: list[list[str]]) -> dict[str, Any]:
    """Override of a config with descriptions of labels."""
    return {"initialize": {"components": {"global_pointer": {"descriptions": pairs}}}}


def score_unseen(by_label: dict[str, dict[str, Any]], others: Sequence[Corpus]) -> dict[str, Any]:
    """Score the labels whose names, however they are spelt, no other corpus has.

    by_label: of `score_parts`.
    RETURNS: "unseen": their scores; "unseen_labels".
    """
    known = {_bare(label) for corpus in others for label in corpus.descriptions}
    unseen = {x: scores for x, scores in by_label.items() if _bare(x) not in known}
    counts = [Counts(x["right"], x["wrong"], x["missed"]) for x in unseen.values()]
    return {"unseen": Counts.total(counts).scores(), "unseen_labels": sorted(unseen)}


def _bare(label: str) -> str:
    return spell_out(label.split("/", 1)[1]).lower()


def main(
    output: Annotated[Path, Argument(help="JSON file to write", dir_okay=False)],
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus", exists=True)],
    corpus: Annotated[list[str], Option(help="Name and language, such as gum:en; repeatable")],
    text_encoder: Annotated[str, Option(help="Transformer that reads the labels")],
    encoder: Annotated[str | None, Option(help="Transformer that reads the documents")] = None,
    is_transfer: Annotated[bool, Option("--transfer", help="All corpora but one in turn")] = False,
    target: Annotated[list[str] | None, Option(help="Leave out only these corpora")] = None,
    rank: Annotated[int, Option(help="Of the type vectors", min=1)] = 64,
    limit: Annotated[int | None, Option(help="Training texts of each corpus", min=1)] = None,
    dev_limit: Annotated[int | None, Option(help="Dev texts of each corpus", min=1)] = None,
    passes: Annotated[int, Option(help="Over the training texts", min=1)] = 5,
    updates: Annotated[int, Option(help="With the few texts", min=1)] = 100,
    seed: Annotated[list[int] | None, Option(help="Of the random numbers; repeatable")] = None,
    variant: Annotated[list[str] | None, Option(help="Only these; repeatable")] = None,
    overrides: Annotated[str, Option(help="Of the config, a JSON object")] = "{}",
    gpu: Annotated[int, Option(help="Number of the GPU; -1 for the CPU")] = -1,
) -> None:
    """Rare labels, or labels of a corpus that was not trained, with types that are read from text.

    Example: python -m benchmarks.label_text rare.json data --text-encoder bert --corpus nerel:ru
    """
    if gpu >= 0:
        set_gpu_allocator("pytorch")
        require_gpu(gpu)
    values = json.loads(overrides)
    seeds = seed or [0]
    options = Options(
        text_encoder, encoder, rank, limit, dev_limit, passes, seeds, values, variant or None
    )
    if is_transfer:
        measure_transfer(output, data, corpus, options, targets=target or None, updates=updates)
    else:
        measure_rare(output, data, corpus, options)


if __name__ == "__main__":
    typer.run(main)
