"""Real runs in a store for sql_test.py, measured in network namespaces: one without loss, one with two layers only, one
through a relay that loses chosen probes, one that was killed, and one netobs check."""

import signal
import time

import check_test
import lab
from grafana_sql import Client, Range, ask, expand, load_dashboards, queries_of, variables_of
from lab import B4, Failure
from relay import Relay

DATABASE = "network_performance"
PASSWORD = "only for this test"
LOST_OUT, LOST_BACK = set(range(100, 140)), set(range(1500, 1560))
SECOND_NS = 10**9


class Run:
    """One run: what it said itself, and what the dashboards say of it in its own time range."""

    def __init__(self, store, document):
        self._store, self.document = store, document
        number = int(document["run"]["id"], 16)
        row = store.root.rows(f"SELECT started_at_ns, finished_at_ns, target FROM runs WHERE run_id = {number}")[0]
        self.number, self.target = str(number), row["target"]
        self._from_ns, self._to_ns = int(row["started_at_ns"]) - SECOND_NS, int(row["finished_at_ns"]) + SECOND_NS

    def panel(self, uid, title, letter="A", interval_ms=1000, **values):
        span = Range(self._from_ns, self._to_ns, interval_ms)
        return self._store.panel(uid, title, self, span, letter, **values)


class Store:
    """A server's database with the runs in it, seen by root and by the user that Grafana has."""

    def __init__(self, socket):
        self._socket = socket
        self.root, self.grafana = self.client("root", DATABASE), self.client("grafana", DATABASE)
        self.boards = {board["uid"]: board for board in load_dashboards()}

    def client(self, user, database):
        password = PASSWORD if user == "grafana" else None
        return Client(["mariadb", f"--user={user}", f"--socket={self._socket}"], database, password)

    def url(self, database):
        return f"mysql://root@localhost/{database}?socket={self._socket}"

    def allow(self, database):
        self.root.run(f"CREATE USER IF NOT EXISTS grafana@localhost IDENTIFIED BY '{PASSWORD}'; "
                      f"GRANT SELECT ON {database}.* TO grafana@localhost")

    def fill(self, host):
        url = self.url(DATABASE)
        host.netobs("db", "init", url).expect(0)
        self.allow(DATABASE)
        with host.reflector():
            self.clean = self._measure(host, B4, "--count", "3000")
            self.two_layers = self._measure(host, B4, "--count", "1000", "--layers", "app,kernel")
            with Relay(host, 3000, lambda number, data: [] if number in LOST_OUT else [data],
                       lambda number, data: [] if number in LOST_BACK else [data]) as relay:
                self.lossy = self._measure(host, relay.target, "--count", "3000", "--timeout", "200ms")
            self._kill_one(host)
        with check_test.servers(host):
            host.netobs("check", B4, *check_test.QUICK, "--no-public-ip", "--store", url, namespace=host.a).expect(0)
        self.runs = (self.clean, self.two_layers, self.lossy)
        times = self.root.rows("SELECT MIN(started_at_ns) AS a, MAX(finished_at_ns) AS b FROM runs")[0]
        # The check comes after the last run.
        self.everything = (int(times["a"]) - 2 * SECOND_NS, int(times["b"]) + 120 * SECOND_NS)

    def _measure(self, host, target, *options):
        document = host.rtt(target, "--rate", "1kpps", "--store", self.url(DATABASE), *options, status=(0, 3))
        # A second on either side of a run must have nothing of the next one.
        end = time.monotonic() + 3
        lab.wait_for(lambda: time.monotonic() > end, "the clock")
        return Run(self, document)

    def _kill_one(self, host):
        """A run that never ended."""
        process = host.start("rtt", B4, "--duration", "60s", "--store", self.url(DATABASE), namespace=host.a)
        lab.wait_for(lambda: self.answers_of_killed() > 0, "the first roll-up of a run under way")
        process.send(signal.SIGKILL)
        process.wait()

    def answers_of_killed(self):
        return int(self.root.rows("SELECT COALESCE(SUM(r.count), 0) AS n FROM runs u JOIN rollups r ON r.run_id = u.run_id "
                                  "WHERE u.finished_at_ns IS NULL AND r.metric = 'rtt.app'")[0]["n"])

    def values(self, board, chosen, **more):
        """The values of a dashboard's variables, for one chosen run."""
        values = {"target": ["$__all"], "view": "rtt.app", "run": chosen.number, "run_a": chosen.number,
                  "run_b": self.lossy.number, "first": "0", "window": "1000", **more}
        if board["uid"] == "netobs-conditions":
            values["target"] = B4
        return {name: value for name, value in values.items() if name in variables_of(board)}

    def ask(self, board, sql, form, chosen, span, **values):
        return ask(self.grafana, expand(sql, variables_of(board), self.values(board, chosen, **values), span), form)

    def panel(self, uid, title, chosen, span, letter="A", **values):
        """The answer to one query of a panel."""
        board = self.boards[uid]
        for name, form, sql, _ in queries_of(board):
            if name == f"{uid}: {title} ({letter})":
                return self.ask(board, sql, form, chosen, span, **values)
        raise Failure(f"{uid} has no panel {title!r} {letter}")


def measured_in(host, socket):
    """Measures once, for the first test that asks."""
    if not hasattr(host, "store"):
        check_test.need_iperf3()
        store = Store(socket)
        store.fill(host)
        host.store = store
    return host.store
