"""The reference pages say what the code does."""

import subprocess
import sys
from pathlib import Path

from evergreen.settings import PROJECT
from evergreen_workshop import declaration, reference


def test_the_generated_pages_are_up_to_date() -> None:
    for path, text in reference.pages().items():
        assert path.read_text() == text, f"run `make docs`: {path.name} is out of date"


def test_settings_have_their_default_and_what_they_do() -> None:
    page = reference.settings_page("# Head.\n\n# --- One ---\n# Said\n# twice.\n#A_B=1\n#C=\n")

    assert "## One" in page
    assert "| `A_B` | `1` | Said twice. |" in page
    assert "| `C` | – |" in page


def test_what_was_said_of_a_setting_does_not_stand_below_its_table_again() -> None:
    page = reference.settings_page(
        "# --- One ---\n# Of A.\n#A=1\n\n# --- Two ---\n# Of all of two.\n\n# Of B.\n#B=1\n"
    )

    assert page.count("Of A.") == 1


def test_the_docs_build_as_a_site_without_a_dead_link(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "concepts" / "index.html").exists()


def test_every_field_of_the_declaration_says_what_it_means() -> None:
    found = {kind.__name__: declaration.fields_of(kind) for kind in declaration.classes()}

    assert {name: [f.name for f in each if not f.meaning] for name, each in found.items()} == {
        name: [] for name in found
    }
    quantiles = next(f for f in found["UseCase"] if f.name == "monitoring")
    assert (quantiles.type, quantiles.default) == ("Monitoring", "Monitoring()")
    url, separator = found["Files"][-1], found["Files"][0]
    assert (url.name, url.default) == ("url", "")
    assert separator.name == "separator"  # of the class that it is made from
    assert found["Candidate"][1].row.startswith("| `build` | `Callable[[], Any]` | required |")


def test_what_may_be_declared_is_on_the_page() -> None:
    page = declaration.page()

    assert "- `Kind.BINARY`" in page
    assert "| `table` | `str \\| None` | `None` |" in page
    assert "## Scale" not in page
