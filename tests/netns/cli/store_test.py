#!/usr/bin/env python3
"""Stores that fail: a full disk, a file that is no database, a folder that is not there."""

import contextlib
import os

import lab
from contract import check_contract, sqlite_rows
from lab import B4, check, contains, equal

SOME = ["--count", "200", "--interval", "500us"]


@contextlib.contextmanager
def small_disk(host, name, size):
    """A tmpfs in the working folder."""
    folder = host.path(name)
    os.mkdir(folder)
    host.sh("mount", "-t", "tmpfs", "-o", f"size={size}", "netobs-e2e", folder)
    try:
        yield folder
    finally:
        # Lazily: whatever still has a file open in there must not keep the folder.
        host.sh("umount", "--lazy", folder)


def test_full_disk(host):
    """The run goes on, its rows wait in the spool, and `netobs db flush` moves them."""
    with small_disk(host, "full", "640k") as folder, host.reflector():
        store = f"{folder}/small.db"
        document = check_contract(host.rtt(B4, "--count", "6000", "--rate", "6kpps", "--store", store))
        probes, kept = document["probes"], document["store"][0]
        equal(probes["received"], probes["sent"], "answers")
        check(kept["rows_spilled"] > 0, f"the disk is too small for all rows: {kept}")
        equal(kept["rows_lost"], 0, "rows lost")
        contains(" ".join(document["notes"]), "small.db", "notes")
        status = host.netobs("db", "status", store, "--json").expect(0).json()
        check(status["spooled_rows"] >= kept["rows_spilled"], str(status))
        still = host.netobs("db", "flush", store).expect(1)
        contains(still.err, "full", "flush while the disk is full")

        host.sh("mount", "-o", "remount,size=64m", folder)
        host.netobs("db", "flush", store).expect(0)
        equal(sqlite_rows(store, document["run"]["id"]), probes["sent"], "rows after the flush")
        status = host.netobs("db", "status", store, "--json").expect(0).json()
        equal(status["spooled_rows"], 0, "rows that still wait")
        again = host.netobs("report", "--store", store, "--from-rows", "--json").expect(0).json()
        for key in ("probes", "points", "rtt_ns", "segments"):
            equal(again[key], document[key], f"{key} of the report after the flush")
        contains(host.netobs("db", "flush", store).expect(0).out, "0 rows", "flushing twice")


def test_the_next_run_sends_what_waits(host):
    with small_disk(host, "next", "640k") as folder, host.reflector():
        store = f"{folder}/next.db"
        first = check_contract(host.rtt(B4, "--count", "6000", "--rate", "6kpps", "--store", store))
        check(first["store"][0]["rows_spilled"] > 0, str(first["store"]))
        host.sh("mount", "-o", "remount,size=64m", folder)
        second = host.netobs("rtt", B4, *SOME, "--store", store, namespace=host.a).expect(0)
        contains(second.err, "earlier runs were sent", "the message")
        equal(sqlite_rows(store), first["probes"]["sent"] + 200, "rows of both")


def test_full_disk_and_no_spool(host):
    """Nowhere to put a row: counted as lost, said so, and the summary is there."""
    with small_disk(host, "tiny", "200k") as folder, host.reflector():
        environment = dict(host.env)
        host.env["NETOBS_SPOOL"] = f"{folder}/spool"
        try:
            document = check_contract(host.rtt(B4, "--count", "6000", "--rate", "6kpps", "--store",
                                               f"{folder}/tiny.db"))
        finally:
            host.env = environment
        kept = document["store"][0]
        check(kept["rows_lost"] > 0, str(kept))
        equal(document["probes"]["received"], document["probes"]["sent"], "answers")
        check(document["notes"], "a note")


def test_no_database(host):
    text = host.write("text.db", "This is no database, but a text of some length.\n" * 100)
    with host.reflector():
        for store in (text, "/nowhere/x.db", host.work, "jsonl:/nowhere/x.jsonl"):
            refused = host.rtt(B4, *SOME, "--store", store, status=1)
            contains(refused.err, store.removeprefix("jsonl:"), "the store's name")
            equal(refused.out, "", "stdout")
    with open(text, encoding="utf-8") as file:
        check(file.read().startswith("This is no database"), "the file is as it was")
    for command in (["report", "--store", text], ["runs", "--store", text], ["db", "status", text],
                    ["report", "--store", host.path("absent.db")],
                    ["runs", "--store", host.path("absent.db")]):
        host.netobs(*command).expect(1)
    check(not os.path.exists(host.path("absent.db")), "reading made a database")


def test_store_of_the_environment(host):
    """NETOBS_STORE is where rows go and are looked for, unless the command line says otherwise."""
    usual, other = host.path("usual.db"), host.path("other.db")
    host.env["NETOBS_STORE"] = usual
    try:
        with host.reflector():
            first = host.netobs("rtt", B4, *SOME, "--json", "-", namespace=host.a).expect(0).json()["run"]["id"]
            host.rtt(B4, *SOME, "--store", other)
        equal([row["id"] for row in host.netobs("runs", "--json").expect(0).json()["runs"]], [first], "its runs")
        equal(host.netobs("report", "last", "--json").expect(0).json()["run"]["id"], first, "its last run")
        contains(host.netobs("db", "status").expect(0).out, "usual.db", "its status")
    finally:
        del host.env["NETOBS_STORE"]


def test_unknown_runs(host):
    store = host.path("runs.db")
    host.netobs("db", "init", store).expect(0)
    equal(host.netobs("runs", "--store", store, "--json").expect(0).json()["runs"], [], "an empty store")
    for which in ("last", "ffff", "nonsense"):
        contains(host.netobs("report", which, "--store", store).expect(2).err, which, "no such run")
    with host.reflector():
        runs = [host.rtt(B4, *SOME, "--store", store)["run"]["id"] for _ in range(2)]
    listed = [row["id"] for row in host.netobs("runs", "--store", store, "--json").expect(0).json()["runs"]]
    equal(sorted(listed), sorted(runs), "runs")
    shown = host.netobs("report", "last", "--store", store, "--json").expect(0).json()
    equal(shown["run"]["id"], runs[1], "the last run")
    shown = host.netobs("report", runs[0], "--store", store, "--json").expect(0).json()
    equal(shown["run"]["id"], runs[0], "a run by its id")


if __name__ == "__main__":
    lab.main(globals())
