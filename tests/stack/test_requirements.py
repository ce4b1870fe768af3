"""Requirements are pinned by hash, with all extras that packages ask for, and name no host."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.txt", "requirements-dev.txt"]
HASHES = re.compile(r"( +--hash=sha256:[0-9a-f]{64})+ *$")

# What pip evaluates markers with.
Machine = Mapping[str, str | AbstractSet[str]]
THIS_MACHINE = cast(Machine, default_environment())
LINUX_AND_MACOS = [
    pytest.param(
        {"sys_platform": system, "platform_system": name, "python_version": version},
        id=f"{system}-{version}",
    )
    for system, name in (("linux", "Linux"), ("darwin", "Darwin"))
    for version in ("3.11", "3.12", "3.13", "3.14")
]


@dataclass(frozen=True)
class Pin:
    """One line of a lock."""

    name: str
    version: str
    extras: frozenset[str]
    marker: str

    def holds(self, machine: Machine) -> bool:
        """Whether it is installed there."""
        return not self.marker or Marker(self.marker).evaluate(machine)


def read_pins(text: str) -> list[Pin]:
    """The lines of a lock; fails on one that is no pin with hashes."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        requirement = Requirement(HASHES.sub("", line))
        assert HASHES.search(line), line[:100]
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), line[:100]
        found.append(
            Pin(
                canonicalize_name(requirement.name),
                str(requirement.specifier)[2:],
                frozenset(map(canonicalize_name, requirement.extras)),
                str(requirement.marker or ""),
            )
        )
    return found


def unpinned(pins: list[Pin], machine: Machine) -> list[str]:
    """Requirements of an installed package, or one of its pinned extras, that are not pinned."""
    pinned = {pin.name: pin.extras for pin in pins if pin.holds(machine)}
    return [
        f"{name} asks for {asked}"
        for name, extras in pinned.items()
        for asked in _requirements(name, extras, machine)
        if not _is_pinned(asked, pinned)
    ]


def _is_pinned(asked: Requirement, pinned: dict[str, frozenset[str]]) -> bool:
    extras = pinned.get(canonicalize_name(asked.name))
    return extras is not None and extras.issuperset(map(canonicalize_name, asked.extras))


def _requirements(name: str, extras: frozenset[str], machine: Machine) -> list[Requirement]:
    try:
        asked = [Requirement(line) for line in metadata.requires(name) or ()]
    except metadata.PackageNotFoundError:
        # Of another machine than this one; its own requirements cannot be read here.
        assert machine != THIS_MACHINE, f"{name} is in the lock and not installed"
        return []
    return [
        requirement
        for requirement in asked
        if requirement.marker is None
        or any(requirement.marker.evaluate({**machine, "extra": extra}) for extra in ("", *extras))
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_pin_with_hashes_and_no_host(name: str) -> None:
    assert len(read_pins((ROOT / name).read_text())) > 100
    assert "://" not in (ROOT / name).read_text()


def test_the_tools_of_the_audit_are_pinned_with_hashes_too() -> None:
    text = (ROOT / "requirements-audit.txt").read_text()
    assert {"bandit", "pip-audit"} <= {pin.name for pin in read_pins(text)}
    assert "://" not in text


def test_what_is_tested_is_what_runs() -> None:
    tested = {
        (pin.name, pin.marker): pin
        for pin in read_pins((ROOT / "requirements-dev.txt").read_text())
    }
    for pin in read_pins((ROOT / "requirements.txt").read_text()):
        assert tested[pin.name, pin.marker].version == pin.version
        assert tested[pin.name, pin.marker].extras >= pin.extras


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_of_a_pin_is_a_pin_with_its_extras(name: str) -> None:
    """By --require-hashes pip takes `coverage[toml]>=7` from the newest release, unless pinned."""
    assert unpinned(read_pins((ROOT / name).read_text()), THIS_MACHINE) == []


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize("machine", LINUX_AND_MACOS)
def test_it_holds_on_other_machines_too(name: str, machine: dict[str, str]) -> None:
    full = {"python_full_version": machine["python_version"] + ".1"}
    there = cast(Machine, {**THIS_MACHINE, **machine, **full})
    assert unpinned(read_pins((ROOT / name).read_text()), there) == []


def test_a_pin_without_the_extra_that_is_asked_for_is_found() -> None:
    pins = read_pins((ROOT / "requirements.txt").read_text())
    bare = [
        Pin(pin.name, pin.version, frozenset(), "") if pin.name == "kombu" else pin for pin in pins
    ]
    assert [found.partition(" asks for ")[0] for found in unpinned(bare, THIS_MACHINE)] == [
        "celery"
    ]
    assert "asks for kombu[redis]" in unpinned(bare, THIS_MACHINE)[0]


def test_a_requirement_of_an_extra_without_a_pin_is_found() -> None:
    pins = [
        pin
        for pin in read_pins((ROOT / "requirements.txt").read_text())
        if pin.name != "psycopg-binary"
    ]
    assert [found.partition(" asks for ")[0] for found in unpinned(pins, THIS_MACHINE)] == [
        "psycopg"
    ]
