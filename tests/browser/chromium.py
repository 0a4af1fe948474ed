"""A headless Chromium, driven by the chromedriver that is installed beside it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PROGRAMS = (("chromium", "chromium-browser", "google-chrome", "chrome"), ("chromedriver",))
WIDTH, HEIGHT = 1600, 1000
"""Of the window, in pixels."""


def missing() -> str | None:
    """What has to be installed before a browser can be driven; None if all is there."""
    lacking = [names[0] for names in PROGRAMS if _path(names) is None]
    if not lacking:
        return None
    return (
        f"no browser: expected chromium and chromedriver on the path, found no {lacking}; what "
        "people see is not tested without. On Debian: apt-get install chromium chromium-driver"
    )


@contextmanager
def headless(scale: float = 1) -> Iterator[Chrome]:
    """A browser without a window; it is gone afterwards, with its profile.

    Args:
        scale: device pixels for each pixel of a page: 2 for sharp pictures.

    Raises:
        RuntimeError: if one of its two programs is not installed.
    """
    if lacking := missing():
        raise RuntimeError(lacking)
    chromium, chromedriver = map(_path, PROGRAMS)
    browser = Chrome(_options(str(chromium), scale), Service(str(chromedriver)))
    try:
        yield browser
    finally:
        browser.quit()


def _path(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def _options(chromium: str, scale: float) -> ChromeOptions:
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",  # which root, and most containers, cannot have
        "--disable-dev-shm-usage",  # containers have 64 MB of it
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-proxy-server",  # pages are on this machine
        f"--force-device-scale-factor={scale}",
        f"--window-size={WIDTH},{HEIGHT}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return options
