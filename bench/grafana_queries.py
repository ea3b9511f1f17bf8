#!/usr/bin/env python3
"""How long the dashboards' queries take on a large store.

Starts a private MariaDB server, fills it with made-up runs (tests/grafana/synthetic.py) and runs every query of every
dashboard twice, as the user that Grafana has; the second time counts, as the client reports it. Two situations: a day
of short runs in view, and one long run in view.

The defaults are 50 million probes in short runs and 50 million in one long run, of which 2 million raw rows exist.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{PROJECT}/tests/grafana")

import mariadb_server  # noqa: E402
import synthetic  # noqa: E402
from grafana_sql import Client, Range, expand, load_dashboards, queries_of, variables_of  # noqa: E402

DATABASE = "network_performance"
SECOND_NS = 10**9
FIRST_NS = 1_790_000_000 * SECOND_NS
POINTS = 1000  # of a panel's width


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netobs", default=f"{PROJECT}/build/dev/netobs", help="makes the tables (default %(default)s)")
    parser.add_argument("--runs", type=int, default=5000, help="short runs, one a minute (default %(default)s)")
    parser.add_argument("--long", type=int, default=50_000, help="seconds of the long run (default %(default)s)")
    parser.add_argument("--raw", type=int, default=2_000_000, help="raw rows of the long run (default %(default)s)")
    parser.add_argument("--hours", type=int, default=24, help="of short runs in view (default %(default)s)")
    parser.add_argument("--slowest", type=int, default=12, help="queries to list by name, 0 for all (default %(default)s)")
    parser.add_argument("--index", help="columns of an index on runs, to see what it changes")
    return parser.parse_args()


def fill(root, options):
    """The long run comes a day after the last short one, so that each has its own time in view."""
    short = synthetic.Runs(count=options.runs, first_ns=FIRST_NS, period_s=60, seconds=10, rate=1000)
    long_ns = FIRST_NS + (options.runs + 1440) * 60 * SECOND_NS
    groups = [short, synthetic.Runs(count=1, first_ns=long_ns, period_s=60, seconds=options.long, rate=1000)]
    synthetic.fill(root, groups, synthetic.Raw(run_id=long_ns, count=options.raw, rate=1000))
    if options.index:
        root.run(f"CREATE INDEX fill_index ON runs ({options.index})")
    root.run("ANALYZE TABLE runs, rollups, rollup_buckets, interval_counts, run_metrics, run_points, probes")
    last_ns = FIRST_NS + (options.runs - 1) * 60 * SECOND_NS
    return last_ns, long_ns


def sizes(root):
    for row in root.rows("SELECT table_name AS name, ROUND((data_length + index_length) / 1e6) AS mb "
                         f"FROM information_schema.tables WHERE table_schema = '{DATABASE}' ORDER BY data_length DESC"):
        count = root.rows(f"SELECT COUNT(*) AS n FROM {row['name']}")[0]["n"]
        if int(count) > 1:
            print(f"  {row['name']:16} {int(count):>12,} rows {int(row['mb']):>7,} MB")


def elapsed_s(client, sql):
    """Without the time that the client takes to start."""
    return float(re.findall(r"\(([\d.]+) sec\)", client.run(sql, "-v", "-v", "-v"))[-1])


def in_view(span, points):
    """The time range (from, seconds) with about the interval that Grafana would choose for a panel of so many points."""
    from_ns, seconds = span
    return Range(from_ns, from_ns + seconds * SECOND_NS, max(1, seconds // points) * 1000)


def measure(client, run, other, span):
    """[(seconds, title)] of every query."""
    values = {"target": ["$__all"], "view": "rtt.app", "run": str(run), "run_a": str(run), "run_b": str(other),
              "first": "1000", "window": "1000"}
    found = []
    for board in load_dashboards():
        definitions = variables_of(board)
        queries = [(f"{board['uid']}: variable {name}", each["query"], {}) for name, each in definitions.items()
                   if each["type"] == "query"]
        queries += [(title, sql, panel) for title, _, sql, panel in queries_of(board)]
        chosen = {name: value for name, value in values.items() if name in definitions}
        if not definitions["target"].get("multi"):
            chosen["target"] = "198.18.7.2"
        for title, sql, panel in queries:
            expanded = expand(sql, definitions, chosen, in_view(span, panel.get("maxDataPoints", POINTS)))
            elapsed_s(client, expanded)
            found.append((elapsed_s(client, expanded), title))
    return found


def show(what, found, slowest):
    seconds = sorted(each for each, _ in found)
    print(f"{what}: {len(found)} queries, median {statistics.median(seconds) * 1000:.0f} ms, "
          f"90 % within {seconds[int(0.9 * len(seconds))] * 1000:.0f} ms, slowest {seconds[-1] * 1000:.0f} ms")
    for each, title in sorted(found, reverse=True)[:slowest or None]:
        print(f"  {each * 1000:7.0f} ms  {title}")


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # the server ends with us
    if mariadb_server.missing():
        sys.exit(mariadb_server.missing())
    with tempfile.TemporaryDirectory(prefix="netobs-grafana-bench-") as folder, \
            mariadb_server.server("--innodb-buffer-pool-size=2G", "--innodb-flush-log-at-trx-commit=0",
                                  "--innodb-doublewrite=0", folder=folder) as socket:
        subprocess.run([options.netobs, "db", "init", f"mysql://root@localhost/{DATABASE}?socket={socket}"], check=True,
                       stdout=subprocess.DEVNULL)
        root = Client(["mariadb", "--user=root", f"--socket={socket}"], DATABASE)
        root.run(f"CREATE USER grafana@localhost IDENTIFIED BY 'x'; GRANT SELECT ON {DATABASE}.* TO grafana@localhost")
        began = time.monotonic()
        last_ns, long_ns = fill(root, options)
        print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
        sizes(root)
        client = Client(["mariadb", "--user=grafana", f"--socket={socket}"], DATABASE, password="x")
        day = (last_ns + 60 * SECOND_NS - options.hours * 3600 * SECOND_NS, options.hours * 3600)
        show(f"{options.hours} h of short runs in view", measure(client, last_ns, last_ns - 60 * SECOND_NS, day),
             options.slowest)
        whole = (long_ns - SECOND_NS, options.long + 2)
        show("the long run in view", measure(client, long_ns, last_ns, whole), options.slowest)


if __name__ == "__main__":
    main()
