"""Runs of netobs on NICs: how they are started, and what their documents must say."""

import contextlib
import os
import signal

import contract
import lab
from machine import NicTest

COUNT = 200
# Probe after probe: a slow machine skips none.
ONE_BY_ONE = ("--ping-pong", "--count", str(COUNT), "--timeout", "5s", "--wait", "block")
EVERY_STAMP = ("--layers", "app,kernel,nic", "--nic-sample", "1")


class Plain:
    """A run without anything special, and what was true around it. Several tests look at the same one."""

    made = None

    def __init__(self, test, host="a"):
        self.configs_before = test.both_configs()
        low, self.slack_ns = test.clocks.expect(host)
        self.document = test.measure(*ONE_BY_ONE, *EVERY_STAMP, swap=host == "b")
        high, _ = test.clocks.expect(host)
        self.ahead_ns = (min(low, high), max(low, high))  # the sender's clock, of CLOCK_REALTIME
        self.configs_after = test.both_configs()

    @classmethod
    def once(cls, test):
        cls.made = cls.made or cls(test)
        return cls.made


class MeasuredTest(NicTest):
    """Measures from A to B, or from B to A."""

    runs = 0

    def measure(self, *args, reflect=("--nic-sample", "1"), status=0, swap=False, target=None, timeout_s=60):
        """The document of a run, checked as every run's; the text of one that measures nothing."""
        here, there, address = self.hosts.a, self.hosts.b, lab.B4
        if swap:
            here, there, address = there, here, lab.A4
        with self.hosts.reflector(*reflect, namespace=there):
            result = self.hosts.netobs("rtt", target or address, *args, "--store", self.new_store(), "--json", "-",
                                       namespace=here, timeout_s=timeout_s).expect(status)
        if status not in (0, 3):
            return result
        return contract.check_contract(result.json())

    @staticmethod
    def new_store():
        """Every probe of the run, for who wants to know what went wrong: machine.main() keeps them then."""
        MeasuredTest.runs += 1
        return f"jsonl:{NicTest.hosts.path('run')}{MeasuredTest.runs}.jsonl"

    def row(self, document, host, point):
        return contract.points(document, host)[point]

    def check_point(self, document, host, point, captured, missing=None):
        """A point that is on: so many times, and this is why others are missing."""
        row = self.row(document, host, point)
        self.assertEqual((row["status"], row["captured"], row["missing"]), ("on", captured, missing or {}),
                         f"{host} {point}: {row}")

    def both_configs(self):
        return self.hosts.get_config("a"), self.hosts.get_config("b")

    @contextlib.contextmanager
    def changes(self, host, *names):
        """A dict that is filled at the end of the block: by how much counters of ethtool -S grew."""
        before, grown = self.hosts.statistics(host), {}
        yield grown
        after = self.hosts.statistics(host)
        grown.update({name: after[name] - before[name] for name in names})


def kill(process):
    """As the kernel ends a program: it can put nothing back."""
    os.kill(process.pid, signal.SIGKILL)
    process.popen.wait()
