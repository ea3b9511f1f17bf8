#!/usr/bin/env python3
"""The dashboards against JSON schemas made from Grafana's own types, and what those do not say.

Usage: schema_test.py BUILD_FOLDER. npm's packages go to the build folder. Exit status 77: skipped, with the reason.
"""

import copy
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import structure
from grafana_sql import DASHBOARDS, PROJECT, load_dashboards

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP_STATUS = 77
NPM_DEADLINE_S = 240
NODE_DEADLINE_S = 240
OLDEST_NODE = 18


class Failure(Exception):
    """A check that did not hold."""


class Skip(Exception):
    """This machine cannot run the test."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def install_types(folder):
    """npm ci, unless what is there was made from the same lock file."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed (packages nodejs, npm)")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(re.match(r"v(\d+)", version).group(1)) < OLDEST_NODE:
        raise Skip(f"node is {version}, the schema generator needs {OLDEST_NODE}")
    os.makedirs(folder, exist_ok=True)
    lock = f"{HERE}/package-lock.json"
    done = f"{folder}/installed-lock.json"
    with open(lock, encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(done):
        with open(done, encoding="utf-8") as file:
            if file.read() == wanted:
                return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(f"{HERE}/{name}", folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=NPM_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise Skip(f"npm ci did not end within {NPM_DEADLINE_S} s") from error
    if ended.returncode != 0:
        reason = ended.stderr.strip().splitlines()
        # A lock file that does not fit package.json is our fault; everything else is the registry's or the network's.
        check("EUSAGE" not in ended.stderr, ended.stderr)
        raise Skip("npm ci failed: " + "; ".join(reason[:3]))
    with open(done, "w", encoding="utf-8") as file:
        file.write(wanted)


def validate(folder, files):
    """(exit status, lines) of validate.mjs."""
    ended = subprocess.run(["node", f"{HERE}/validate.mjs", folder, *files], capture_output=True, text=True,
                           timeout=NODE_DEADLINE_S, check=False)
    check(ended.returncode in (0, 1), f"validate.mjs ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.returncode, ended.stdout.splitlines()


def spoil(change):
    board = copy.deepcopy(next(each for each in load_dashboards() if each["uid"] == "netobs-overview"))
    change(board)
    return board


def first(board, kind):
    return next(panel for panel in board["panels"] if panel["type"] == kind)


def fields(panel):
    return panel["fieldConfig"]["defaults"]["custom"]


# What the schema must refuse: a change and a word of the complaint.
SPOILED = {
    "a misspelt key": (lambda b: b.update(tittle="x"), "tittle"),
    "a panel without type": (lambda b: first(b, "stat").pop("type"), "type"),
    "an unknown option": (lambda b: first(b, "stat")["options"].update(colourMode="value"), "colourMode"),
    "a missing option": (lambda b: first(b, "table")["options"].pop("showHeader"), "showHeader"),
    "a wrong option": (lambda b: first(b, "timeseries")["options"]["tooltip"].update(mode="many"), "tooltip"),
    "a wrong field option": (lambda b: fields(first(b, "timeseries")).update(drawStyle="dots"), "drawStyle"),
    "an unknown override": (lambda b: first(b, "table")["fieldConfig"]["overrides"][0]["properties"].append(
        {"id": "custom.breadth", "value": 3}), "breadth"),
    "a size that is no number": (lambda b: first(b, "text")["gridPos"].update(w="24"), "gridPos/w"),
    "an unknown panel type": (lambda b: first(b, "text").update(type="txt"), "txt"),
}


def test_dashboards_fit_the_schema(folder):
    status, lines = validate(folder, sorted(glob.glob(f"{DASHBOARDS}/*.json")))
    check(status == 0, "\n".join(lines))


def test_the_schema_refuses_what_is_wrong(folder):
    with tempfile.TemporaryDirectory() as spoiled:
        names = {}
        for number, (name, (change, _)) in enumerate(SPOILED.items()):
            names[name] = f"spoiled{number}.json"
            with open(f"{spoiled}/{names[name]}", "w", encoding="utf-8") as file:
                json.dump(spoil(change), file)
        status, lines = validate(folder, [f"{spoiled}/{each}" for each in names.values()])
    check(status == 1, "nothing was refused")
    for name, (_, word) in SPOILED.items():
        about = [line for line in lines if line.startswith(names[name])]
        check(any(word in line for line in about), f"{name} was not refused: {about}")


def test_structure(_):
    found = structure.offences(load_dashboards())
    check(not found, "\n".join(found))


def test_structure_refuses_what_is_wrong(_):
    def refused(change, word):
        boards = load_dashboards()
        change(next(each for each in boards if each["uid"] == "netobs-overview"))
        check(any(word in line for line in structure.offences(boards)), f"not refused: {word}")

    refused(lambda b: b.update(uid="netobs-runs"), "not the only one")
    refused(lambda b: b["panels"][0].update(id=2), "the same id")
    refused(lambda b: b["panels"][0].update(description="short"), "does not say")
    refused(lambda b: b["panels"][0]["gridPos"].update(w=6), "overlap")
    refused(lambda b: b["panels"][0]["gridPos"].update(x=23), "not inside the grid")
    refused(lambda b: b["panels"][0]["datasource"].update(uid="other"), "data source")
    refused(lambda b: b["panels"][0]["targets"][0].update(rawSql="SELECT '$nobody'"), "$nobody is used")
    refused(lambda b: b["templating"]["list"].append({"name": "idle", "type": "custom"}), "used nowhere")
    refused(lambda b: first(b, "table")["fieldConfig"]["overrides"].append({"matcher": {}, "properties": [
        {"id": "links", "value": [{"url": "/d/netobs-none/x"}]}]}), "netobs-none")
    refused(lambda b: first(b, "table")["fieldConfig"]["overrides"].append({"matcher": {}, "properties": [
        {"id": "links", "value": [{"url": "/d/netobs-run/x?var-runs=${__data.fields.nothing}"}]}]}), "a link sets runs")
    refused(lambda b: first(b, "table")["fieldConfig"]["overrides"].append({"matcher": {}, "properties": [
        {"id": "links", "value": [{"url": "${__data.fields.nothing}"}]}]}), "nothing")


def test_provisioning_names_what_exists(_):
    """The provisioned data source is the one that the dashboards name, and the folders are the same ones."""
    with open(f"{PROJECT}/containers/grafana/provisioning/datasources/netobs.yaml", encoding="utf-8") as file:
        source = file.read()
    for line in ("uid: netobs-mysql", "type: mysql", "editable: false", "user: grafana", "database: network_performance",
                 "url: ${NETOBS_MYSQL_ADDRESS}", "password: $__file{/run/netobs-secrets/grafana_mysql_password}"):
        check(re.search(rf"^\s*{re.escape(line)}$", source, re.MULTILINE), f"the data source lacks: {line}")
    with open(f"{PROJECT}/containers/grafana/provisioning/dashboards/netobs.yaml", encoding="utf-8") as file:
        check("path: /etc/netobs/dashboards\n" in file.read(), "the dashboards' folder")
    check(os.path.exists(f"{DASHBOARDS}/overview.json"), "the home dashboard")


def test_lock_file_names_no_host(_):
    with open(f"{HERE}/package-lock.json", encoding="utf-8") as file:
        hosts = set(re.findall(r'"resolved": "https?://([^/"]+)', file.read()))
    check(hosts <= {"registry.npmjs.org"}, f"package-lock.json names {hosts}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = os.path.abspath(sys.argv[1])
    failed = skipped = False
    types = None
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            if "schema" in name:
                if types is None:
                    install_types(folder)
                    types = True
            test(folder)
            print(f"ok    {name}", flush=True)
        except Skip as reason:
            skipped = True
            print(f"skip  {name}: {reason}", flush=True)
        except Failure as failure:
            failed = True
            print(f"FAIL  {name}: {failure}", flush=True)
    sys.exit(1 if failed else SKIP_STATUS if skipped else 0)


if __name__ == "__main__":
    main()
