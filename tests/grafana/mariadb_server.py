"""A MariaDB server of our own: private data folder, Unix socket, no network. Ends with the block."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

# What MySQL 8 has by default and MariaDB has not: a query that passes here passes there.
SQL_MODE = ("ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
            "NO_ENGINE_SUBSTITUTION")
START_DEADLINE_S = 60


def find(program):
    path = os.pathsep.join(("/usr/sbin", "/usr/bin", "/usr/local/bin", os.environ.get("PATH", "")))
    return shutil.which(program, path=path)


def missing():
    """Empty when the programs are installed, else what is missing."""
    for program, package in (("mariadbd", "mariadb-server-core"), ("mariadb-install-db", "mariadb-server-core"),
                             ("mariadb", "mariadb-client")):
        if not find(program):
            return f"{program} is not installed (package {package})"
    return ""


def _log_tail(folder):
    with open(f"{folder}/log", encoding="utf-8", errors="replace") as log:
        return log.read()[-4000:]


def _wait_until_it_answers(process, folder):
    end = time.monotonic() + START_DEADLINE_S
    ping = [find("mariadb"), "--no-defaults", "--user=root", f"--socket={folder}/socket", "--execute=SELECT 1"]
    while subprocess.run(ping, capture_output=True, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the MariaDB server did not start:\n{_log_tail(folder)}")
        time.sleep(0.05)


@contextlib.contextmanager
def server(*options, folder=None):
    """Yields the path of the socket; root needs no password. The data is removed at the end, but not a folder that
    was given."""
    own = folder is None
    folder = folder or tempfile.mkdtemp(prefix="netobs-mariadb-")
    process = None
    try:
        with open(f"{folder}/log", "ab") as log:
            if not os.path.isdir(f"{folder}/data"):
                installed = subprocess.run(
                    [find("mariadb-install-db"), "--no-defaults", "--user=root", f"--datadir={folder}/data",
                     "--auth-root-authentication-method=normal", "--skip-test-db"], stdout=log, stderr=log, check=False)
                if installed.returncode != 0:
                    raise RuntimeError(f"mariadb-install-db failed:\n{_log_tail(folder)}")
            process = subprocess.Popen(
                [find("mariadbd"), "--no-defaults", "--user=root", f"--datadir={folder}/data",
                 f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--skip-networking",
                 f"--sql-mode={SQL_MODE}", *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _wait_until_it_answers(process, folder)
        yield f"{folder}/socket"
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if own:
            shutil.rmtree(folder, ignore_errors=True)
