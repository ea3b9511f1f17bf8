"""Two hosts on one machine: network namespaces A and B on a veth pair, and the built command in them.

A script defines functions whose names begin with test_, each taking a Lab, and ends with
`lab.main(globals())`. Every way out (return, failed check, exception, SIGINT, SIGTERM) ends the
processes that were started here, and removes the namespaces and the working folder.

Usage of a script: SCRIPT NETOBS_BINARY [TEST ...]
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SKIP_STATUS = 77
NET_4 = "198.18"
A4, B4 = f"{NET_4}.7.1", f"{NET_4}.7.2"
A6, B6 = "fd00:6e6f:7::1", "fd00:6e6f:7::2"
IF_A, IF_B = "va", "vb"
CLONE_NEWNET = 0x40000000
DEADLINE_S = 20
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """A check that did not hold."""


class Skip(Exception):
    """This machine cannot run the test; the text says what is missing."""


def known_bug(what):
    """Marks a test that shows a bug which is known and not yet mended: its failure is reported, not fatal."""
    def mark(function):
        function.known_bug = what
        return function
    return mark


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(actual, expected, what):
    check(actual == expected, f"{what}: {actual!r}, expected {expected!r}")


def contains(text, part, what):
    check(part in text, f"{what}: no {part!r} in {text!r}")


def wait_for(condition, what, deadline_s=DEADLINE_S):
    """Polls until the condition holds; the value is returned."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"waited {deadline_s} s in vain for {what}")
        time.sleep(0.01)


class Result:
    """How a command ended."""

    def __init__(self, args, status, out, err):
        self.args, self.status, self.out, self.err = args, status, out, err

    def expect(self, status):
        check(self.status == status,
              f"{' '.join(self.args)}: exit status {self.status}, expected {status}\n"
              f"--- stdout\n{self.out}\n--- stderr\n{self.err}")
        return self

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise Failure(f"{' '.join(self.args)}: stdout is no JSON: {error}\n{self.out}") from error


class Process:
    """A command that goes on. Its output is in files, so that no pipe ever fills up."""

    def __init__(self, args, work, env, wrap):
        self.args = args
        number = Process.started = getattr(Process, "started", 0) + 1
        self._out = open(f"{work}/{number}.out", "w+", encoding="utf-8", errors="replace")
        self._err = open(f"{work}/{number}.err", "w+", encoding="utf-8", errors="replace")
        self.popen = subprocess.Popen(wrap + args, stdin=subprocess.DEVNULL, stdout=self._out,
                                      stderr=self._err, env=env, cwd=work)

    @property
    def pid(self):
        return self.popen.pid

    def output(self):
        """What standard output and standard error hold so far."""
        texts = []
        for file in (self._out, self._err):
            with open(file.name, encoding="utf-8", errors="replace") as copy:
                texts.append(copy.read())
        return tuple(texts)

    def wait_until(self, text, stream=1):
        """Until this text is on standard error (stream 0: output)."""
        def ready():
            check(self.popen.poll() is None or text in self.output()[stream],
                  f"{' '.join(self.args)} ended early: {self.output()}")
            return text in self.output()[stream]
        wait_for(ready, f"{text!r} from {' '.join(self.args)}")
        return self

    def send(self, number):
        self.popen.send_signal(number)
        return self

    @contextlib.contextmanager
    def stopped(self):
        """Stands still until the end of the block."""
        def state():
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(") ")[2][0]
        self.send(signal.SIGSTOP)
        try:
            wait_for(lambda: state() == "T", "the process to stop")
            yield
        finally:
            self.send(signal.SIGCONT)

    def wait(self, timeout_s=60):
        try:
            status = self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{' '.join(self.args)} did not end within {timeout_s} s: "
                          f"{self.output()}") from error
        return Result(self.args, status, *self.output())

    def stop(self, number=signal.SIGTERM):
        if self.popen.poll() is None:
            self.send(number)
        return self.wait()

    def abandon(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        self._out.close()  # closing twice does nothing
        self._err.close()


class Lab:
    """Namespaces A and B, a working folder, and every process started in them."""

    def __init__(self, binary):
        self.binary = os.path.abspath(binary)
        self.work = tempfile.mkdtemp(prefix="netobs-e2e-")
        self.a, self.b = f"netobs-e2e-a{os.getpid()}", f"netobs-e2e-b{os.getpid()}"
        self.processes = []
        self.namespaces = []
        self.env = dict(os.environ, HOME=self.work, NETOBS_SPOOL=f"{self.work}/spool", LC_ALL="C")
        for name in ("XDG_STATE_HOME", "NETOBS_MYSQL_PASSWORD", "NETOBS_STORE", "NETOBS_KEEP"):
            self.env.pop(name, None)

    def sh(self, *args):
        done = subprocess.run(args, capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"{' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def set_up(self):
        for name in (self.a, self.b):
            self.sh("ip", "netns", "add", name)
            self.namespaces.append(name)
            self.sh("ip", "-n", name, "link", "set", "lo", "up")
        self.connect()

    def connect(self):
        """The veth pair; also after a test has deleted it."""
        self.sh("ip", "link", "add", IF_A, "netns", self.a, "type", "veth", "peer", "name", IF_B,
                "netns", self.b)
        for name, device, four, six in ((self.a, IF_A, A4, A6), (self.b, IF_B, B4, B6)):
            self.sh("ip", "-n", name, "addr", "add", f"{four}/30", "dev", device)
            self.sh("ip", "-n", name, "addr", "add", f"{six}/64", "dev", device, "nodad")
            self.sh("ip", "-n", name, "link", "set", device, "up")

    def tear_down(self):
        for process in reversed(self.processes):
            process.abandon()
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def path(self, name):
        return f"{self.work}/{name}"

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    @contextlib.contextmanager
    def inside(self, namespace):
        """This thread in a namespace: sockets made here stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/run/netns/{namespace}", "rb") as there:
            check(_libc.setns(there.fileno(), CLONE_NEWNET) == 0, "setns")
            try:
                yield
            finally:
                check(_libc.setns(home.fileno(), CLONE_NEWNET) == 0, "setns back")

    def udp(self, namespace, address, port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside(namespace):
            udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, port))
        udp.settimeout(DEADLINE_S)
        return udp

    def _wrap(self, namespace):
        return ["ip", "netns", "exec", namespace] if namespace else []

    def spawn(self, args, namespace=None, wrap=()):
        process = Process(list(args), self.work, self.env, self._wrap(namespace) + list(wrap))
        self.processes.append(process)
        return process

    def start(self, *args, namespace=None, wrap=()):
        return self.spawn([self.binary, *args], namespace, wrap)

    def netobs(self, *args, namespace=None, wrap=(), timeout_s=60):
        """Runs the command to its end."""
        return self.start(*args, namespace=namespace, wrap=wrap).wait(timeout_s)

    @contextlib.contextmanager
    def reflector(self, *args, namespace=None, wrap=()):
        """A reflector in B that answers from the first line of the block on, and ends with it."""
        process = self.start("reflect", *args, namespace=namespace or self.b, wrap=wrap)
        try:
            yield process.wait_until("answering on")
            if process.popen.poll() is None:
                process.stop().expect(0)
        finally:
            process.abandon()

    def rtt(self, *args, status=0, **more):
        """A run from A without a store unless one is named, and its JSON when it measured. status: what
        it may end with, one or several; 3 says that it measured something impossible."""
        args = list(args)
        if "--store" not in args:
            args.append("--no-store")
        result = self.netobs("rtt", *args, "--json", "-", namespace=self.a, **more)
        allowed = status if isinstance(status, tuple) else (status,)
        result.expect(result.status if result.status in allowed else allowed[0])
        return result.json() if result.status in (0, 3) else result

    def filters(self, namespace, device):
        """The tc filters of a device, both ways; empty = none."""
        text = ""
        for way in ("ingress", "egress"):
            done = subprocess.run(["tc", "-n", namespace, "filter", "show", "dev", device, way],
                                  capture_output=True, text=True, check=False)
            text += done.stdout
        return text.strip()


class Background:
    """A Python loop beside the test. step() is called until the block ends; it must not block long."""

    def __init__(self, step):
        self._step, self._end, self.error = step, threading.Event(), None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self._end.is_set():
                self._step()
        except Exception as error:  # reported by __exit__
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._end.set()
        self._thread.join(DEADLINE_S)
        if self.error and kind is None:
            raise self.error


def require_root_and_namespaces():
    if os.geteuid() != 0:
        raise Skip("needs root: it makes network namespaces")
    if not shutil.which("ip") or not shutil.which("tc"):
        raise Skip("needs ip and tc (package iproute2)")
    name = f"netobs-e2e-t{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Skip(f"cannot make a network namespace: {made.stderr.strip()}")
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def run_one(lab, name, function):
    began = time.monotonic()
    try:
        function(lab)
    except Skip as reason:
        print(f"skip  {name}: {reason}", flush=True)
        return "skip"
    except Failure as failure:
        known = getattr(function, "known_bug", None)
        print(f"{'known' if known else 'FAIL '} {name}: {known or ''} {failure}", flush=True)
        return "skip" if known else "fail"
    except Exception:
        print(f"FAIL  {name}:\n{traceback.format_exc()}", flush=True)
        return "fail"
    gone = "; the known bug is gone, remove the mark" if hasattr(function, "known_bug") else ""
    print(f"ok    {name} ({time.monotonic() - began:.1f} s{gone})", flush=True)
    return "ok"


def main(names):
    """Runs the tests of a script, or those named on its command line, and exits."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        require_root_and_namespaces()
    except Skip as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIP_STATUS)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, frame: sys.exit(128 + got))
    wanted = sys.argv[2:]
    tests = [(name, item) for name, item in names.items()
             if name.startswith("test_") and (not wanted or name in wanted)]
    lab = Lab(sys.argv[1])
    try:
        lab.set_up()
        outcomes = [run_one(lab, name, function) for name, function in tests]
    finally:
        lab.tear_down()
    if not outcomes or "fail" in outcomes:
        sys.exit(1)
    sys.exit(SKIP_STATUS if set(outcomes) == {"skip"} else 0)
