#!/usr/bin/env python3
"""What a terminal shows during a run: the live view, interpreted by a terminal emulator on a pty."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import lab
from contract import sqlite_rows
from lab import B4, check, contains, equal

try:
    import pyte
except ImportError:
    # The distribution's package is not on the path of a Python of another source.
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import pyte
    except ImportError:
        pyte = None

LONG = ["--duration", "5min", "--interval", "1ms"]
BEFORE = ["before 1", "before 2"]
END_OF_VIEW = b"\x1b[J"


class Terminal:
    """netobs rtt in A on a pseudo-terminal, and the screen that a person sees."""

    def __init__(self, host, *args, columns=80, rows=45, env=None, wrap=()):
        if pyte is None:
            raise lab.Skip("needs pyte (package python3-pyte)")
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        for line in BEFORE:
            self.stream.feed(line.encode() + b"\r\n")
        self.master, terminal = pty.openpty()
        self.resize(columns, rows)
        environment = {**host.env, "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "", **(env or {})}
        self.popen = subprocess.Popen(
            ["ip", "netns", "exec", host.a, *wrap, host.binary, "rtt", B4, *args], stdin=terminal, stdout=terminal,
            stderr=terminal, env=environment, cwd=host.work, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(terminal)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        self.hang_up()

    def hang_up(self):
        """What closing the window does."""
        if self.master >= 0:
            os.close(self.master)
        self.master = -1

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def feed(self, seconds):
        """What comes within the time; False at the end of everything."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                return True
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                return False
            self.raw += data
            self.stream.feed(data)
        return True

    def wait_for(self, condition, what):
        end = time.monotonic() + lab.DEADLINE_S
        while not condition():
            check(self.feed(0.05), f"the command ended before {what}:\n{self.text()}")
            check(time.monotonic() < end, f"waited in vain for {what}:\n{self.text()}")
        return self

    def wait_for_view(self, condition, what):
        """Until the condition holds of a view that is drawn to its end: it comes in parts."""
        return self.wait_for(lambda: self.raw.endswith(END_OF_VIEW) and condition(), what)

    def wait_for_seconds(self, seconds):
        """Until the view says that it measures for so long."""
        def there():
            shown = re.search(r"measuring .* (\d+) s, ", self.text())
            return shown and int(shown[1]) >= seconds
        return self.wait_for_view(there, f"{seconds} s of measuring")

    def type(self, keys):
        os.write(self.master, keys)
        return self

    def end(self):
        """Everything until the command ends; its exit status."""
        end = time.monotonic() + lab.DEADLINE_S
        while self.feed(0.2):
            check(time.monotonic() < end, f"no end:\n{self.text()}")
        return self.popen.wait(lab.DEADLINE_S)

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines()).rstrip()

    def everything(self):
        """The screen and what scrolled off its top."""
        scrolled = ["".join(line[x].data for x in range(self.screen.columns)).rstrip()
                    for line in self.screen.history.top]
        return scrolled + self.text().split("\n")


def check_view(terminal, columns, rows, scrolled=0):
    """The view stands once, below what was there before, and nothing beside it. scrolled: how many lines
    had to make room for it, once."""
    lines = terminal.everything()
    equal(lines[:2], BEFORE, "what was on the screen before")
    contains(lines[2], f"{B4}:862 over", "the head")
    for word in ("round trip", "so far", "last second", "application", "kernel", "where the time goes",
                 "measuring", "sent"):
        equal(len(re.findall(rf"\b{word}\b", "\n".join(lines))), 1, f"{word!r} in {lines}, times")
    check(max(map(len, lines)) < columns and len(lines) - scrolled < rows, f"room for a cursor: {lines}")
    equal((terminal.screen.cursor.x, terminal.screen.cursor.hidden), (0, False), "the cursor")
    equal(terminal.screen.cursor.y, len(lines) - scrolled, "the line of the cursor")
    equal(len(terminal.screen.history.top), scrolled, "lines that have scrolled")


def check_report(terminal, sent=None, last="next"):
    """Nothing is left of the view: before, the report from its first line to its last, the cursor."""
    lines = terminal.everything()
    equal(lines[:2], BEFORE, "what was on the screen before")
    contains(lines[2], f"{B4}:862 over", "the report's first line")
    text = "\n".join(lines)
    for word in ("so far", "last second", "measuring ", "storing", " s left", "^C"):
        check(word not in text, f"{word!r} is left over:\n{text}")
    for word in ("round trip", "where the time goes", "checks", last):
        equal(len(re.findall(rf"^{word}\b", text, re.MULTILINE)), 1, f"{word} in the report, times")
    if sent:
        contains(text, f"sent {sent:,}".replace(",", " "), "the report")
    check(not terminal.screen.cursor.hidden, "the cursor is visible")
    check("\x1b[?1049h" not in terminal.raw.decode(errors="replace"), "no other screen")


def test_view_and_report(host):
    with host.reflector(), Terminal(host, "--count", "3000", "--interval", "1ms", "--no-store") as terminal:
        terminal.wait_for_seconds(2)
        check_view(terminal, 80, 45)
        rows = [line for line in terminal.lines() if line.startswith("  application")]
        check(len(re.findall(r"[\d.]+ [num]?s\b", rows[0])) == 6, f"six figures: {rows}")
        check("\u2588" in terminal.text() and b"\x1b[36m" in terminal.raw, "bars, in colour")
        equal(terminal.end(), 0, "exit status")
        check_report(terminal, sent=3000, last="stored")


def test_interrupt_keeps_data(host):
    store = host.path("live.db")
    with host.reflector(), Terminal(host, *LONG, "--store", store, rows=100) as terminal:
        terminal.wait_for_seconds(2)
        check_view(terminal, 80, 100)
        terminal.type(b"\x03")
        equal(terminal.end(), 0, "exit status")
        check_report(terminal)
        sent = int(re.search(r"sent ([\d ]+?)   ", terminal.text())[1].replace(" ", ""))
        check(sent >= 1000, f"sent {sent}")
        equal(sqlite_rows(store), sent, "rows")


def test_kill_leaves_a_usable_terminal(host):
    with host.reflector(), Terminal(host, *LONG, "--no-store") as terminal:
        terminal.wait_for_seconds(1)
        os.killpg(terminal.popen.pid, signal.SIGKILL)
        equal(terminal.end(), -signal.SIGKILL, "exit status")
        check_view(terminal, 80, 45)  # a shell's prompt would come right below


def test_sizes(host):
    with host.reflector():
        with Terminal(host, *LONG, "--no-store", columns=60, rows=23) as terminal:
            terminal.wait_for_seconds(3)
            check_view(terminal, 60, 23, scrolled=2)
            contains(terminal.text(), "more, smaller", "segments without a line of their own")
        with Terminal(host, *LONG, "--no-store", columns=50, rows=10) as terminal:
            terminal.wait_for(lambda: re.search(r"measuring: .* p50", terminal.text()), "the line")
            lines = terminal.text().split("\n")
            equal(len(lines), 3, f"one line in a small terminal: {lines}")


def test_resizing(host):
    with host.reflector(), Terminal(host, *LONG, "--no-store", rows=50) as terminal:
        terminal.wait_for_seconds(1)
        check_view(terminal, 80, 50)
        # Not fewer rows: this emulator leaves the cursor behind when it takes some away.
        for columns, rows in ((120, 50), (66, 50), (100, 60)):
            os.killpg(terminal.popen.pid, signal.SIGSTOP)
            terminal.feed(0.1)  # what was drawn for the size before
            before = terminal.raw
            terminal.resize(columns, rows)
            os.killpg(terminal.popen.pid, signal.SIGCONT)
            terminal.wait_for_view(lambda: len(terminal.raw) > len(before) + 1500, "the view in another size")
            check_view(terminal, columns, rows)
        terminal.resize(59, 60)
        terminal.wait_for(lambda: re.search(r"measuring: .*", terminal.text()), "the line instead")
        equal(len(terminal.text().split("\n")), 3, f"the line alone: {terminal.text()}")
        terminal.resize(80, 60)
        terminal.wait_for_view(lambda: "so far" in terminal.text(), "the view again")
        check_view(terminal, 80, 60)
        terminal.type(b"\x03")
        equal(terminal.end(), 0, "exit status")


def test_plain_ways(host):
    some = ["--count", "1500", "--interval", "1ms", "--no-store"]
    with host.reflector():
        with Terminal(host, *some, "--progress", "line") as terminal:
            terminal.wait_for(lambda: "measuring: " in terminal.text(), "the line")
            check("so far" not in terminal.text(), terminal.text())
            equal(terminal.end(), 0, "exit status")
        for args, env in ((["--quiet"], {}), (["--progress", "none"], {}), ([], {"TERM": "dumb"})):
            with Terminal(host, *some, *args, env=env) as terminal:
                equal(terminal.end(), 0, f"exit status of {args} {env}")
                check(b"measuring" not in terminal.raw and b"so far" not in terminal.raw,
                      f"{args} {env}: {terminal.raw!r}")
        with Terminal(host, *some, env={"NO_COLOR": "1"}) as terminal:
            terminal.wait_for(lambda: "so far" in terminal.text(), "the view")
            check(not re.search(rb"\x1b\[[0-9;]*m", terminal.raw), "NO_COLOR")


def test_stop_and_continue(host):
    """Ctrl-Z, and fg: the view goes on below what the shell has written."""
    with host.reflector(), Terminal(host, *LONG, "--no-store", rows=90) as terminal:
        terminal.wait_for_seconds(1)
        os.killpg(terminal.popen.pid, signal.SIGSTOP)
        terminal.feed(0.3)
        time.sleep(2.2)  # what counts as a pause is two seconds
        terminal.stream.feed(b"[1]+  Stopped\r\n")
        os.killpg(terminal.popen.pid, signal.SIGCONT)
        terminal.wait_for(lambda: terminal.text().count("so far") == 2, "a view below")
        text = terminal.text()
        check(text.index("so far") < text.index("Stopped") < text.rindex("so far"), text)
        terminal.type(b"\x03")
        equal(terminal.end(), 0, "exit status")
        contains("\n".join(terminal.everything()), "Stopped", "what the shell wrote")


def test_background_job_has_the_line(host):
    job = ["bash", "-mc", '"$@" & wait', "bash"]
    some = ["--count", "2000", "--interval", "1ms", "--no-store"]  # ends by itself: no key reaches it
    with host.reflector(), Terminal(host, *some, wrap=job) as terminal:
        terminal.wait_for(lambda: re.search(r"measuring: .* p50", terminal.text()), "the line")
        check("so far" not in terminal.text(), terminal.text())
        equal(terminal.end(), 0, "exit status")


def test_closed_window_keeps_data(host):
    store = host.path("closed.db")
    with host.reflector(), Terminal(host, *LONG, "--store", store) as terminal:
        terminal.wait_for_seconds(2)
        terminal.hang_up()
        status = terminal.popen.wait(lab.DEADLINE_S)
        check(status in (0, 1), f"exit status {status}: the report had nowhere to go, nothing else")
    runs = host.netobs("runs", "--store", store, "--json").expect(0).json()["runs"]
    equal([run["finished"] for run in runs], [True], "the run is complete")
    equal(sqlite_rows(store), runs[0]["sent"], "rows")


if __name__ == "__main__":
    lab.main(globals())
