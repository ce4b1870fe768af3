"""Imports are declared in requirements.in or requirements-dev.in; declared packages are used."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Read by developers' commands only, with what requirements-dev.in adds.
DEVELOPERS = ("tests", "benchmarks", "docs", "stack/pytest_plugin.py")
SOURCES = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("*.py")
    if not any(part.startswith(".") or part in ("var", "node_modules") for part in path.parts)
)
RUNNING = [path for path in SOURCES if not str(path).startswith(DEVELOPERS)]
OURS = {path.parts[0].removesuffix(".py") for path in SOURCES}

# Used without an import or a quoted name of theirs: the text that uses them, and must be somewhere.
USED_BY = {
    "argon2-cffi": "Argon2PasswordHasher",
    "tzdata": "ZoneInfo(",
    "pytest-django": "DJANGO_SETTINGS_MODULE =",
    "pytest-xdist": ",-n 2)",
    "pytest-timeout": "\ntimeout = ",
    "coverage": "-m coverage run",
    "ruff": "-m ruff check",
    "mypy": "-m mypy",
    "import-linter": "/lint-imports",
    "djhtml": "/djhtml",
    "oxlint": "/oxlint --",
    "caddyserver": "caddy_binary()",
    "oxfmt": "/oxfmt --",
    "squawk-cli": 'with_name("squawk")',
    "django-stubs": "mypy_django_plugin.main",
    "djangorestframework-stubs": "mypy_drf_plugin.main",
    "celery-types": "from celery import",
    "types-redis": "import redis",
    "types-pyyaml": "import yaml",
    "moto": '"moto.server"',
}


def declared(name: str) -> set[str]:
    """The distributions that a file of requirements names, and those of the files it includes."""
    found = set()
    for line in (ROOT / name).read_text().splitlines():
        if included := re.match(r"-r (\S+)", line):
            found |= declared(included[1])
        elif line and not line.startswith("#"):
            found.add(canonicalize_name(Requirement(line).name))
    return found


def imported(paths: list[Path], *, types: bool) -> dict[str, Path]:
    """Imported third-party modules with an importing file; `types`: also under TYPE_CHECKING."""
    return {
        module: path
        for path in paths
        for module in _modules(ast.parse((ROOT / path).read_text()), types=types)
        if module not in OURS and module not in sys.stdlib_module_names
    }


def _modules(node: ast.AST, *, types: bool) -> Iterator[str]:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not types:
            return
        case ast.Import():
            yield from (name.name.partition(".")[0] for name in node.names)
        case ast.ImportFrom(level=0, module=str(module)):
            yield module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from _modules(child, types=types)


@cache
def distributions() -> dict[str, set[str]]:
    """The installed distributions that bring a top-level module, by its name."""
    found = metadata.packages_distributions().items()
    return {module: set(map(canonicalize_name, names)) for module, names in found}


def undeclared(modules: dict[str, Path], names: set[str]) -> list[str]:
    """Imports whose distribution is not among the names."""
    return [
        f"{path} imports {module}"
        for module, path in sorted(modules.items())
        if not distributions().get(module, set()) & names
    ]


def unused(names: set[str], paths: list[Path]) -> list[str]:
    """Declared distributions that no file imports or names, in quotes or by USED_BY."""
    modules = set(imported(paths, types=True))
    code = "\n".join((ROOT / path).read_text() for path in paths)
    text = code + (ROOT / "Makefile").read_text() + (ROOT / "pyproject.toml").read_text()
    quoted = set(re.findall(r'"([A-Za-z]\w*)[".]', code))
    used = {name for module in modules | quoted for name in distributions().get(module, set())}
    used |= {name for name, sign in USED_BY.items() if sign in text}
    return sorted(names - used)


def test_what_runs_imports_only_what_is_installed_with_it() -> None:
    assert undeclared(imported(RUNNING, types=False), declared("requirements.in")) == []


def test_what_developers_run_imports_only_what_is_declared() -> None:
    assert undeclared(imported(SOURCES, types=True), declared("requirements-dev.in")) == []


def test_the_settings_name_only_what_is_declared() -> None:
    from django.conf import settings

    named = {path.partition(".")[0] for path in settings.INSTALLED_APPS + settings.MIDDLEWARE}
    modules = {module: Path("config/settings.py") for module in named - OURS}
    assert len(modules) > 8
    assert undeclared(modules, declared("requirements.in")) == []


def test_what_is_declared_is_used() -> None:
    assert unused(declared("requirements.in"), RUNNING) == []
    assert unused(declared("requirements-dev.in"), SOURCES) == []


def test_no_reason_outlives_its_package() -> None:
    assert set(USED_BY) - declared("requirements-dev.in") == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import msgspec.json", ["msgspec"]),
        ("def f():\n    from rich.progress import Progress", ["rich"]),
        ("from . import x", []),
        ("if TYPE_CHECKING:\n    import msgspec", []),
        ("if TYPE_CHECKING:\n    pass\nimport msgspec", ["msgspec"]),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: list[str]) -> None:
    assert list(_modules(ast.parse(source), types=False)) == expected
