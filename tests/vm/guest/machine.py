"""The two hosts inside the virtual machine: namespaces A and B, each with one NIC of a joined pair.

A scenario is a unittest program: `machine.main(nics)` runs it and ends with 0 or 1.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
import unittest

import lab
import stamps

HWTSIM = "/sys/module/hwtsim/parameters"


class NicLab(lab.Lab):
    """lab.Lab with NICs instead of a veth pair. nics: their names, A's first."""

    def __init__(self, nics):
        super().__init__(os.environ["NETOBS"])
        self.nics = nics

    def connect(self):
        places = ((self.a, self.nics[0], lab.A4), (self.b, self.nics[1], lab.B4))
        for namespace, device, address in places:
            self.sh("ip", "link", "set", device, "netns", namespace)
            self.no_ipv6(namespace, device)
            self.sh("ip", "-n", namespace, "addr", "add", f"{address}/30", "dev", device)
            self.sh("ip", "-n", namespace, "link", "set", device, "up")
        for namespace, device, _ in places:
            lab.wait_for(lambda n=namespace, d=device: self.link(n, d)["operstate"] in ("UP", "UNKNOWN"),
                         f"the link of {device}")
        # No ARP among the probes either.
        self.know_neighbour(self.a, self.nics[0], lab.B4, self.mac(self.b, self.nics[1]))
        self.know_neighbour(self.b, self.nics[1], lab.A4, self.mac(self.a, self.nics[0]))

    def no_ipv6(self, namespace, device):
        """Its announcements would be stamped, dropped and lost in a probe's place: counts are exact."""
        with self.inside(namespace), open(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "w",
                                          encoding="ascii") as file:
            file.write("1")

    def link(self, namespace, device):
        return json.loads(self.sh("ip", "-n", namespace, "-json", "link", "show", "dev", device))[0]

    def mac(self, namespace, device):
        return self.link(namespace, device)["address"]

    def know_neighbour(self, namespace, device, address, mac):
        self.sh("ip", "-n", namespace, "neigh", "replace", address, "lladdr", mac, "dev", device)

    def statistics(self, host):
        """The counters of ethtool -S of host "a" or "b"."""
        namespace, device = self.place(host)
        text = self.sh("ip", "netns", "exec", namespace, "ethtool", "-S", device)
        rows = (line.strip().rpartition(":") for line in text.splitlines()[1:])
        return {name: int(value) for name, _, value in rows if value.strip().isdigit()}

    def place(self, host):
        return (self.a, self.nics[0]) if host == "a" else (self.b, self.nics[1])

    def get_config(self, host):
        return stamps.get_config(self, *self.place(host))

    def set_config(self, host, tx_type, rx_filter):
        return stamps.set_config(self, *self.place(host), tx_type, rx_filter)

    def ts_info(self, host):
        namespace, device = self.place(host)
        return self.sh("ip", "netns", "exec", namespace, "ethtool", "-T", device)

    def phc_index(self, host):
        line = next(line for line in self.ts_info(host).splitlines() if "PTP Hardware Clock:" in line or
                    "provider index:" in line)
        return int(line.rpartition(":")[2])

    def phc(self, host):
        return open(f"/dev/ptp{self.phc_index(host)}", "r+b", buffering=0)


class Burst:
    """UDP datagrams from A to B, as fast as they go, and the stamps of both sides."""

    def __init__(self, hosts, count, port=0, payload=bytes(64), quiet_s=2):
        sender = stamps.Socket(hosts, hosts.a, lab.A4)
        receiver = stamps.Socket(hosts, hosts.b, lab.B4, port)
        receiver.udp.settimeout(quiet_s)
        for _ in range(count):
            sender.send(lab.B4, receiver.port, payload)
        self.received = []
        try:
            while len(self.received) < count:
                self.received.append(receiver.receive()[1])
        except TimeoutError:
            pass
        self.sent = sender.collect_sent(count, quiet_s)
        sender.close()
        receiver.close()

    @property
    def tx_hardware(self):
        """{number of the datagram: ns} of those that have one."""
        return {number: stamp.hardware for number, stamp in self.sent.items() if stamp.hardware}

    @property
    def rx_hardware(self):
        return [stamp.hardware for stamp in self.received if stamp.hardware]


def insmod(path, *parameters):
    busybox = os.environ["NETOBS_VM_BUSYBOX"]
    done = subprocess.run([busybox, "insmod", path, *parameters], capture_output=True, text=True, check=False)
    lab.check(done.returncode == 0, f"insmod {path}: {done.stderr.strip()}")


def rmmod(name):
    subprocess.run([os.environ["NETOBS_VM_BUSYBOX"], "rmmod", name], check=True)


class NicTest(unittest.TestCase):
    """A test with the two hosts of its scenario."""

    hosts = None
    clocks = None  # HwtsimClocks, where the NICs are hwtsim's


class HwtsimClocks:
    """The module, loaded: clocks with offsets (ns) and drifts (ppb), A's first, and when it was loaded."""

    def __init__(self, offsets, drifts, cross=(2, 2)):
        self.offsets, self.drifts = offsets, drifts
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        insmod(os.environ["NETOBS_VM_HWTSIM"], f"offset_ns={offsets[0]},{offsets[1]}",
               f"drift_ppb={drifts[0]},{drifts[1]}", f"cross={cross[0]},{cross[1]}")
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        self._loaded_ns, self._slack_ns = (before + after) // 2, (after - before + 1) // 2

    def drift_ppb(self, host):
        return self.drifts[0 if host == "a" else 1]

    def expect(self, host):
        """(offset, bound) of a host's clock to CLOCK_REALTIME as it must be now (ns)."""
        index = 0 if host == "a" else 1
        elapsed = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - self._loaded_ns
        drift = self.drifts[index]
        return self.offsets[index] + elapsed * drift // 10**9, abs(drift) * self._slack_ns // 10**9 + 1


def set_parameter(name, a, b):
    """A parameter of hwtsim, at both devices; returns what it was."""
    with open(f"{HWTSIM}/{name}", "r+", encoding="ascii") as file:
        before = file.read().strip()
        file.seek(0)
        file.write(f"{a},{b}")
    return before


class Faults:
    """Parameters of hwtsim for the rest of one test: Faults(self, tx_drop_every=(10, 0))."""

    def __init__(self, test, **parameters):
        for name, (a, b) in parameters.items():
            before = set_parameter(name, a, b).split(",")
            test.addCleanup(set_parameter, name, *before)


class PromptResult(unittest.TextTestResult):
    """Says why at once: a machine that is ended for its time has said what it knew. And where the time went."""

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        print(f"    {time.monotonic() - self.began:.1f} s", file=sys.stderr)

    def addError(self, test, err):
        super().addError(test, err)
        print(self.errors[-1][1], file=sys.stderr)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print(self.failures[-1][1], file=sys.stderr)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            traceback.print_exception(*err)

    def printErrors(self):
        pass


def keep_stores(work):
    """Runs in the order in which they were made, with their command lines, for a look from outside."""
    for path in glob.glob(f"{work}/run*.jsonl"):
        shutil.copy(path, os.environ["NETOBS_VM_RESULTS"])


def main(nics=None, clocks=None):
    """Runs the tests of a scenario's program and exits; with two NICs, A's first, NicTest gets its hosts."""
    if nics:
        NicTest.hosts, NicTest.clocks = NicLab(nics), clocks
    try:
        if nics:
            NicTest.hosts.set_up()
        runner = unittest.TextTestRunner(verbosity=2, resultclass=PromptResult)
        result = unittest.main(module="__main__", exit=False, testRunner=runner).result
        if nics and not result.wasSuccessful():
            keep_stores(NicTest.hosts.work)
    finally:
        if nics:
            NicTest.hosts.tear_down()
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
