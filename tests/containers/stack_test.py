#!/usr/bin/env python3
"""The stack as the README starts it: compose up, measure, look at the tables, compose down.

The engine is the test's own. Images that a registry would give are made from the distribution's packages under
names of their own: the base system, the real MySQL server and phpMyAdmin. Grafana has no package: its service is
left out, and tests/grafana looks at what it would show.

Usage: stack_test.py [FOLDER]   (a folder gets screenshots)
"""

import json
import os
import signal
import subprocess
import sys
import time

import engine
import grafana_sql
import lab
from lab import Failure, Skip, check, contains, equal, wait_for

FILES = ["compose.yaml", "tests/containers/compose.test.yaml"]
PMA_PORT = 20000 + os.getpid() % 10000
# A panel that is empty where every timestamp was captured.
NOTHING_MISSING = "Why timestamps are missing"
TABLES = ["interval_counts", "netobs_schema", "probes", "rollup_buckets", "rollups", "run_metrics", "run_points", "runs",
          "udp_metrics"]


def stand_ins(docker):
    for suite in ("bookworm", "sid"):
        docker.base_image(suite)
    for name in ("mysql", "phpmyadmin"):
        docker.build(f"netobs-standin-{name}", f"{engine.HERE}/standins/{name}")


def capabilities_of_engine(docker):
    """What containers/old-engine.env says, where this engine needs it."""
    major = int(docker.docker("version", "--format", "{{.Server.Version}}").split(".")[0])
    if major >= 23:
        return {}
    with open(f"{engine.ROOT}/containers/old-engine.env", encoding="utf-8") as file:
        rows = [line.strip().split("=", 1) for line in file if line.strip() and not line.startswith("#")]
    return dict(rows)


class Stack:
    """The project, and how to ask its database."""

    def __init__(self, project):
        self.project = project

    def sql(self, query, user="netobs", file="/run/netobs-secrets/mysql_password"):
        script = f'MYSQL_PWD="$(cat {file})" exec mysql --no-defaults --host=127.0.0.1 --user={user} -N -B "$0" -e "$1"'
        return self.project.exec("mysql", "sh", "-c", script, "network_performance", query).stdout.strip()

    def number(self, query):
        return int(self.sql(query))

    def netobs(self, *args, **more):
        return self.project.exec("client", "netobs", *args, **more)


def test_up(stack):
    """Everything healthy, in order, without privileges and without root."""
    project = stack.project
    project("build", "--force-rm", timeout_s=1800)
    project("up", "-d", "server", "client", "mysql", "phpmyadmin", timeout_s=300)
    for service in ("server", "mysql", "client", "phpmyadmin"):
        project.wait_healthy(service)
    for service in ("server", "client"):
        equal(project.inspect(service, ".HostConfig.Privileged"), "false", f"{service} privileged")
        equal(project.exec(service, "id", "-u").stdout.strip(), "862", f"user of {service}")
    ports = project.inspect("phpmyadmin", "json .HostConfig.PortBindings")
    equal([row["HostIp"] for row in json.loads(ports)["80/tcp"]], ["127.0.0.1"], "where phpMyAdmin can be reached")
    equal(project.inspect("mysql", "json .HostConfig.PortBindings"), "{}", "published ports of MySQL")


def test_secrets(stack):
    """Passwords differ, are not in the environment, and are made once."""
    project = stack.project
    shown = project("run", "--rm", "secrets", "show").stdout
    contains(shown, "phpMyAdmin", "what is shown")
    before = project.exec("client", "sha256sum", "/run/netobs-secrets/mysql_password").stdout
    project("run", "--rm", "secrets")
    equal(project.exec("client", "sha256sum", "/run/netobs-secrets/mysql_password").stdout, before, "made once")
    password = project.exec("client", "cat", "/run/netobs-secrets/mysql_password").stdout.strip()
    check(len(password) >= 32, "length of the password")
    for service in ("client", "mysql", "phpmyadmin"):
        check(password not in project.inspect(service, "json .Config.Env"), f"the password is in {service}'s environment")
    refused = project.exec("client", "cat", "/run/netobs-root/mysql_root_password", allowed=None)
    check(refused.returncode != 0, "the client can read the root password")


def test_seccomp(stack):
    """The profile is in force: a namespace is refused, io_uring is not."""
    denied = stack.project.exec("client", "unshare", "--user", "true", allowed=None)
    check(denied.returncode != 0, "a user namespace was made")
    done = stack.netobs("rtt", "server", "--count", "50", "--transport", "io_uring", "--no-store", "--json", "-")
    contains(json.loads(done.stdout)["run"]["transport"], "io_uring", "transport")


def test_rtt_and_check_reach_mysql(stack):
    plugin = stack.sql("SELECT plugin FROM mysql.user WHERE user = 'netobs'", "root", "/run/netobs-root/mysql_root_password")
    equal(plugin, "caching_sha2_password", "how netobs logs in")
    check("MariaDB" not in stack.sql("SELECT VERSION()"), "this is MySQL")
    result = json.loads(stack.netobs("rtt", "server", "--count", "500", "--json", "-").stdout)
    equal(result["probes"]["sent"], 500, "sent")
    received = result["probes"]["received"]
    check(received > 450, f"answers: {result['probes']}")
    for view in ("app", "kernel", "tc"):
        check(result["rtt_ns"][view]["count"] > received * 0.9, f"round trips of {view}: {result['rtt_ns'][view]}")
    run = int(result["run"]["id"], 16)
    equal(stack.number(f"SELECT COUNT(*) FROM probes WHERE run_id = {run}"), 500, "rows of the run")
    captured = stack.number(f"SELECT COUNT(reflector_tc_ingress) FROM probes WHERE run_id = {run}")
    check(captured >= received * 0.9, f"reflector's tc timestamps: {captured} of {received}")
    stack.netobs("check", "server", "--no-public-ip", "--time", "1", "--echoes", "20", timeout_s=120)
    row = stack.sql("SELECT tcp_upload_bps > 1e6, udp_download_packets > 0, icmp_received FROM udp_metrics").split()
    equal(row, ["1", "1", "20"], "row of the check")
    for command in ("report last", "runs"):
        contains(stack.netobs(*command.split()).stdout, result["run"]["id"], command)


def test_grafana_user_can_only_read(stack):
    ask = {"user": "grafana", "file": "/run/netobs-secrets/grafana_mysql_password"}
    check(int(stack.sql("SELECT COUNT(*) FROM runs", **ask)) > 0, "grafana reads")
    try:
        stack.sql("DELETE FROM runs", **ask)
    except Failure as refused:
        contains(str(refused), "denied", "why")
    else:
        raise Failure("grafana can delete")


def test_phpmyadmin_shows_the_tables(stack):
    if not os.path.exists("/usr/bin/chromedriver"):
        raise Skip("needs a browser (packages chromium and chromium-driver)")
    password = stack.project.exec("client", "cat", "/run/netobs-secrets/mysql_password").stdout
    screenshot = [f"{sys.argv[1]}/phpmyadmin.png"] if len(sys.argv) > 1 else []
    page = stack.project.engine.run(f"{engine.HERE}/phpmyadmin_page.py", f"http://127.0.0.1:{PMA_PORT}/", "netobs",
                                    "network_performance", *screenshot, allowed=(0, 77), stdin=password)
    if page.returncode == 77:
        raise Skip(page.stdout.strip())
    equal(sorted(page.stdout.split()), TABLES, "tables that phpMyAdmin shows")


def test_mysql_killed_in_mid_run(stack):
    """Every row is there in the end, none twice: the spool in the client's volume holds them meanwhile."""
    project = stack.project
    count = 20000
    run = subprocess.Popen([*project.base, "exec", "-T", "client", "netobs", "rtt", "server", "--count", str(count),
                            "--interval", "500us", "--json", "-", "--quiet"], cwd=engine.ROOT,
                           env=dict(project.engine.env, **project.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True)
    try:
        before = stack.number("SELECT COUNT(*) FROM probes")
        wait_for(lambda: stack.number("SELECT COUNT(*) FROM probes") > before, "the first rows")
        project.engine.docker("kill", "--signal", "KILL", project.container("mysql"))
        # A few seconds of probes meet no server.
        time.sleep(3)
        check(run.poll() is None, "the run ended before the server came back")
        project.engine.docker("start", project.container("mysql"))
        out, err = run.communicate(timeout=120)
    finally:
        if run.poll() is None:
            run.kill()
            run.communicate()
    equal(run.returncode, 0, f"status of the run; {err}")
    result = json.loads(out)
    project.wait_healthy("mysql")
    stack.netobs("db", "flush")
    run_id = int(result["run"]["id"], 16)
    rows = stack.sql(f"SELECT COUNT(*), COUNT(DISTINCT sequence), MAX(sequence) FROM probes WHERE run_id = {run_id}")
    equal(rows.split(), [str(count), str(count), str(count - 1)], "rows, different ones, the last")
    status = json.loads(stack.netobs("db", "status", "--json").stdout)
    equal(status["spooled_rows"], 0, "rows that still wait")


def dashboard_client(stack):
    """Grafana's user, from outside the database's container."""
    addresses = json.loads(stack.project.inspect("mysql", "json .NetworkSettings.Networks"))
    address = next(iter(addresses.values()))["IPAddress"]
    password = stack.project.exec("client", "cat", "/run/netobs-secrets/grafana_mysql_password").stdout.strip()
    command = ["mariadb", f"--host={address}", "--user=grafana", "--ssl", "--skip-ssl-verify-server-cert"]
    return grafana_sql.Client(command, "network_performance", password)


def test_dashboards(stack):
    """What every panel and variable asks, asked of the real server: no error, and something to show."""
    client = dashboard_client(stack)
    runs = [row["run"] for row in client.rows("SELECT CAST(run_id AS CHAR) AS run FROM runs ORDER BY started_at_ns")]
    span = client.rows("SELECT MIN(started_at_ns) - 1000000000 AS a, MAX(finished_at_ns) + 300000000000 AS b FROM runs")[0]
    span = grafana_sql.Range(span["a"], span["b"])
    asked, wrong = 0, []
    for board in grafana_sql.load_dashboards():
        variables = grafana_sql.variables_of(board)
        target = "server" if board["uid"] == "netobs-conditions" else [grafana_sql.ALL]
        values = {"target": target, "view": "rtt.app", "run": runs[-1], "run_a": runs[0], "run_b": runs[-1], "first": "0",
                  "window": "1000"}
        values = {name: value for name, value in values.items() if name in variables}
        queries = [(title, form, sql) for title, form, sql, _ in grafana_sql.queries_of(board)]
        queries += [(name, "table", row["query"]) for name, row in variables.items() if row["type"] == "query"]
        for title, form, sql in queries:
            asked += 1
            try:
                answer = grafana_sql.ask(client, grafana_sql.expand(sql, variables, values, span), form)
                if not answer.rows and NOTHING_MISSING not in title:
                    wrong.append(f"{board['uid']}, {title}: empty")
            except grafana_sql.QueryError as error:
                wrong.append(f"{board['uid']}, {title}: {error}")
    check(asked > 50, f"only {asked} queries")
    check(not wrong, "\n".join(wrong))


def test_schedule(stack):
    """NETOBS_INTERVAL: runs come by themselves, a check among them, and old rows go."""
    project = stack.project
    before = stack.number("SELECT COUNT(*) FROM runs")
    checks = stack.number("SELECT COUNT(*) FROM udp_metrics")
    project("up", "-d", "--no-deps", "client", NETOBS_INTERVAL="2", NETOBS_RTT="--count 20", NETOBS_CHECK_EVERY="2",
            NETOBS_CHECK="--no-public-ip --no-throughput --echoes 5", NETOBS_KEEP="365d")
    wait_for(lambda: stack.number("SELECT COUNT(*) FROM runs") >= before + 2, "two runs", 60)
    wait_for(lambda: stack.number("SELECT COUNT(*) FROM udp_metrics") > checks, "a check", 60)
    log = project("logs", "--no-color", "client").stdout
    contains(log, "measuring server every 2 s", "the log")
    started = time.monotonic()
    project("stop", "--timeout", "30", "client")
    check(time.monotonic() - started < 20, "the client did not end when told to")
    equal(project.inspect("client", ".State.ExitCode"), "0", "exit status of the client")


def test_variants(stack):
    """Every documented combination of files is one that compose accepts."""
    privileged = stack.project.engine.run(*stack.project.engine.compose_command, "-f", "compose.yaml", "-f",
                                          "containers/compose.privileged.yaml", "config").stdout
    equal(privileged.count("privileged: true"), 2, "privileged services")
    old = stack.project.engine.run(*stack.project.engine.compose_command, "--env-file", "containers/old-engine.env",
                                   "config").stdout
    check("SYS_ADMIN" in old and "PERFMON" not in old, "capabilities for an old engine")


def test_down(stack):
    project = stack.project
    project("down", "--volumes", "--timeout", "20")
    for kind in ("container", "volume", "network"):
        left = project.engine.docker(kind, "ls", "-q", "--filter", f"label=com.docker.compose.project={project.name}",
                                     *(["-a"] if kind == "container" else []))
        equal(left, "", f"{kind}s that are left")


def run_all(stack, tests):
    failed = 0
    for function in tests:
        if lab.run_one(stack, function.__name__, function) == "fail":
            failed += 1
            check(function is not test_up, "nothing can be measured in a stack that is not up")
    check(failed == 0, f"{failed} of {len(tests)} tests failed")


def main():
    tests = [function for name, function in globals().items() if name.startswith("test_")]
    # As an exception, so that the engine and what runs in it end too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with engine.Engine() as docker:
            before = docker.unnamed_images()
            stand_ins(docker)
            env = {"MYSQL_IMAGE": "netobs-standin-mysql", "PHPMYADMIN_IMAGE": "netobs-standin-phpmyadmin",
                   "MYSQL_BUFFER_POOL": "128M", "NETOBS_PHPMYADMIN_PORT": str(PMA_PORT),
                   **capabilities_of_engine(docker)}
            with engine.Project(docker, f"netobs-test-{os.getpid()}", FILES, **env) as project:
                run_all(Stack(project), tests)
            docker.forget(before)
    except Skip as reason:
        print(f"skipped: {reason}")
        return lab.SKIP_STATUS
    except Failure as failure:
        print(f"FAIL  {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
