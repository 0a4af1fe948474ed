"""The browser that pages are tested in; without one, these tests are skipped and say why."""

from collections.abc import Iterator

import pytest
from chromium import headless, missing
from selenium.webdriver import Chrome


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """A headless Chromium of 1600 × 1000 pixels, one for all tests."""
    if lacking := missing():
        pytest.skip(lacking)
    with headless() as driver:
        yield driver
