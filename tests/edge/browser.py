"""Headless Chromium driven over its DevTools protocol: one tab, in as few words as the tests need.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import contextlib
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import until

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-dev-shm-usage --no-first-run --hide-scrollbars --remote-debugging-port=0"
)
NAVIGATED = "navigated or closed"  # of the browser's answer


class Navigated(Exception):
    """The page went away while it was asked."""


class Tab:
    """A page, and what the browser complained of."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._number = connection, 0
        self.complaints: list[str] = []  # errors of scripts, refused resources, breaches of the page's policy
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._connection.recv(timeout=30))
            self._listen(message)
            if message.get("id") == self._number:
                if NAVIGATED in message.get("error", {}).get("message", ""):
                    raise Navigated
                assert "error" not in message, message
                return message["result"]

    def open(self, url: str, width: int, height: int = 900, *, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)

    def value(self, script: str) -> Any:
        """Of a JavaScript expression; None where the page is left before it can answer, as after a click."""
        with contextlib.suppress(Navigated):
            found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
            return found["result"].get("value")
        return None

    def until(self, script: str) -> None:
        until(lambda: self.value(script))

    def press(self, key: str) -> None:
        """A key as a person without a mouse presses it: Tab, Enter or one character."""
        codes = {"Tab": 9, "Enter": 13}
        about: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0)}
        if key not in codes or key == "Enter":
            about["text"] = "\r" if key == "Enter" else key
        self.call("Input.dispatchKeyEvent", type="keyDown", **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def screenshot(self, path: Path, width: int, most: int) -> None:
        """The page from its top to its end, or so many pixels of it."""
        height = min(most, self.value("document.documentElement.scrollHeight"))
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _listen(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        if message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])


@contextlib.contextmanager
def tab(folder: Path) -> Iterator[Tab]:
    """A tab of a browser of its own. Skips the test where there is no Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("needs chromium, of Debian's package of that name")
    client = pytest.importorskip("websockets.sync.client")
    command = [program, *OPTIONS.split(), f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        where = folder / "DevToolsActivePort"
        until(lambda: where.is_file() and where.read_text().count("\n"))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{where.read_text().split()[0]}/json", timeout=30) as answer:
            (target,) = [each for each in json.load(answer) if each["type"] == "page"]
        with client.connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None) as connection:
            yield Tab(connection)
    finally:
        process.kill()
        process.wait()
