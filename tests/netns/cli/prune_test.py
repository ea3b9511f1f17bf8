#!/usr/bin/env python3
"""netobs db prune: old rows of real runs go, their reports stay, byte for byte."""

import contextlib
import os
import signal
import sqlite3
import subprocess

import lab
from contract import check_contract, check_tables, rows_so_far, sqlite_rows
from lab import B4, check, contains, equal

DAY = 86_400 * 10**9
MANY = 25_000  # more than two of the command's steps


def execute(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(*statement)
        db.commit()


def make_older(path, run_id, days, where="1"):
    """Moves the probes of a run into the past."""
    execute(path, (f"update probes set intended_ns = intended_ns - ? where run_id = ? and {where}",
                   (days * DAY, int(run_id, 16))))


def reports(host, store, run_id):
    return [host.netobs("report", run_id, "--store", store, *form).expect(0).out
            for form in ([], ["--json"], ["--markdown"])]


def test_old_rows_go_and_reports_stay(host):
    store = host.path("prune.db")
    with host.reflector():
        old, young, half = (check_contract(host.rtt(B4, "--count", "400", "--interval", "500us", "--store", store))
                            for _ in range(3))
    ids = [document["run"]["id"] for document in (old, young, half)]
    make_older(store, ids[0], 31)
    make_older(store, ids[2], 31, "sequence < 150")
    before = [reports(host, store, run_id) for run_id in ids]

    trial = host.netobs("db", "prune", "--store", store, "--keep", "30d", "--dry-run", "--json", "-").expect(0)
    result = trial.json()
    equal(result["schema"], "netobs.prune/1", "schema")
    equal((result["rows"], result["runs"], result["runs_in_part"], result["dry_run"], result["interrupted"]),
          (550, 2, 1, True, False), "the dry run")
    equal(sqlite_rows(store), 1200, "rows after the dry run")

    done = host.netobs("db", "prune", "--store", store, "--keep", "30d").expect(0)
    contains(done.out, "removed 550 probe rows of 2 runs", "the summary")
    equal(done.err, "", "stderr in a pipe")
    equal([sqlite_rows(store, run_id) for run_id in ids], [0, 400, 250], "rows left")
    equal([reports(host, store, run_id) for run_id in ids], before, "the reports")
    for document in (old, young, half):
        check_tables(store, document)
    contains(host.netobs("db", "prune", store, "--keep", "30d").expect(0).out, "removed 0 probe rows", "again")

    for run_id, left in ((ids[0], "0 of the 400"), (ids[2], "250 of the 400")):
        refused = host.netobs("report", run_id, "--store", store, "--from-rows").expect(1)
        contains(refused.err, left, "--from-rows of a pruned run")
        contains(refused.err, "netobs db prune", "the cause")
    host.netobs("report", ids[1], "--store", store, "--from-rows").expect(0)


def test_a_run_that_goes_on(host):
    """Its old rows go by the same rule; it writes on and its report is whole."""
    store = host.path("live.db")
    with host.reflector():
        process = host.start("rtt", B4, "--duration", "5min", "--interval", "1ms", "--store", store, "--json", "-",
                             namespace=host.a)
        lab.wait_for(lambda: rows_so_far(store) > 300, "the first rows")
        done = host.netobs("db", "prune", "--store", store, "--keep", "1ms", "--json", "-").expect(0).json()
        check(done["rows"] > 300, str(done))
        check(process.popen.poll() is None, "the run goes on")
        document = check_contract(process.stop().expect(0).json())
    equal(sqlite_rows(store) + done["rows"], document["probes"]["sent"], "rows left and removed")
    equal(host.netobs("report", "--store", store, "--json").expect(0).json(), document, "the report")
    check_tables(store, document)


def many_old_rows(host, name):
    store = host.path(name)
    host.netobs("db", "init", store).expect(0)
    with contextlib.closing(sqlite3.connect(store)) as db:
        columns = [row[1] for row in db.execute("pragma table_info(probes)")]
        names = ",".join(columns[:10])
        db.executemany(f"insert into probes ({names}) values (7,?,?,0,0,0,1,0,0,0)",
                       ((i, 10**18 + i) for i in range(MANY)))
        db.commit()
    return store


def test_interrupted_between_two_steps(host):
    store = many_old_rows(host, "many.db")

    def interrupt_myself():
        # Held back until the command takes it: it comes at the end of the first step, surely.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.kill(os.getpid(), signal.SIGINT)

    done = subprocess.run([host.binary, "db", "prune", "--store", store, "--keep", "1d"], preexec_fn=interrupt_myself,
                          capture_output=True, text=True, timeout=60, check=False)
    equal(done.returncode, 1, f"exit status: {done.stderr}")
    contains(done.stdout, "interrupted", "the summary")
    equal(sqlite_rows(store), MANY - 10_000, "rows after one step")
    rest = host.netobs("db", "prune", "--store", store, "--keep", "1d", "--json", "-").expect(0).json()
    equal((rest["rows"], rest["steps"]), (MANY - 10_000, 2), "the rest")
    equal(sqlite_rows(store), 0, "rows")


def test_how_long_has_to_be_said(host):
    store = many_old_rows(host, "setting.db")
    refused = host.netobs("db", "prune", "--store", store).expect(2)
    contains(refused.err, "--keep 30d", "the remedy")
    contains(refused.err, "NETOBS_KEEP", "the remedy")
    for wrong in ("30", "-1d", "0d", "forever", "40000d"):
        host.netobs("db", "prune", "--store", store, f"--keep={wrong}").expect(2)
    equal(sqlite_rows(store), MANY, "rows after refusals")
    environment = dict(host.env)
    host.env["NETOBS_KEEP"] = "36500d"
    try:
        host.netobs("db", "prune", "--store", store).expect(0)
        equal(sqlite_rows(store), MANY, "rows, kept for a hundred years")
        host.netobs("db", "prune", "--store", store, "--keep", "12h").expect(0)
        equal(sqlite_rows(store), 0, "rows: --keep goes before NETOBS_KEEP")
    finally:
        host.env = environment


def test_stores_that_cannot(host):
    lines = host.path("rows.jsonl")
    host.netobs("db", "init", f"jsonl:{lines}").expect(0)
    refused = host.netobs("db", "prune", "--store", f"jsonl:{lines}", "--keep", "1d").expect(1)
    contains(refused.err, "SQLite or MySQL", "the remedy")
    absent = host.path("absent.db")
    host.netobs("db", "prune", "--store", absent, "--keep", "1d").expect(1)
    check(not os.path.exists(absent), "pruning made a store")


if __name__ == "__main__":
    lab.main(globals())
