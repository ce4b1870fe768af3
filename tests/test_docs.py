"""The pages about the code name files, classes and links that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{one.name}" for one in (ROOT / "docs").glob("*.md")),
]
APPS = ("core", "accounts", "hosting", "billing", "shops", "config", "stack", "demo")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"^(?:[\w.]+/)+[\w.]*\.(?:py|sql|md|toml)\b")
CLASS = re.compile(r"^[A-Z][a-z]+(?:[A-Z][a-z]+)*(?=$|\.[a-z_]+$)")
LINK = re.compile(r"\]\(([^)#:]+)\)")
# Words in code type that are no classes of ours.
FOREIGN = {"Authorization", "Bearer", "Retry", "Path"}


def classes() -> set[str]:
    found: set[str] = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            found |= set(
                re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
            )
    return found


@pytest.mark.parametrize("page", PAGES)
def test_named_files_and_links_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {match[0] for code in CODE.findall(text) if (match := FILE.match(code))}
    missing = [name for name in named if "<" not in name and not (ROOT / name).exists()]
    links = [link for link in LINK.findall(text) if not ((ROOT / page).parent / link).exists()]
    assert sorted(missing) == []
    assert links == []


@pytest.mark.parametrize("page", ["docs/glossary.md", "docs/architecture.md"])
def test_named_classes_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {match[0] for code in CODE.findall(text) if (match := CLASS.match(code))}
    assert sorted(named - classes() - FOREIGN) == []


def test_statements_named_in_the_architecture_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    known = {path.name for app in APPS for path in (ROOT / app / "sql").rglob("*.sql")}
    named = set(re.findall(r"\b\w+\.sql\b(?!\.)", text))
    assert sorted(named - known) == []


def test_every_word_of_the_glossary_is_explained_once() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    words = [word.strip() for row in rows if row[0].strip() != "word" for word in row[0].split(",")]
    assert len(words) > 80
    assert sorted({word for word in words if words.count(word) > 1}) == []


def test_what_the_ten_searches_found_is_still_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| where … | opened | found |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) == 10
    for search, opened, found in rows:
        files = [match[0] for code in CODE.findall(opened) if (match := FILE.match(code))]
        content = "".join((ROOT / name).read_text(encoding="utf-8") for name in files)
        names = [code for code in CODE.findall(found) if code.isidentifier()]
        assert 1 <= len(files) <= 3, search
        assert [name for name in names if name not in content] == [], search
