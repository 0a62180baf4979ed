"""One document of each format that is no JSON row: "Ada met Bob ." with two persons who met."""

import json

from spacy_globalpointer.corpora import read_records
from spacy_globalpointer.corpora.reading import Reading

TEXT = "Ada met Bob ."
FOUND = [("Ada", "PER"), ("Bob", "PER")]

BRAT = "T1\tPER 0 3\tAda\nT2\tPER 8 11\tBob\nR1\tmet Arg1:T1 Arg2:T2\n"
WEBANNO = """#FORMAT=WebAnno TSV 3.3
#T_SP=webanno.custom.Entity|value
#T_RL=webanno.custom.Relation|value|BT_webanno.custom.Entity


#Text=Ada met Bob .
1-1\t0-3\tAda\tPER\t_\t_\t
1-2\t4-7\tmet\t_\t_\t_\t
1-3\t8-11\tBob\tPER\tmet\t1-1\t
1-4\t12-13\t.\t_\t_\t_\t
"""
PUBTATOR = """1|t|Ada met Bob .
1\t0\t3\tAda\tPER\tP1
1\t8\t11\tBob\tPER\tP2
1\tmet\tP1\tP2
"""
BIOC = {
    "source": "by hand",
    "date": "",
    "key": "",
    "infons": {},
    "documents": [
        {
            "id": "1",
            "infons": {},
            "passages": [
                {
                    "offset": 0,
                    "infons": {},
                    "text": TEXT,
                    "sentences": [],
                    "annotations": [
                        {
                            "id": "T1",
                            "infons": {"type": "PER"},
                            "text": "Ada",
                            "locations": [{"offset": 0, "length": 3}],
                        },
                        {
                            "id": "T2",
                            "infons": {"type": "PER"},
                            "text": "Bob",
                            "locations": [{"offset": 8, "length": 3}],
                        },
                    ],
                    "relations": [
                        {
                            "id": "R1",
                            "infons": {"type": "met"},
                            "nodes": [{"refid": "T1", "role": ""}, {"refid": "T2", "role": ""}],
                        }
                    ],
                }
            ],
            "relations": [],
        }
    ],
}
BIOC_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>by hand</source><date></date><key></key>
<document><id>1</id>
<passage><offset>0</offset><text>Ada met Bob .</text>
<annotation id="T1"><infon key="type">PER</infon>
<location offset="0" length="3"/><text>Ada</text></annotation>
<annotation id="T2"><infon key="type">PER</infon>
<location offset="8" length="3"/><text>Bob</text></annotation>
<relation id="R1"><infon key="type">met</infon>
<node refid="T1" role=""/><node refid="T2" role=""/></relation>
</passage></document></collection>
"""
CONLL2003 = """-DOCSTART- -X- O O

Ada NNP I-NP I-PER
met VBD I-VP O
Bob NNP I-NP I-PER
. . O O
"""
GERMEVAL = """#\thttp://example.org/1 [2009-10-17]
1\tAda\tB-PER\tO
2\tmet\tO\tO
3\tBob\tB-PER\tO
4\t.\tO\tO
"""
CONLLU_PLUS = """# global.columns = ID FORM UPOS MISC NER
# text = Ada met Bob .
1\tAda\tPROPN\t_\tB-PER
2\tmet\tVERB\t_\tO
3\tBob\tPROPN\tSpaceAfter=No\tB-PER
4\t.\tPUNCT\t_\tO
"""
# Format, and file to read with its content.
FILES = [
    ("brat", "x.ann", BRAT),
    ("webanno", "x.tsv", WEBANNO),
    ("pubtator", "x.pubtator", PUBTATOR),
    ("bioc", "x.json", json.dumps(BIOC, indent=1)),
    ("bioc", "x.json", json.dumps(BIOC)),
    ("bioc", "x.xml", BIOC_XML),
    ("bio", "x.conll", CONLL2003),
    ("bio", "x.tsv", GERMEVAL),
    ("bio", "x.conllup", CONLLU_PLUS),
]
# Their formats, and what else to call them.
NAMES = ["brat", "webanno", "pubtator", "bioc", "bioc-line", "bioc-xml", "2003", "germeval", "plus"]


def write_sample(folder, name, content, text=TEXT):
    """The file, with the text of brat beside it."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if ".ann" in name:
        (folder / name.replace(".ann", ".txt")).write_bytes(
            text if isinstance(text, bytes) else text.encode()
        )
    return path


def read_sample(folder, name, content, text=TEXT, format="auto", columns=()):
    """The records of the same."""
    path = write_sample(folder, name, content, text)
    return [*read_records(path, format=format, reading=Reading(columns=columns))]


def causes(record):
    """What is left out, and how often."""
    found = [what for what, _ in record.left_out]
    return {what: found.count(what) for what in found}
