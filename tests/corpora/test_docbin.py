import random
import zlib

import pytest
import spacy
from spacy.tokens import DocBin, Span
from spacy.vocab import Vocab

from spacy_globalpointer.corpora.docbin import read_docbin


def _make_docbin():
    nlp = spacy.blank("en")
    doc = nlp.make_doc("Ada was born in London.")
    doc.spans["sc"] = [Span(doc, 0, 1, "PERSON"), Span(doc, 4, 5, "GPE")]
    doc.ents = [Span(doc, 4, 5, "CITY")]
    return DocBin(docs=[doc], store_user_data=True)


def test_documents_come_back(tmp_path):
    _make_docbin().to_disk(tmp_path / "x.spacy")
    (doc,) = read_docbin(tmp_path / "x.spacy", Vocab())
    assert [(span.text, span.label_) for span in doc.spans["sc"]] == [
        ("Ada", "PERSON"),
        ("London", "GPE"),
    ]


def test_a_damaged_file_is_an_error_or_can_be_used(tmp_path):
    path, draw = tmp_path / "x.spacy", random.Random(0)
    content = zlib.decompress(_make_docbin().to_bytes())
    refused, used = [], []
    for _ in range(300):
        damaged = bytearray(content)
        place = draw.randrange(8 * len(damaged))
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(zlib.compress(damaged))
        try:
            docs = list(read_docbin(path, Vocab()))
        except ValueError as error:
            refused.append(str(error))
        else:
            groups = [group for doc in docs for group in (doc.ents, *doc.spans.values())]
            used += [[(span.text, span.label_) for span in group] for group in groups]
    assert len(refused) > 100
    assert len(used) > 100
    assert all(f"must be a complete DocBin, but {path} is not" in message for message in refused)


@pytest.mark.parametrize("n", [0, 1, 40])
def test_a_file_cut_short_is_an_error(tmp_path, n):
    path = tmp_path / "x.spacy"
    path.write_bytes(_make_docbin().to_bytes()[:n])
    with pytest.raises(ValueError, match="must be a complete DocBin"):
        list(read_docbin(path, Vocab()))
