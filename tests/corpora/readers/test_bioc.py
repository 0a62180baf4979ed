import json
from xml.sax.saxutils import escape, quoteattr

import pytest
from file_samples import BIOC, BIOC_XML, causes, read_sample
from hypothesis import given
from hypothesis import strategies as st
from record_files import edges, mentions

from spacy_globalpointer.corpora import detect_format

# As BioC.dtd has it: passages with text or with sentences, annotations at each level.
COLLECTION = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>by hand</source><date>2026</date><key>x.key</key><infon key="a">b</infon>
<document><id>d1</id><infon key="year">2026</infon>
<passage><infon key="type">title</infon><offset>0</offset><text>Rash &amp; f\u00e9ver</text>
<annotation id="1"><infon key="type">Disease</infon><infon key="MESH">D1</infon>
<location offset="0" length="4"/><text>Rash</text></annotation>
<annotation id="2"><infon key="type">Disease</infon>
<location offset="0" length="4"/><location offset="7" length="5"/><text>Rash [...] f\u00e9ver</text>
</annotation>
</passage>
<passage><offset>100</offset>
<sentence><offset>100</offset><text>Ada has it.</text>
<annotation id="1"><infon key="type">de.uni.Person</infon><infon key="value">PER</infon>
<location offset="100" length="3"/><text>Ada</text></annotation>
<annotation id="3"><infon key="type">have</infon><location offset="104" length="3"/><text>has</text>
</annotation>
<relation id="R1"><infon key="type">have</infon><node refid="3" role="Trigger"/>
<node refid="1" role="who"/></relation></sentence>
<sentence><offset>113</offset><text>Bob, too.</text>
<annotation id="4"><infon key="name">PER</infon><location offset="113" length="3"/>
<text>Bob</text></annotation></sentence>
</passage>
<annotation id="5"><infon key="type">Topic</infon></annotation>
<annotation id="6"><location offset="0" length="4"/><text>Rash</text></annotation>
<annotation id="7"><infon key="type">X</infon><location offset="7" length="5"/><text/></annotation>
<relation id="R2"><infon key="type">has</infon><node refid="4" role="a"/>
<node refid="7" role="b"/></relation>
<relation id="R3"><infon key="type">all</infon><node refid="4" role="x"/>
<node refid="7" role="y"/><node refid="1" role="z"/></relation>
<relation id="R4"><infon key="relation">CID</infon><infon key="Chemical">D1</infon></relation>
<relation id="R5"><node refid="4" role=""/><node refid="7" role=""/></relation>
<relation id="R6"><infon key="type">why</infon><node refid="R1" role=""/><node refid="2" role=""/>
</relation>
</document>
<document><id>d2</id><passage><offset>5</offset><text>Bob</text></passage></document>
</collection>
"""


def test_the_documented_elements_are_read(tmp_path):
    first, second = read_sample(tmp_path, "x.xml", COLLECTION)
    assert first.text == "Rash & f\u00e9ver\nAda has it.  Bob, too."
    assert mentions(first) == [
        ("Rash", "Disease"),
        ("Ada", "PER"),
        ("has", "have"),
        ("Bob", "PER"),
        ("f\u00e9ver", "X"),
    ]
    assert edges(first) == [("Bob", "f\u00e9ver", "has")]
    who = ("have", 2, (("who", 1),))
    assert first.events == (who, ("all", None, (("x", 3), ("y", 4), ("z", 0))))
    assert causes(first) == {
        "Infon MESH": 1,
        "Infon type": 1,
        "Infon Chemical": 1,
        "A discontinuous span": 1,
        "An annotation without a place": 1,
        "An annotation or a relation without a type": 2,
        "A relation of concepts, or of fewer than two annotations": 1,
        "Names of the roles of a relation ('a' and 'b')": 1,
        "A relation or an argument of a span that is left out": 1,
    }
    assert ("A discontinuous span", f"{tmp_path / 'x.xml'} document d1 2") in first.left_out
    assert (second.text, second.spans, second.relations, second.events) == ("Bob", (), (), ())


def test_the_infon_that_is_the_label_may_be_named(tmp_path):
    text = COLLECTION.replace('key="MESH"', 'key="concept"')
    first, _ = read_sample(tmp_path, "x.xml", text, columns=("concept", "type"))
    assert mentions(first)[:2] == [("Rash", "D1"), ("Ada", "PER")]


@pytest.mark.parametrize("shape", ["collection", "api", "list"])
def test_json_has_several_shapes(tmp_path, shape):
    api = {"PubTator3": BIOC["documents"]}
    content = {"collection": BIOC, "api": api, "list": [BIOC, BIOC]}[shape]
    records = read_sample(tmp_path, "x.json", json.dumps(content, indent=2))
    assert len(records) == (2 if shape == "list" else 1)
    assert [mentions(record) for record in records] == [[("Ada", "PER"), ("Bob", "PER")]] * len(
        records
    )
    assert detect_format(tmp_path / "x.json") == "bioc"


def change(*path):
    """The collection in JSON with another value at a place."""
    *keys, last, value = path
    copy = json.loads(json.dumps(BIOC))
    node = copy["documents"][0]["passages"][0]
    for key in keys:
        node = node[key]
    node[last] = value
    return json.dumps(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BIOC_XML[:-40], "must be valid XML, was: .*line 1[12].*after 0 documents. Is it cut off"),
        (COLLECTION[:-5], "must be valid XML, was: .*after 2 documents"),
        (BIOC_XML.replace("&quot;", "").replace("Ada met", "Ada & met"), "must be valid XML"),
        ("<?xml version='1.0'?><collection></collection>", "must be a collection of documents"),
        (json.dumps(BIOC)[:-20], "must be valid JSON, was: .*cut off"),
        (json.dumps({"documents": [], "passages": []}), "must be a collection of documents"),
        (change("annotations", {"a": 1}), '"annotations" must be a list of objects'),
        (change("annotations", 0, "locations", ["a"]), '"locations" must be a list of objects'),
        (change("annotations", 0, "infons", ["a"]), '"infons" must be an object'),
        (change("annotations", 0, "locations", 0, "offset", "x"), "offset must be a whole number"),
        (change("annotations", 0, "locations", 0, "length", 3.5), "length must be a whole number"),
        (
            change("annotations", 0, "locations", 0, "offset", 90),
            "T1: a location must lie in the tex",
        ),
        (
            change("annotations", 0, "locations", 0, "length", 30),
            "T1: a location must lie in the tex",
        ),
        (change("annotations", 0, "locations", 0, "length", 0), "start and end must give the ment"),
        (change("annotations", 0, "text", "Eve"), "must give the mention of the span, was: 'Eve'"),
        (change("annotations", 0, "id", "T2"), "an id must be given once|must refer to an id"),
        (change("offset", None), "offset must be a whole number from 0, was: None"),
        (change("text", 5), '"text" must be a string, was: 5'),
        (change("relations", 0, "nodes", 0, "refid", "T9"), "R1 must refer to an id .*'T9'"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, content, message):
    name = "x.xml" if content.startswith("<") else "x.json"
    with pytest.raises(ValueError, match=message) as error:
        read_sample(tmp_path, name, content, format="bioc")
    assert str(error.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize("content", ["<html><body>a</body></html>", "<TEI/>", '{"documents": 1}'])
def test_other_files_are_not_taken_for_it(tmp_path, content):
    with pytest.raises(ValueError, match=r"must show a format|must have"):
        read_sample(tmp_path, "x.xml", content)


def write_xml(node, tag="collection"):
    """XML of an object of JSON, by BioC.dtd."""
    lists = {
        "documents": "document",
        "passages": "passage",
        "annotations": "annotation",
        "relations": "relation",
        "locations": "location",
        "nodes": "node",
    }
    inner, attributes = "", ""
    for key, value in node.items():
        if key in lists:
            inner += "".join(write_xml(item, lists[key]) for item in value)
        elif key == "infons":
            inner += "".join(
                f"<infon key={quoteattr(name)}>{escape(own)}</infon>" for name, own in value.items()
            )
        elif tag in ("location", "node") or (key == "id" and tag != "document"):
            attributes += f" {key}={quoteattr(str(value))}"
        elif key != "sentences":
            inner += f"<{key}>{escape(str(value))}</{key}>"
    return f"<{tag}{attributes}>{inner}</{tag}>"


@given(st.data())
def test_round_trip(tmp_path_factory, data):
    passages, start = [], data.draw(st.integers(0, 5))
    texts = data.draw(st.lists(st.text("ab <&😀ä", max_size=8), min_size=1, max_size=3))
    texts = [f"{text}." for text in texts]
    expected, at = [], 0
    for text in texts:
        place = st.integers(0, len(text) - 1)
        annotations = []
        for first, second in data.draw(st.lists(st.tuples(place, place), max_size=3)):
            first, end = min(first, second), max(first, second) + 1
            if text[first:end].strip():
                location = {"offset": start + first, "length": end - first}
                id = f"T{len(expected)}"
                own = {"id": id, "infons": {"type": "A"}, "text": text[first:end]}
                annotations.append({**own, "locations": [location]})
                expected.append((at + first, at + end, "A"))
        passages.append({"offset": start, "text": text, "annotations": annotations})
        start += len(text) + data.draw(st.integers(0, 3))
        at += len(text) + 1
    relations = []
    if expected:
        number = st.integers(0, len(expected) - 1)
        relations = data.draw(st.lists(st.tuples(number, number), max_size=3))
    passages[0]["relations"] = [
        {
            "id": f"R{i}",
            "infons": {"type": "of"},
            "nodes": [{"refid": f"T{end}", "role": ""} for end in pair],
        }
        for i, pair in enumerate(relations)
    ]
    collection = {"documents": [{"id": "1", "passages": passages}]}
    folder = tmp_path_factory.mktemp("bioc")
    (record,) = read_sample(folder, "x.json", json.dumps(collection))
    (same,) = read_sample(folder, "x.xml", write_xml(collection))
    assert (record.text, record.spans) == ("\n".join(texts), tuple(expected))
    edges = tuple((head, child, "of") for head, child in relations)
    assert record.relations == (edges if relations else None)
    assert (same.text, same.spans, same.relations) == (
        record.text,
        record.spans,
        record.relations,
    )
