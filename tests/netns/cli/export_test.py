#!/usr/bin/env python3
"""netobs export: what other programs read of a run, and what is left of an export that fails."""

import contextlib
import csv
import glob
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess

import lab
from lab import B4, check, contains, equal, wait_for

JAR = "/usr/share/java/hdrhistogram.jar"
COUNT = 3000
# Half of a bucket of a netobs distribution is 1/512 of a value, one of the log 1/1024.
BUCKET_ERROR = 1 / 512 + 1 / 1024


def run_store(host):
    """A store with one run over some seconds, the same for every test; and the run's JSON."""
    store = host.path("exported.db")
    if not os.path.exists(store):
        with host.reflector():
            host.netobs("rtt", B4, "--count", str(COUNT), "--interval", "1ms", "--store", store,
                        namespace=host.a).expect(0)
    return store, host.netobs("report", "--store", store, "--json").expect(0).json()


def rows_of(store):
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        cursor = db.execute("select * from probes order by sequence")
        return [column[0] for column in cursor.description], cursor.fetchall()


def partial_files(host):
    return glob.glob(f"{host.work}/**/*.partial", recursive=True)


def test_csv_and_jsonl_are_the_rows(host):
    store, document = run_store(host)
    names, rows = rows_of(store)
    equal(len(rows), COUNT, "rows in the store")
    made = host.netobs("export", "--store", store).expect(0)
    equal(made.err, "", "messages")
    head, *lines = csv.reader(made.out.splitlines())
    equal(head, names, "columns")
    equal(lines, [["" if value is None else str(value) for value in row] for row in rows], "CSV rows")
    made = host.netobs("export", document["run"]["id"][:6], "--store", store, "--format", "jsonl").expect(0)
    lines = [json.loads(line) for line in made.out.splitlines()]
    equal(lines, [{"table": "probes", **dict(zip(names, row, strict=True))} for row in rows], "JSON rows")


def log_of(host, store):
    path = host.path("run.hlog")
    host.netobs("export", "--store", store, "--format", "hdr", "--output", path, "--force").expect(0)
    return path


def hdr_processor(*args):
    done = subprocess.run(["java", "-cp", JAR, "org.HdrHistogram.HistogramLogProcessor", *args],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0 and not done.stderr, f"{args}: {done.stderr}")
    return done.stdout


def read_by_hdr(path, tag):
    """The figures of a whole log, by the names that HdrHistogram gives them."""
    hdr_processor("-i", path, "-tag", tag, "-outputValueUnitRatio", "1", "-csv", "-o", f"{path}.out")
    with open(f"{path}.out", encoding="ascii") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))[-1]


def test_hdr_is_read_by_hdrhistogram(host):
    if not shutil.which("java") or not os.path.exists(JAR):
        raise lab.Skip("needs java and HdrHistogram (packages default-jre-headless, libhdrhistogram-java)")
    store, document = run_store(host)
    path = log_of(host, store)
    tags = hdr_processor("-i", path, "-listtags").split()
    metrics = {f"rtt.{view}": figures for view, figures in document["rtt_ns"].items() if figures}
    check(len(metrics) >= 3, f"views: {sorted(metrics)}")
    for tag, figures in metrics.items():
        check(tag in tags, f"{tag} in {tags}")
        seen = read_by_hdr(path, tag)
        equal(int(seen["Total_Count"]), figures["count"], f"count of {tag}")
        for theirs, ours in (("50%", "p50"), ("90%", "p90"), ("99%", "p99"), ("99.9%", "p99_9"), ("Max", "max")):
            value = float(seen[f"Total_{theirs}"])
            check(abs(value - figures[ours]) <= figures[ours] * BUCKET_ERROR + 1,
                  f"{ours} of {tag}: HdrHistogram sees {value}, netobs {figures[ours]}")


def test_hdr_says_what_it_leaves_out(host):
    store, document = run_store(host)
    path = log_of(host, store)
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        intervals = db.execute("select interval_start_ns from rollups where metric='rtt.app' order by 1").fetchall()
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    logged = [line.split(",")[1] for line in lines if line.startswith("Tag=rtt.app,")]
    equal(logged, [f"{start / 1e9:.3f}" for (start,) in intervals], "intervals of rtt.app")
    check(len(logged) > 1, "a run of several intervals")
    starts = [float(line.split(",")[1]) for line in lines if line.startswith("Tag=")]
    equal(starts, sorted(starts), "the order of the lines")
    names, rows = rows_of(store)
    tx, rx = names.index("sender_app_tx"), names.index("sender_app_rx")
    trips = [row[rx] - row[tx] for row in rows]
    negative = sum(1 for before, after in itertools.pairwise(trips) if after < before)
    said = f"ipdv {negative:,} of {COUNT - 1:,}".replace(",", " ")
    contains(" ".join(lines[:3]), said, "what was left out")
    again = host.netobs("export", document["run"]["id"], "--store", store, "--format", "hdr").expect(0)
    contains(again.err, said, "the message")


def test_files(host):
    store, _ = run_store(host)
    path = host.path("out.csv")
    host.netobs("export", "--store", store, "--output", path).expect(0)
    with open(path, encoding="ascii") as file:
        whole = file.read()
    equal(len(whole.splitlines()), COUNT + 1, "lines")
    refused = host.netobs("export", "--store", store, "--output", path).expect(2)
    contains(refused.err, "--force", "an existing file")
    host.write("out.csv", "old")
    os.symlink(path, host.path("link.csv"))
    host.netobs("export", "--store", store, "--output", host.path("link.csv"), "--force").expect(0)
    check(os.path.islink(host.path("link.csv")), "the link is still one")
    with open(path, encoding="ascii") as file:
        equal(file.read(), whole, "the file behind the link, replaced")
    contains(host.netobs("export", "--store", store, "--output", "/nowhere/x").expect(1).err, "/nowhere/x",
             "a folder that is not there")
    contains(host.netobs("export", "--store", store, "--output", "/dev/full").expect(1).err, "No space",
             "a device, written in place")
    equal(partial_files(host), [], "files left over")


def test_errors(host):
    store, document = run_store(host)
    contains(host.netobs("export", "ffff", "--store", store).expect(2).err, "netobs runs", "an unknown run")
    host.netobs("export", "--store", store, "--format", "xml").expect(2)
    contains(host.netobs("export", "--store", host.path("none.db")).expect(1).err, "none.db", "no store")
    pruned = host.path("pruned.db")
    shutil.copy(store, pruned)
    with contextlib.closing(sqlite3.connect(pruned)) as db:
        db.execute("delete from probes where sequence < 1000")
        db.commit()
        some = host.netobs("export", "--store", pruned).expect(0)
        contains(some.err, "2 000 of the 3 000", "rows that have expired")
        db.execute("delete from probes")
        db.execute("update runs set finished_at_ns = null")
        db.commit()
    refused = host.netobs("export", "--store", pruned, "--output", host.path("empty.csv")).expect(1)
    contains(refused.err, "--format hdr", "no rows at all")
    check(not os.path.exists(host.path("empty.csv")), "a file of nothing")
    unfinished = host.netobs("export", document["run"]["id"], "--store", pruned, "--format", "hdr").expect(0)
    contains(unfinished.err, "unfinished", "a run that was killed")


def test_full_disk_leaves_nothing(host):
    store, _ = run_store(host)
    folder = host.path("small")
    os.mkdir(folder)
    host.sh("mount", "-t", "tmpfs", "-o", "size=128k", "netobs-e2e", folder)
    try:
        failed = host.netobs("export", "--store", store, "--output", f"{folder}/out.csv").expect(1)
        contains(failed.err, "No space", "the reason")
        equal(os.listdir(folder), [], "what is left")
    finally:
        host.sh("umount", "--lazy", folder)


def large_store(host):
    """Like the run's, with so many rows that an export takes a while."""
    store, _ = run_store(host)
    large = host.path("large.db")
    if not os.path.exists(large):
        shutil.copy(store, large)
        names = rows_of(store)[0]
        columns = ",".join("r.n * 3000 + sequence" if name == "sequence" else name for name in names)
        with contextlib.closing(sqlite3.connect(large)) as db:
            db.execute("with recursive r(n) as (select 1 union all select n + 1 from r where n < 100) "
                       f"insert into probes({','.join(names)}) select {columns} from probes, r")
            db.commit()
    return large


def test_interrupt_leaves_nothing(host):
    store = large_store(host)
    path = host.path("interrupted.csv")
    for number in (signal.SIGINT, signal.SIGTERM):
        for _ in range(5):
            process = host.start("export", "--store", store, "--output", path)
            wait_for(lambda: partial_files(host) or process.popen.poll() is not None, "the export's beginning")
            process.send(number)
            ended = process.wait()
            if ended.status != 0:
                break
            os.remove(path)  # it was done before the signal came
        equal((ended.status, os.path.exists(path), partial_files(host)), (1, False, []), "what is left")
        contains(ended.err, "interrupted", "the reason")


def test_reader_that_leaves(host):
    store = large_store(host)
    script = f'set -o pipefail; "{host.binary}" export --store "{store}" | head -n 2'
    for count in range(2):
        ended = host.spawn(["bash", "-c", script]).wait()
        equal((ended.status, ended.err, len(ended.out.splitlines())), (0, "", 2), f"head, time {count}")


if __name__ == "__main__":
    lab.main(globals())
