#!/usr/bin/python3
"""Logs in to phpMyAdmin with a headless browser and prints the tables that its page shows, one a line.

Usage: phpmyadmin_page.py URL USER DATABASE [SCREENSHOT.png]   (the password comes on standard input)

It runs with the distribution's Python, where the distribution's Selenium is. Status 77: something is missing.
"""

import sys
import tempfile

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError as error:
    print(f"{error} (package python3-selenium)")
    sys.exit(77)


def start(profile):
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000",
                 f"--user-data-dir={profile}"):
        options.add_argument(word)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    browser.implicitly_wait(30)
    return browser


def tables(browser, url, user, password, database):
    browser.get(url)
    browser.find_element(By.NAME, "pma_username").send_keys(user)
    browser.find_element(By.NAME, "pma_password").send_keys(password)
    browser.find_element(By.ID, "input_go").click()
    browser.find_element(By.ID, "pma_navigation_tree")
    browser.get(f"{url}index.php?route=/database/structure&db={database}")
    browser.find_element(By.CSS_SELECTOR, "#tablesForm tbody tr th a")
    names = [row.text.strip() for row in browser.find_elements(By.CSS_SELECTOR, "#tablesForm tbody tr th a")]
    return [name for name in names if name]


def main():
    url, user, database = sys.argv[1:4]
    with tempfile.TemporaryDirectory(prefix="netobs-browser-", ignore_cleanup_errors=True) as profile:
        browser = start(profile)
        try:
            print("\n".join(tables(browser, url, user, sys.stdin.readline().strip(), database)))
        finally:
            if len(sys.argv) > 4:
                browser.save_screenshot(sys.argv[4])
            browser.quit()


if __name__ == "__main__":
    main()
