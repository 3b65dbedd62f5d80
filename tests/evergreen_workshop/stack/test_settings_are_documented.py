"""`.env.example` lists what is read, and nothing else."""

import re

from evergreen.settings import PROJECT, Variables

READ = re.compile(
    r'"(EVERGREEN_[A-Z_]+|MLFLOW_(?:TRACKING_URI|BACKEND_STORE_URI|SERVER_ALLOWED_HOSTS))"'
)
IN_COMPOSE = re.compile(r"\$\{(EVERGREEN_[A-Z_]+)")
DOCUMENTED = re.compile(r"^#([A-Z][A-Z_]+)=", re.MULTILINE)
EXAMPLE = (PROJECT / ".env.example").read_text()


def read_by_code() -> set[str]:
    sources = [
        file
        for folder in ("include", "dags", "plugins", "config")
        for file in (PROJECT / folder).rglob("*.py")
    ]
    found = {name for file in sources for name in READ.findall(file.read_text())}
    fields = Variables.model_fields.items()
    found |= {f"EVERGREEN_{name.upper()}" for name, field in fields if not field.validation_alias}
    return found | set(IN_COMPOSE.findall((PROJECT / "docker-compose.yaml").read_text()))


def test_every_setting_that_is_read_is_documented() -> None:
    assert read_by_code() - set(DOCUMENTED.findall(EXAMPLE)) == set()


def test_every_setting_that_is_documented_is_read() -> None:
    assert set(DOCUMENTED.findall(EXAMPLE)) - read_by_code() == set()


def test_every_setting_has_a_sentence() -> None:
    lines = EXAMPLE.splitlines()

    for number, line in enumerate(lines):
        if DOCUMENTED.match(line):
            before = lines[number - 1]
            assert before.startswith("# ") or DOCUMENTED.match(before), line


def test_the_example_changes_nothing_when_it_is_copied() -> None:
    assert all(line.startswith("#") or not line for line in EXAMPLE.splitlines())


def test_the_defaults_of_the_ports_are_the_ones_in_use() -> None:
    from evergreen_workshop.stack.ports import PORTS

    for port in PORTS:
        assert f"#{port.setting}={port.default}\n" in EXAMPLE
