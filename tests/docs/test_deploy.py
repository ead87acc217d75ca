"""What `docs/deploy` and `docs/operate.md` name is there, and they agree.

No container engine runs here. What a container would do at its start and end is run by
`tests/service/test_rolling.py`; the wheel of the image is built here, from just the
files that the image copies.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from biofeedback.cli.app import app
from biofeedback.service.conductor import FINISH_LIMIT_S
from biofeedback.service.server import GOODBYE_S
from biofeedback.session.runner import SOURCE_GOODBYE_S
from biofeedback.settings import DEFAULT_PORT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs/deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
ENVIRONMENT = (DEPLOY / "biofeedback.env.example").read_text()
OPERATE = (ROOT / "docs/operate.md").read_text()
NODES = ("node-a", "node-b", "hub")


@cache
def source() -> str:
    return "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))


@cache
def command() -> Any:  # noqa: ANN401 - Typer's, which brings a click of its own
    return typer.main.get_command(app)


def options_of(found: Any) -> set[str]:  # noqa: ANN401
    return {opt for param in found.params for opt in (*param.opts, "--help")}


def check_call(words: list[str]) -> None:
    """See to it that `biofeedback` has this command with these options."""
    found, at = command(), 0
    while hasattr(found, "commands"):
        assert words[at] in found.commands, words
        found, at = found.commands[words[at]], at + 1
    known = options_of(found) | options_of(command())
    used = {word.partition("=")[0] for word in words[at:] if word.startswith("--")}
    assert used <= known, f"{words}: {used - known}"


def instructions() -> list[tuple[str, str]]:
    joined = CONTAINERFILE.replace("\\\n", "")
    lines = [line for line in joined.splitlines() if line and line[0] != "#"]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def instruction(name: str) -> str:
    (found,) = (rest for word, rest in instructions() if word == name)
    return found


def copied() -> Iterator[tuple[Path, str]]:
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, to = rest.split()
            for name in sources:
                yield ROOT / name, to


# --- The image ------------------------------------------------------------------------


def test_the_image_is_built_of_what_the_wheel_needs(tmp_path: Path) -> None:
    for path, to in copied():
        target = tmp_path / to
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(path, target, ignore=ignored)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    sys.path.insert(0, str(tmp_path))
    try:
        import hatch_build
    finally:
        sys.path.remove(str(tmp_path))
    assert hatch_build.digest(tmp_path / "dashboard") == hatch_build.digest(
        ROOT / "dashboard"
    ), "all that the dashboard is built of is copied"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "wheels"],
        cwd=tmp_path,
        env={"BIOFEEDBACK_SKIP_DASHBOARD": "1", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert wheel.match("biofeedback-*.whl"), "this is what the next line installs"
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT / top).as_posix()
        for top in ("src", "drivers")
        for path in (ROOT / top).rglob("*.py")
        if path.relative_to(ROOT / top).parts[0].startswith("biofeedback")
    }
    assert expected <= names


def test_the_image_runs_what_there_is() -> None:
    assert json.loads(instruction("ENTRYPOINT")) == ["biofeedback"]
    check_call(json.loads(instruction("CMD")))
    assert f"EXPOSE {DEFAULT_PORT}" in CONTAINERFILE
    assert f"https://localhost:{DEFAULT_PORT}/healthz" in instruction("HEALTHCHECK")
    user = instruction("USER").partition(":")[0]
    assert user != "0"
    assert f"--uid {user} " in CONTAINERFILE
    assert f"--owner {user} " in CONTAINERFILE
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = re.findall(r"\.whl\)\[([a-z,]+)\]", CONTAINERFILE)
    assert set(wanted.split(",")) <= set(extras["optional-dependencies"])
    assert "--constraint constraints.txt" in CONTAINERFILE


# --- Several of them ------------------------------------------------------------------


def test_images_are_named_without_a_registry_and_with_a_version() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    images = [service["image"] for service in COMPOSE["services"].values()]
    for image in (*bases, *images):
        assert "/" not in image, image
        assert image == "biofeedback" or re.fullmatch(r"[a-z]+:[0-9.]+(-\w+)?", image)
    assert len(set(bases)) == 1, "a virtual environment keeps the path of its Python"


@pytest.mark.parametrize("name", NODES)
def test_every_node_is_started_as_it_can_be(name: str) -> None:
    service = COMPOSE["services"][name]
    words: list[str] = service["command"]
    check_call(words)
    options = dict(word[2:].partition("=")[::2] for word in words if "=" in word)
    # The service answers by its name alone, with the port that is opened.
    opened = options["name"].partition(":")[2] or DEFAULT_PORT
    assert service["ports"] == [f"{opened}:{DEFAULT_PORT}"]
    assert service["volumes"] == [f"{name}:/data", "nats:/nats"]
    assert set(service["environment"]) <= known_variables()
    told = json.dumps(service)
    used = set(re.findall(r"/run/secrets/([\w.-]+)", told))
    assert used <= set(service["secrets"]) <= set(COMPOSE["secrets"])
    assert set(service["depends_on"]) <= set(COMPOSE["services"])
    assert seconds(service["stop_grace_period"]) > needs_to_end_s(words)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_everything_is_used() -> None:
    services = COMPOSE["services"].values()
    mounted = {v.partition(":")[0] for s in services for v in s.get("volumes", ())}
    assert set(COMPOSE["volumes"]) == {name for name in mounted if name[0] != "."}
    given = {name for service in services for name in service.get("secrets", ())}
    assert given == set(COMPOSE["secrets"])
    for name in COMPOSE["secrets"]:
        assert f"`{name}`" in OPERATE, f"what is in {name}?"


# --- systemd --------------------------------------------------------------------------


def unit() -> configparser.ConfigParser:
    class Unit(configparser.ConfigParser):
        def optionxform(self, optionstr: str) -> str:
            return optionstr

    found = Unit(strict=False, interpolation=None, delimiters=("=",))
    found.read_string((DEPLOY / "biofeedback.service").read_text())
    return found


def environment() -> dict[str, str]:
    lines = (line for line in ENVIRONMENT.splitlines() if line and line[0] != "#")
    return dict(line.partition("=")[::2] for line in lines)


def test_the_unit_starts_what_there_is() -> None:
    service = unit()["Service"]
    given = environment()
    assert set(given) <= known_variables() | {"BIOFEEDBACK_OPTIONS"}
    line = service["ExecStart"].replace(
        "$BIOFEEDBACK_OPTIONS", given["BIOFEEDBACK_OPTIONS"]
    )
    program, *words = shlex.split(line)
    assert program.endswith("/bin/biofeedback")
    check_call(words)
    assert float(service["TimeoutStopSec"]) > needs_to_end_s(words)
    assert service["Type"] == "notify", "service/supervisor.py tells it"
    credentials = service["LoadCredential"].partition(":")[0]
    for path in re.findall(r"/run/credentials/\S*?/([\w.]+)", ENVIRONMENT):
        assert path.startswith(f"{credentials}_"), path
        assert f"`{path.removeprefix(f'{credentials}_')}`" in OPERATE


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    text = (DEPLOY / "biofeedback.service").read_text()
    there = text.replace("/opt/biofeedback/bin/biofeedback", sys.executable)
    path = tmp_path / "biofeedback.service"
    path.write_text(there)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if path.name in line]
    assert not ours
    assert done.returncode == 0, done.stderr


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def needs_to_end_s(words: list[str]) -> float:
    """Return how long it may take to end in order."""
    drain = re.search(r"--drain[= ](\d+)", " ".join(words))
    before = float(drain[1]) if drain else 0.0
    return before + SOURCE_GOODBYE_S + 2 * FINISH_LIMIT_S + GOODBYE_S


@cache
def known_variables() -> set[str]:
    return set(re.findall(r'"(BIOFEEDBACK_[A-Z_]+)"', source()))


# --- What people are told to do -------------------------------------------------------


def test_every_command_of_the_page_is_there() -> None:
    calls = re.findall(r"(?:^|[`] ?|\$ )biofeedback ([a-z][^`\n#]*)", OPERATE, re.M)
    assert len(calls) > 8
    for call in calls:
        check_call(shlex.split(call.replace("…", "")))


def test_every_figure_of_the_page_is_there() -> None:
    named = set(re.findall(r"`biofeedback_([a-z_]+)", OPERATE))
    assert len(named) > 20
    for name in named:
        told = re.sub(r"_(total|count|sum|bucket)$", "", name)
        # The hub's are made of two words.
        made = (told, told.removeprefix("copy_"))
        assert any(f'"{one}"' in source() for one in made), name


def test_every_alarm_is_on_the_page() -> None:
    (group,) = yaml.safe_load((DEPLOY / "alarms.yaml").read_text())["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket")
        figures = re.findall(r"biofeedback_[a-z_]+", rule["expr"])
        assert figures or rule["alert"] == "NobodyAnswers"
        for name in figures:
            assert f"`{name.removesuffix('_bucket')}" in OPERATE, name


def test_every_file_that_the_page_leads_to_is_there() -> None:
    for path in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", OPERATE):
        assert (ROOT / "docs" / path).exists(), path
