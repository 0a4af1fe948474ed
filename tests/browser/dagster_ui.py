"""Dagster's UI as `make ui` has it, and what a person does with it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import dagster as dg
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
)
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[2]
GROUPS = ("corpus", "models", "evaluation", "serving")
PATIENCE = 120
"""Seconds for anything to appear; the machines are shared."""


@contextmanager
def serving(home: Path, settings: Mapping[str, object]) -> Iterator[str]:
    """Run webserver, daemon and code server on a free port; all of them are gone afterwards.

    Args:
        home: of the instance, as `DAGSTER_HOME`; made with the shipped settings if it is not there.
        settings: environment variables.

    Yields:
        Where the pages are, such as http://127.0.0.1:41234.
    """
    _make_home(home)
    port = _free_port()
    command = [Path(sys.executable).with_name("dg"), "dev", "--host", "127.0.0.1"]
    environment = os.environ | {
        "VIRTUAL_ENV": sys.prefix,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        **{name: str(value) for name, value in settings.items()},
    }
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def _make_home(home: Path) -> None:
    """Settings and tables of an instance, which two processes at once would stumble over making."""
    if (home / "dagster.yaml").exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text((ROOT / "instance" / "dagster.yaml").read_text())
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.get_runs()
            instance.schedule_storage.all_instigator_state()
    finally:
        os.environ.pop("DAGSTER_HOME")
        os.environ |= {} if before is None else {"DAGSTER_HOME": before}


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@dataclass(frozen=True)
class Pages:
    """Pages of the UI in a browser."""

    browser: Chrome
    url: str

    def wait_until_served(self) -> None:
        """Wait for the server's first answer."""
        self._wait(lambda _: self._answers(), f"an answer from {self.url}")

    def open(self, path: str, **query: str) -> None:
        """Go to a page."""
        self.browser.get(f"{self.url}/{path}?{urlencode(query)}")

    def lineage(self) -> None:
        """Go to the asset graph, all groups unfolded."""
        self.open("asset-groups", expanded=",".join(f"global@global:{group}" for group in GROUPS))

    def see_node(self, asset: str) -> None:
        """Wait for an asset in a graph, where the middle of a long name is left out."""

        def drawn(browser: Chrome) -> bool:
            nodes = browser.find_elements(By.CSS_SELECTOR, "foreignObject")
            # textContent: what the window does not reach has no visible text
            texts = (node.get_attribute("textContent") or "" for node in nodes)
            names = (text.strip().partition("…") for text in texts)
            return any(
                asset == start if not cut else asset.startswith(start) and asset.endswith(end)
                for start, cut, end in names
            )

        self._wait(drawn, f"{asset} in the graph")

    def see(self, text: str, within: str = "") -> WebElement:
        """Wait for an element with just this text, and return it.

        Args:
            text: all that it says.
            within: XPath of what it is in.
        """
        place = f"{within}//*[normalize-space()='{text}' and not(*[normalize-space()='{text}'])]"
        return self.find(place, f"{text!r}")

    def find(self, xpath: str, what: str) -> WebElement:
        """Wait for a visible element, and return it."""
        return self._wait(lambda _: self._shown(xpath), what)

    def click(self, text: str, within: str = "") -> None:
        """Click on what has just this text, once nothing lies over it."""

        def clicked(_: Chrome) -> bool:
            try:
                self.see(text, within).click()
            except (ElementClickInterceptedException, StaleElementReferenceException):
                return False
            return True

        self._wait(clicked, f"{text!r} to click on")

    def settle(self) -> None:
        """Wait until nothing moves any more: no placeholder of what is loading, no fading in."""
        moving = "return document.getAnimations().filter(a => a.playState === 'running').length"
        self._wait(lambda browser: browser.execute_script(moving) == 0, "a page at rest")

    def picture(self) -> WebElement:
        """Wait for a picture inside Markdown that has been drawn, and return it."""
        path = "//img[starts-with(@src, 'data:image/png')]"
        drawn = "return arguments[0].complete && arguments[0].naturalWidth > 0"

        def loaded(browser: Chrome) -> WebElement | None:
            found = self._shown(path)
            return found if found and browser.execute_script(drawn, found) else None

        return self._wait(loaded, "a picture")

    def _shown(self, xpath: str) -> WebElement | None:
        try:
            found = self.browser.find_elements(By.XPATH, xpath)
            return next((element for element in found if element.is_displayed()), None)
        except StaleElementReferenceException:
            return None

    def _wait(self, condition, what: str):
        told = f"expected {what} within {PATIENCE} s on {self.browser.current_url}"
        return WebDriverWait(self.browser, PATIENCE).until(condition, told)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/server_info", timeout=5):
                return True
        except (URLError, OSError):
            return False
