#!/usr/bin/env python3
"""The HTML report in a browser: it renders, its numbers are those of the JSON, it fetches nothing, and text stays text."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import time

import browser
import lab
from contract import check_contract
from lab import B4, Skip, check, contains, equal, wait_for

PROBES = 4000
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "small": (320, 640)}
NASTY = "\"><img src=x onerror=\"window.owned=1\"></script><script>window.owned=1</script><!-- \u2028 &lt;b&gt; '{{}}`${1}`"

# Every number in the page: the pointer into the JSON, the exact value and what a reader sees.
NUMBERS = """return [...document.querySelectorAll('data')].map(
  (each) => [each.dataset.of, each.value, each.textContent, each.getClientRects().length])"""

# Names and numbers of the waterfall that are cut, or lie over one another.
CLUTTER = """
const wrong = [];
const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
for (const row of document.querySelectorAll('.waterfall tr')) {
  const boxes = [...row.querySelectorAll('th, td, text')].filter((cell) => cell.getClientRects().length && cell.textContent)
    .filter((cell) => !cell.querySelector('svg text')).map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return [cell.textContent, range.getBoundingClientRect()];
    });
  boxes.forEach(([text, box], i) => {
    if (box.left < -0.5 || box.right > innerWidth + 0.5) wrong.push(`${text} is cut: ${box.left} to ${box.right}`);
    for (const [other, its] of boxes.slice(i + 1)) if (overlap(box, its)) wrong.push(`${text} over ${other}`);
  });
}
return wrong;"""

# Colours of a canvas: a chart that drew nothing has one.
COLOURS = """return [...document.querySelectorAll('canvas')].map((canvas) => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < pixels.length; i += 4) seen.add(pixels[i] << 24 | pixels[i + 1] << 16 | pixels[i + 2] << 8 | pixels[i + 3]);
  return seen.size;
})"""


@contextlib.contextmanager
def chromium():
    lacking = browser.missing()
    if lacking:
        raise Skip(lacking)
    try:
        with browser.start() as opened:
            yield opened
    except browser.WebDriverException as error:
        if "session not created" in str(error) or "cannot find Chrome" in str(error):
            raise Skip(f"Chromium does not start here: {error.msg}") from error
        raise


def artefact(name):
    folder = pathlib.Path(os.environ.get("NETOBS_SCREENSHOTS", "."))
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / name)


def measured(host):
    """A store with one run; the reflector was away for a moment, so some probes are late."""
    store = host.path("run.db")
    if os.path.exists(store):
        return store
    with host.reflector() as process:
        run = host.start("rtt", B4, "--count", str(PROBES), "--interval", "500us", "--timeout", "50ms", "--store", store,
                         "--html", host.path("live.html"), namespace=host.a)
        wait_for(lambda: rows(store) > PROBES / 4, "a part of the run")
        process.send(signal.SIGSTOP)
        time.sleep(0.2)  # longer than the timeout: what is done to it, not a wait
        seen = rows(store)
        wait_for(lambda: rows(store) > seen + 100, "probes without an answer")
        process.send(signal.SIGCONT)
        run.wait().expect(0)
    return store


def rows(store):
    try:
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
            return db.execute("select count(*) from probes").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def change(store, copy, *statements):
    """A copy of a store in which statements have been run."""
    with contextlib.closing(sqlite3.connect(store)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        with target:
            for sql, arguments in statements:
                target.execute(sql, arguments)
    return copy


def page_of(host, store, name="page.html"):
    path = host.path(name)
    host.netobs("report", "--store", store, "--html", path).expect(0)
    return path, host.netobs("report", "--store", store, "--json").expect(0).json()


def at(document, pointer):
    for step in pointer.strip("/").split("/"):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def visible_value(text):
    """What a reader takes from "1.23 ms", in ns; of a count or a share, the number."""
    plain = text.replace("\u00a0", " ")
    number, _, unit = plain.rpartition(" ")
    scale = {"ns": 1, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9, "%": 0.01}
    if unit in scale:
        return float(number.replace(" ", "")) * scale[unit], True
    return float(plain.replace(" ", "")), False


def check_numbers(opened, document):
    numbers = opened.run(NUMBERS)
    for pointer, value, text, _ in numbers:
        truth = at(document, pointer)
        check(truth is not None, f"{pointer} is not in the JSON, and is {text} on the page")
        equal(float(value), float(truth), f"value of {pointer}")
        seen, rounded = visible_value(text)
        # Three significant digits, of small values two or three decimals; of shares at least one.
        unit = {"ns": 1, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9, "%": 0.01}.get(text.replace("\u00a0", " ").split(" ")[-1], 0)
        slack = max(abs(truth) * 0.00501, unit * (0.5 if text.endswith("%") else 0.00501)) if rounded else 0
        check(abs(seen - truth) <= slack, f"{pointer} is {truth}, the page shows {text}")
    return {pointer: shown for pointer, _, _, shown in numbers}


def check_complete(shown, document):
    """The numbers that the page must not leave out, visible to the reader."""
    wanted = [f"/probes/{key}" for key in ("sent", "received", "lost", "late", "duplicate", "reordered", "skipped")]
    for view, figures in document["rtt_ns"].items():
        keys = [key for key in ("p50", "p90", "p99", "p99_9", "max") if figures and figures[key] is not None]
        wanted += [f"/rtt_ns/{view}/{key}" for key in keys]
    for i, segment in enumerate(document["segments"]):
        wanted += [f"/segments/{i}/{key}" for key in ("p50", "p99", "share") if segment[key] is not None]
    for i, point in enumerate(document["points"]):
        if point["status"] == "on":
            wanted += [f"/points/{i}/requested", f"/points/{i}/captured"]
            wanted += [f"/points/{i}/missing/{reason}" for reason in point["missing"]]
    missing = [pointer for pointer in wanted if not shown.get(pointer)]
    equal(missing, [], "numbers that the page does not show")


def check_quiet(opened, path):
    complaints, requests, _ = opened.logs()
    equal(complaints, [], "console")
    equal(requests, {f"file://{path}"}, "requests")


def check_chart_data(opened, document):
    run = json.loads(opened.run("return document.getElementById('data').textContent"))["runs"][0]
    equal(run["report"], document, "the JSON inside the page")
    series = run["series"]
    equal(sum(series["sent"]), document["probes"]["sent"], "probes in the series")
    equal(sum(series["lost"]), document["probes"]["lost"], "losses in the series")
    check(len(series["t_ns"]) <= 720 and series["t_ns"] == sorted(series["t_ns"]), "columns over time")
    for view in run["views"]:
        figures = document["rtt_ns"][view["name"]]
        strokes = series["views"][view["name"]]
        equal(min(v for v in strokes["min"] if v is not None), figures["min"], f"minimum over time of {view['name']}")
        equal(max(v for v in strokes["max"] if v is not None), figures["max"], f"maximum over time of {view['name']}")
        curve = {x: y for x, y in view["curve"]}
        equal((curve[1], view["curve"][-1]), (figures["min"], [figures["count"], figures["max"]]), "ends of the curve")
        equal((curve[2], curve[10], curve[100]), (figures["p50"], figures["p90"], figures["p99"]), "curve")
        equal(sum(count for _, _, count in view["bars"]), figures["count"], "values in the histogram")
        check(len(view["bars"]) <= 96 and len(view["curve"]) < 500, f"size of {view['name']}")
    return run


def check_drawn(opened, what):
    equal(opened.run("return document.documentElement.dataset.drawn"), "3", f"charts of {what}")
    check(all(seen > 20 for seen in opened.run(COLOURS)), f"an empty chart in {what}: {opened.run(COLOURS)}")


def test_the_page_says_what_the_json_says(host):
    path, document = page_of(host, measured(host))
    check_contract(document, sent=PROBES)
    check(document["probes"]["lost"] > 0, "nothing was lost: the reflector was not away")
    with chromium() as opened:
        for size, (width, height) in SIZES.items():
            for dark in (False, True):
                name = f"report-{size}{'-dark' if dark else ''}"
                opened.show(path, width, height, dark)
                check_quiet(opened, path)
                check_drawn(opened, name)
                shown = check_numbers(opened, document)
                check_complete(shown, document)
                check_chart_data(opened, document)
                equal(opened.run(CLUTTER), [], f"waterfall of {name}")
                equal(opened.run("return document.documentElement.scrollWidth"), width, f"width of {name}")
                opened.screenshot(artefact(f"{name}.png"))
        text = opened.run("return document.body.innerText")
        contains(text, document["run"]["command_line"], "the command")
        contains(text, document["environment"]["kernel"], "the environment")
        equal(opened.run("return document.querySelectorAll('.waterfall tbody tr:not(.group)').length"),
              len(document["segments"]), "segments in the waterfall")
    with open(path, encoding="utf-8") as page, open(host.path("live.html"), encoding="utf-8") as live:
        check(page.read() == live.read(), "the page of rtt --html differs from that of report --html")
    equal(host.netobs("report", "--store", measured(host), "--html", "-").expect(0).out.startswith("<!DOCTYPE html>"),
          True, "on standard output")


def test_the_buttons_choose_the_view(host):
    path, document = page_of(host, measured(host))
    with chromium() as opened:
        opened.show(path, *SIZES["desktop"])
        for view in [name for name, figures in document["rtt_ns"].items() if figures]:
            opened.run("document.querySelector(`#over-time button[value=${arguments[0]}]`).click()", view)
            equal(opened.run("return [...document.querySelectorAll('#over-time [aria-pressed=true]')].map((b) => b.value)"),
                  [view], "pressed")
            top = opened.run("return Chart.getChart(document.querySelector('#over-time canvas')).data.datasets"
                             ".filter((set) => set.label === '_maximum').flatMap((set) => set.data.map(({y}) => y))")
            equal(max(value for value in top if value is not None), document["rtt_ns"][view]["max"], f"maximum of {view}")
        check_quiet(opened, path)


def test_readable_without_scripts(host):
    path, document = page_of(host, measured(host))
    with chromium() as opened:
        opened.show(path, *SIZES["phone"], scripts=False)
        equal(opened.run("return document.querySelectorAll('canvas').length"), 0, "charts without scripts")
        check_complete(check_numbers(opened, document), document)
        contains(opened.run("return document.body.innerText"), "need a browser that runs scripts", "in place of a chart")


def test_hostile_text_stays_text(host):
    store = measured(host)
    with contextlib.closing(sqlite3.connect(store)) as db:
        document = json.loads(db.execute("select document from runs").fetchone()[0])
    run = document["run"]
    for key in ("target", "link", "schedule", "transport", "command_line", "cpu", "wait"):
        run[key] = NASTY
    document["warnings"] = [NASTY]
    document["notes"] = [NASTY]
    copy = change(store, host.path("hostile.db"), ("update runs set document = ?, target = ?", (json.dumps(document), NASTY)))
    path, report = page_of(host, copy, "hostile.html")
    equal(report["run"]["target"], NASTY, "the text that was put in")
    with chromium() as opened:
        opened.show(path, *SIZES["phone"])
        check_quiet(opened, path)
        check_drawn(opened, "hostile")
        equal(opened.run("return window.owned === undefined"), True, "a text ran as a script")
        equal(opened.run("return document.querySelectorAll('img, iframe, link, object, b').length"), 0, "a text became markup")
        equal(opened.run("return document.scripts.length"), 3, "scripts")
        equal(opened.run("return document.querySelector('h1').textContent"), NASTY, "heading")
        equal(opened.run("return document.getElementById('command').textContent"), NASTY, "command")
        check_chart_data(opened, report)
        equal(opened.run("return document.documentElement.scrollWidth"), SIZES["phone"][0], "width")


def test_the_policy_forbids_what_is_not_the_page_s_own(host):
    path, _ = page_of(host, measured(host))
    text = pathlib.Path(path).read_text(encoding="utf-8")
    foreign = host.write("foreign.html", text.replace(
        "</main>", "<script>window.owned=1</script><img src=other.png><p onclick='1'>x</p></main>", 1))
    with chromium() as opened:
        opened.show(foreign, *SIZES["desktop"])
        complaints, requests, refused = opened.logs()
        equal(opened.run("return window.owned === undefined"), True, "a foreign script ran")
        check(len(complaints) >= 2 and all("Content Security Policy" in each for each in complaints), str(complaints))
        equal({os.path.basename(each) for each in requests}, {"foreign.html", "other.png"}, "what it wanted")
        equal({os.path.basename(each) for each in refused}, {"other.png"}, "what was refused")


def test_a_run_whose_rows_have_expired(host):
    store = measured(host)
    copy = change(store, host.path("expired.db"), ("delete from probes where sequence < 100", ()))
    path, document = page_of(host, copy, "expired.html")
    with chromium() as opened:
        opened.show(path, *SIZES["desktop"])
        check_quiet(opened, path)
        check_drawn(opened, "expired")
        equal(check_chart_data(opened, document)["series"]["source"], "rollups", "source of the series")
        contains(opened.run("return document.body.innerText"), "have expired", "what is said about it")


def test_a_million_probes_open_within_seconds(host):
    """The rows are many; the figures stay those of the small run, whose roll-ups it keeps."""
    million = 1_000_000
    store = measured(host)
    with contextlib.closing(sqlite3.connect(store)) as db:
        columns = [row[1] for row in db.execute("pragma table_info(probes)")]
        document = json.loads(db.execute("select document from runs").fetchone()[0])
    document["probes"]["sent"] = million
    shifted = ", ".join({"sequence": "sequence + 4000 * part.i", "intended_ns": "intended_ns + 2000000000 * part.i"}
                        .get(name, name) for name in columns)
    copy = change(store, host.path("million.db"), ("update runs set document = ?", (json.dumps(document),)), (
        f"with recursive part(i) as (select 1 union all select i + 1 from part where i < {million // PROBES - 1}) "
        f"insert into probes select {shifted} from probes, part where sequence < {PROBES}", ()))
    equal(rows(copy), million, "rows")
    path, report = page_of(host, copy, "million.html")
    check(os.path.getsize(path) < 1_000_000, f"the page has {os.path.getsize(path)} bytes")
    with chromium() as opened:
        seconds = opened.show(path, *SIZES["desktop"])
        check(seconds < 10, f"opened in {seconds:.1f} s")
        check_quiet(opened, path)
        check_drawn(opened, "million")
        run = json.loads(opened.run("return document.getElementById('data').textContent"))["runs"][0]
        equal(sum(run["series"]["sent"]), million, "probes in the series")
        for view in run["views"]:
            strokes, figures = run["series"]["views"][view["name"]], report["rtt_ns"][view["name"]]
            equal((min(v for v in strokes["min"] if v is not None), max(v for v in strokes["max"] if v is not None)),
                  (figures["min"], figures["max"]), f"extremes of {view['name']}")
        opened.screenshot(artefact("report-million.png"))
        print(f"      {million} rows: {os.path.getsize(path)} bytes, drawn after {seconds:.1f} s")


def two_runs(host):
    """A store with a run before and a run after the reflector's host became slower; their ids."""
    store = host.path("two.db")
    for wait in ("spin", "block") if not os.path.exists(store) else ():
        with host.reflector("--wait", wait):
            host.netobs("rtt", B4, "--count", "3000", "--interval", "300us", "--store", store, namespace=host.a).expect(0)
    listed = host.netobs("runs", "--store", store, "--json").expect(0).json()["runs"]
    return store, [row["id"] for row in reversed(listed)]


def test_a_second_run_over_the_first(host):
    store, (base, new) = two_runs(host)
    path, verdict = host.path("compare.html"), host.path("compare.json")
    status = host.netobs("compare", base, new, "--store", store, "--html", path, "--json", verdict).status
    check(status in (0, 4), f"exit status {status}")
    with open(verdict, encoding="utf-8") as file:
        comparison = json.load(file)
    runs = [host.netobs("report", each, "--store", store, "--json").expect(0).json() for each in (base, new)]
    document = {"comparison": comparison, "runs": [{"report": run} for run in runs]}
    with chromium() as opened:
        for size, dark in (("desktop", False), ("desktop", True), ("phone", False), ("phone", True)):
            name = f"compare-{size}{'-dark' if dark else ''}"
            width, height = SIZES[size]
            opened.show(path, width, height, dark)
            check_quiet(opened, path)
            check_drawn(opened, name)
            equal(opened.run("return document.documentElement.scrollWidth"), width, f"width of {name}")
            equal(opened.run(CLUTTER), [], f"segments of {name}")
            shown = check_numbers(opened, document)
            for i, metric in enumerate(comparison["metrics"]):
                wanted = {f"/comparison/metrics/{i}/{key}" for key in ("base", "new")}
                check(wanted <= set(shown), f"{metric['name']} is not on the page")
                if metric["verdict"] in ("worse", "better"):
                    check(all(shown[pointer] for pointer in wanted), f"{metric['name']} is hidden")
            for r, run in enumerate(runs):
                for i, segment in enumerate(run["segments"]):
                    check(shown.get(f"/runs/{r}/report/segments/{i}/p50"), f"segment {segment['name']} of run {r}")
            data = json.loads(opened.run("return document.getElementById('data').textContent"))
            equal((data["comparison"], [run["report"] for run in data["runs"]]), (comparison, runs), "data of the page")
            for chart in ("percentiles", "over-time", "histogram"):
                labels = opened.run("return Chart.getChart(document.querySelector(`#${arguments[0]} canvas`)).data.datasets"
                                    ".map((set) => set.label).filter((label) => !label.startsWith('_') && label !== 'lost')", chart)
                equal(labels, ["base", "new"], f"curves of {chart}")
            opened.screenshot(artefact(f"{name}.png"))


def test_a_comparison_of_files_has_the_table_only(host):
    store, (base, _) = two_runs(host)
    saved = host.write("saved.json", host.netobs("report", base, "--store", store, "--json").expect(0).out)
    path = host.path("files.html")
    host.netobs("compare", saved, saved, "--html", path).expect(0)
    with chromium() as opened:
        opened.show(path, *SIZES["phone"])
        check_quiet(opened, path)
        equal(opened.run("return [document.querySelectorAll('.metrics tbody tr').length > 10, document.querySelectorAll('figure').length]"),
              [True, 0], "table and charts")


def test_usage(host):
    for command in (["report", "--html", "x.html", "--json"], ["report", "--html", "x.html", "--from-rows"],
                    ["demo", "--html", "x.html", "--no-store"], ["rtt", B4, "--html", "x.html", "--compare-transports"]):
        host.netobs(*command).expect(2)
    refused = host.netobs("report", "--store", measured(host), "--html", "/nowhere/x.html").expect(1)
    contains(refused.err, "/nowhere/x.html", "what could not be written")


if __name__ == "__main__":
    lab.main(globals())
