"""The page of a check-up: one file, no network, everything foreign escaped."""

import re
from html.parser import HTMLParser

import pytest

from algorism.atlas.checkup import count, write_checkup
from algorism.evaluation.backends import Failure, Reply, scripted
from algorism.evaluation.backends.protocol import as_text
from algorism.evaluation.checkup import checkup, findings, smallest_budget

VOID = {"meta", "br", "img", "input", "link", "hr"}
ATTACK = '<script>alert("x")</script><img src="https://example.org/a.png">'


class Balanced(HTMLParser):
    """Checks that every element is closed where it was opened, and collects text and attributes."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(page):
    found = Balanced()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


class Attacking:
    """A model that answers with markup, fails now and then, and has a name of markup."""

    name = f"hf:{ATTACK}"

    def fingerprint(self):
        return {"kind": ATTACK}

    def generate(self, requests, sampling):
        for at, request in enumerate(requests):
            if at % 7 == 3:
                yield Failure(request.key, 0, f"500 {ATTACK}")
            else:
                yield Reply(request.key, 0, f"{request.facts['gold']}1 {ATTACK}" if at % 3 else "</main>\ud800")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    made = {}
    for name, model in (
        ("attack", Attacking()),
        ("oracle", scripted("oracle")),
        ("dropped", scripted("dropped-carry")),
    ):
        folder = tmp_path_factory.mktemp(name)
        values = findings(checkup(model, folder / "answers.jsonl", budget=smallest_budget()))
        made[name] = values, write_checkup(values, folder).read_text(encoding="utf-8")
    return made


@pytest.mark.parametrize("name", ["attack", "oracle", "dropped"])
def test_the_page_is_whole_and_needs_nothing_else(pages, name):
    page = pages[name][1]
    found = parsed(page)
    assert not {"script", "img", "link", "iframe", "object"} & set(found.tags)
    assert not [key for key, _ in found.attributes if key in ("src", "href", "srcset") or key.startswith("on")]
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in style


def test_what_a_model_wrote_is_shown_and_not_run(pages):
    values, page = pages["attack"]
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    text = parsed(page).text
    assert ATTACK in text
    assert f"500 {ATTACK}" in text
    assert values["answers"]["failed"] > 0


def test_what_could_not_be_asked_stands_apart_with_its_reason(tmp_path):
    class Choosy(Attacking):
        def generate(self, requests, sampling):
            for request in requests:
                refused = "Round" in as_text(request.prompt)
                gold = request.facts["gold"]
                yield Failure(request.key, 0, f"no {ATTACK}") if refused else Reply(request.key, 0, gold)

    values = findings(checkup(Choosy(), tmp_path / "answers.jsonl", budget=smallest_budget()))
    assert [row["name"] for row in values["unasked"]] == ["round-integer"]
    page = write_checkup(values, tmp_path).read_text(encoding="utf-8")
    assert "<script" not in page
    before, section = parsed(page).text.split("What could not be asked")
    section = re.sub(r"\s+", " ", section.split("The weakest spots")[0])
    assert f"no {ATTACK} 1 taskEveryday numbers: Round to the nearest ten" in section
    assert "Round to the nearest ten" not in before
    assert "Total price of a shopping list" in before


def test_every_number_stands_beside_a_blind_one(pages):
    values, page = pages["dropped"]
    asked = sum(len(probe["levels"]) for probe in values["probes"])
    assert len(re.findall(r'class="cell asked"', page)) == asked
    assert len(re.findall(r'<span class="w">blind </span>\d', page)) == asked
    for probe in values["probes"]:
        for level in probe["levels"]:
            assert f"{count(level['level'], probe['unit'])}: {level['right']} of {level['n']} right" in page


def test_the_page_says_what_the_file_says(pages):
    for values, page in pages.values():
        text = re.sub(r"\s+", " ", parsed(page).text)
        assert values["headline"] in text
        for sentence in [*values["advice"], *(row["sentence"] for row in values["causes"])]:
            assert sentence in text
    assert "No advice" in pages["oracle"][1]
    assert "None: no wrong answer was given." in pages["oracle"][1]
    assert "No advice" not in pages["dropped"][1]
    spot = pages["dropped"][0]["weakest"][0]
    assert spot["examples"][0]["prompt"] in parsed(pages["dropped"][1]).text
