"""Chromium without a window, by the distribution's Selenium: opens files, and says what they did.

Everything that a page fetches is in its log of the network, everything it complains about in its console.
"""

import base64
import contextlib
import json
import shutil
import tempfile
import time

try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

DRIVER = "/usr/bin/chromedriver"
WORDS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--no-first-run", "--disable-background-networking", "--disable-component-update")


def missing():
    """What this machine lacks to run it, None when nothing."""
    if webdriver is None:
        return "needs Selenium for /usr/bin/python3 (package python3-selenium)"
    if not shutil.which(DRIVER):
        return f"needs {DRIVER} (package chromium-driver)"
    if not shutil.which("chromium"):
        return "needs Chromium (package chromium)"
    return None


class Browser:
    def __init__(self, driver):
        self.driver = driver

    def show(self, path, width, height, dark=False, scripts=True):
        """Opens a file; returns the seconds until it is drawn."""
        self.command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if
                     width < 600 else 1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.logs()
        began = time.monotonic()
        self.driver.get(f"file://{path}")
        return time.monotonic() - began

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def logs(self):
        """Since the last call: complaints of the console, addresses that were asked for, and of them those that the
        page's policy has refused."""
        complaints = [entry["message"] for entry in self.driver.get_log("browser")
                      if entry["level"] in ("SEVERE", "WARNING")]
        requests, refused = {}, set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                requests[message["params"]["requestId"]] = message["params"]["request"]["url"]
            if message["method"] == "Network.loadingFailed" and message["params"].get("blockedReason") == "csp":
                refused.add(requests.get(message["params"]["requestId"]))
        return complaints, set(requests.values()), refused

    def screenshot(self, path):
        """Of the whole page, not only of the part in the window."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        picture = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                               clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))


@contextlib.contextmanager
def start():
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory(prefix="netobs-browser-", ignore_cleanup_errors=True) as profile:
        for word in (*WORDS, f"--user-data-dir={profile}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
