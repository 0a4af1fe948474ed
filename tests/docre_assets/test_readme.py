"""What the README tells people to type works, on what a run leaves behind."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from PIL import Image

from docre_assets.assets import ASSETS

pytest_plugins = ["little_places"]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def place(distilled) -> Path:
    """The folder that holds a run's ``artefacts``."""
    return Path(distilled[0].storage.root).parent


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_make_target_exists():
    targets = set(re.findall(r"\bmake ([a-z]+)", README))
    assert targets >= {"demo", "ui", "test", "lint"}
    for target in targets:
        run(["make", "--dry-run", target], ROOT)


def test_every_variable_is_read_and_told():
    source = (ROOT / "resources" / "environment.py").read_text(encoding="utf-8")
    assert set(re.findall(r"`(DOCRE_\w+)`", README)) == set(re.findall(r'"(DOCRE_\w+)"', source))


def test_every_folder_and_page_is_there():
    pages = re.findall(r"\]\((docs/[\w./]+)\)", README)
    folders = re.findall(r"^\| `(\w+/)` \|", README, flags=re.MULTILINE)
    assert pages
    assert folders
    assert [name for name in pages + folders if not (ROOT / name).exists()] == []


def test_the_picture_shows_assets_and_their_lineage():
    (picture,) = re.findall(r'<img src="([^"]+)"', README)
    with Image.open(ROOT / picture) as image:
        shown = image.text["assets"].split()
    expected = [
        f"{parent.to_user_string()}>{asset.key.to_user_string()}"
        for asset in ASSETS
        for parent in asset.dependency_keys
    ]
    assert sorted(shown) == sorted(expected), f"{picture} is of another graph: make screenshots"


@pytest.mark.slow
def test_the_query_of_the_shell(place):
    (command,) = [text for text in blocks("sh") if "import duckdb" in text]
    code = re.search(r'-c "(.*)"', command).group(1)
    assert "head_name" in run([sys.executable, "-c", code], place)


@pytest.mark.slow
def test_every_sql_statement(place):
    statements = [line for text in blocks("sql") for line in text.splitlines() if line]
    assert statements
    with duckdb.connect(str(place / "artefacts" / "warehouse.duckdb"), read_only=True) as warehouse:
        for statement in statements:
            warehouse.sql(statement).fetchall()


@pytest.mark.slow
def test_the_python_example(place):
    (code,) = blocks("python")
    assert "doc_id" in run([sys.executable, "-c", code], place)
