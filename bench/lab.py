"""Two hosts on one machine, programs run in them, and a record of what the machine was like.

Shared by the scripts of this folder. Needs root: it makes network namespaces.
"""
import contextlib
import dataclasses
import datetime
import itertools
import os
import pathlib
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CLIENT_ADDRESS, SERVER_ADDRESS = "198.18.91.1", "198.18.91.2"
CLIENT_CPU, SERVER_CPU = "0", "1"
PACKAGES = {"ip": "iproute2", "taskset": "util-linux", "sockperf": "sockperf", "irtt": "irtt", "iperf3": "iperf3",
            "ping": "iputils-ping"}
NOISE_LIMIT = 0.05  # of all CPUs: more work of others than this spoils microseconds


class BenchError(Exception):
    """Something that the user can mend; the message says what."""


def warn(text):
    print(f"warning: {text}", file=sys.stderr)


def require(*programs):
    """Raises with the packages to install when a program is missing, or when not root."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        packages = " ".join(sorted({PACKAGES[program] for program in missing}))
        raise BenchError(f"missing: {', '.join(missing)}. Install with: apt-get install {packages}")
    if os.geteuid() != 0:
        raise BenchError("network namespaces and BPF need root: run it with sudo")
    if len(os.sched_getaffinity(0)) < 2:
        raise BenchError("each side needs a CPU of its own: two at least")


def find_built(what, choices, option):
    """The first of several paths, relative to the project's root, that is an executable file."""
    root = pathlib.Path(__file__).resolve().parent.parent
    for choice in choices:
        path = root / choice
        if os.access(path, os.X_OK):
            return str(path)
    raise BenchError(f"{what} is not built: looked for {', '.join(choices)}. Build it or give {option}")


def exit_on_signals():
    """SIGTERM and SIGHUP end the program like Ctrl-C does: through every clean-up on the stack."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def busy_share(seconds=0.5):
    """Share of all CPUs that is in use while this program sleeps: the work of others."""

    def read():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(word) for word in file.readline().split()[1:9]]
        idle = fields[3] + fields[4]
        return sum(fields), idle

    total, idle = read()
    time.sleep(seconds)
    total_after, idle_after = read()
    passed = total_after - total
    return 1 - (idle_after - idle) / passed if passed else 0.0


def describe_machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpu": model,
        "cpus": os.cpu_count(),
        "load_average": pathlib.Path("/proc/loadavg").read_text(encoding="ascii").split()[:3],
        "busy_before": round(busy_share(), 3),
    }


@dataclasses.dataclass
class Server:
    """A program under way on the server host."""

    process: subprocess.Popen
    port: int


class TwoHosts:
    """Two network namespaces joined by a veth pair, gone again on leaving the `with`."""

    _made = itertools.count()

    def __init__(self):
        number = next(self._made)
        self.client_ns = f"nobench{os.getpid()}a{number}"
        self.server_ns = f"nobench{os.getpid()}b{number}"
        # One per run: the ring of an ended process frees its port a little later.
        self._ports = itertools.count(7000)

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def _make(self):
        def ip(*words):
            done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise BenchError(f"ip {' '.join(words)}: {done.stderr.strip()}")

        for namespace in (self.client_ns, self.server_ns):
            ip("netns", "add", namespace)
        ip("-n", self.client_ns, "link", "add", "nb0", "type", "veth", "peer", "name", "nb1",
           "netns", self.server_ns)
        for namespace, device, address in (
            (self.client_ns, "nb0", CLIENT_ADDRESS),
            (self.server_ns, "nb1", SERVER_ADDRESS),
        ):
            ip("-n", namespace, "link", "set", "lo", "up")
            ip("-n", namespace, "addr", "add", f"{address}/30", "dev", device)
            ip("-n", namespace, "link", "set", device, "up")

    def _remove(self):
        for namespace in (self.client_ns, self.server_ns):
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL, check=False)

    @contextlib.contextmanager
    def server(self, command_for_port, ready_text=None):
        """Runs a program on the server host until the `with` is left.

        command_for_port: the command, given the port that it shall open (UDP or TCP). It counts as ready
        when the port is open and ready_text, if given, has been printed.
        """
        port = next(self._ports)
        command = ["ip", "netns", "exec", self.server_ns, *command_for_port(port)]
        with tempfile.TemporaryFile() as output:
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process:
                try:
                    _await_ready(process, port, output, ready_text)
                    yield Server(process, port)
                finally:
                    _end(process)

    def client(self, command, timeout):
        """The standard output of a program run on the client host. timeout: seconds."""
        try:
            done = subprocess.run(["ip", "netns", "exec", self.client_ns, *command], capture_output=True,
                                  text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{' '.join(command)}: not done after {timeout} s") from error
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip()
            raise BenchError(f"{' '.join(command)}: exit {done.returncode}\n{said[-2000:]}")
        return done.stdout


def _end(process):
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _text(output):
    # Not by seeking: the program writes at the same file offset.
    return os.pread(output.fileno(), 1 << 16, 0).decode(errors="replace")


def _await_ready(process, port, output, ready_text, limit_s=10):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise BenchError(f"{' '.join(process.args)}: exit {process.returncode}\n{_text(output)[-2000:]}")
        if _port_is_open(process.pid, port) and (ready_text is None or ready_text in _text(output)):
            return
        time.sleep(0.02)
    raise BenchError(f"{' '.join(process.args)}: not ready after {limit_s} s\n{_text(output)[-2000:]}")


def _port_is_open(pid, port):
    wanted = f":{port:04X} "
    for table in ("udp", "udp6", "tcp", "tcp6"):
        with contextlib.suppress(OSError):
            if wanted in pathlib.Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii"):
                return True
    return False


def interleave(contenders, rounds, seed, show=True):
    """Runs every contender once a round, each round in another order.

    contenders: {name: function without arguments}. Returns ({name: [result or None per round]}, the
    largest share of the CPUs that others used between two rounds). A failed run is told and None.
    """
    order = random.Random(seed)
    results = {name: [] for name in contenders}
    busiest = 0.0
    for number in range(rounds):
        busiest = max(busiest, busy_share())
        names = list(contenders)
        order.shuffle(names)
        for name in names:
            if show and sys.stderr.isatty():
                print(f"\r\033[Kround {number + 1} of {rounds}: {name}", end="", file=sys.stderr, flush=True)
            try:
                results[name].append(contenders[name]())
            except BenchError as error:
                warn(f"round {number + 1}, {name}: {error}")
                results[name].append(None)
    if show and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return results, busiest
