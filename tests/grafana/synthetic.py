"""Fills a store with made-up runs, by INSERT ... SELECT inside the server: for plans and times of queries, which need
more rows than a test can measure. The tables must exist (`netobs db init`)."""

import dataclasses
import re

SEGMENTS = (
    ("sender", "app_tx", "sender", "tx_sched", "syscall and stack"),
    ("sender", "tx_sched", "sender", "tc_egress", "egress hooks"),
    ("sender", "tc_egress", "sender", "net_dev_start_xmit", "qdisc"),
    ("sender", "net_dev_start_xmit", "sender", "tx_software", "driver"),
    ("sender", "tx_software", "reflector", "rx_software", "network, out"),
    ("reflector", "rx_software", "reflector", "tc_ingress", "softirq and RPS"),
    ("reflector", "tc_ingress", "reflector", "socket_delivery", "IP and UDP"),
    ("reflector", "socket_delivery", "reflector", "app_rx", "wake-up, copy"),
    ("reflector", "app_rx", "reflector", "app_tx", "residence"),
    ("reflector", "app_tx", "reflector", "tx_sched", "syscall and stack"),
    ("reflector", "tx_sched", "reflector", "tc_egress", "egress hooks"),
    ("reflector", "tc_egress", "reflector", "net_dev_start_xmit", "qdisc"),
    ("reflector", "net_dev_start_xmit", "reflector", "tx_software", "driver"),
    ("reflector", "tx_software", "sender", "rx_software", "network, back"),
    ("sender", "rx_software", "sender", "tc_ingress", "softirq and RPS"),
    ("sender", "tc_ingress", "sender", "socket_delivery", "IP and UDP"),
    ("sender", "socket_delivery", "sender", "app_rx", "wake-up, copy"),
)
VIEWS = (("rtt.app", "application"), ("rtt.kernel", "kernel"), ("rtt.tc", "eBPF tc"))
OTHERS = ("net_rtt.app", "net_rtt.kernel", "net_rtt.tc", "rtt_intended", "send_error", "ipdv", "ipdv.forward",
          "ipdv.backward", "delay_change.forward", "delay_change.backward")
COUNTS = (("sent", 1), ("received", 0.999), ("lost", 0.001), ("lost_forward", 0.001), ("points_requested", 18),
          ("points_captured", 17.99))
REASONS = (("requested", 1), ("captured", 0.999), ("probe_lost", 0.001))
# A measured run of 1,000 probes/s with all layers had 16 to 18 buckets, 556 bytes and 2,180 bytes.
BUCKETS = 24  # filled per view and second, from 16.384 us on
DISTRIBUTION_BYTES = 500
DOCUMENT_BYTES = 6000
ROWS_A_STATEMENT = 200_000
SECOND_NS = 10**9
NUMBERS = 10**6  # rows of the table of numbers


@dataclasses.dataclass
class Runs:
    """`count` runs of `seconds` each, one every `period_s`, at `rate` probes per second. A run's number is its start."""
    count: int
    first_ns: int
    period_s: int
    seconds: int
    rate: int
    target: str = "198.18.7.2:862"

    def start_sql(self, number):
        return f"({self.first_ns} + {number} * {self.period_s * SECOND_NS})"


@dataclasses.dataclass
class Raw:
    """Raw rows of one run."""
    run_id: int
    count: int
    rate: int


def _metrics():
    rows = [(metric, "view", i, label, "", 40_000 + 1000 * i) for i, (metric, label) in enumerate(VIEWS)]
    for i, (from_host, from_point, to_host, to_point, label) in enumerate(SEGMENTS):
        host = "network" if from_host != to_host else from_host
        metric = f"segment.{from_host}.{from_point}.{to_host}.{to_point}"
        rows.append((metric, "segment", i, label, host, 500 + 200 * i))
    rows += [(metric, "net_view" if metric.startswith("net_") else "other", i, metric, "", 20_000)
             for i, metric in enumerate(OTHERS)]
    return rows


def _bucket_edges():
    edges, low = [], 16_384
    while len(edges) < BUCKETS:
        step = 1 << (low.bit_length() - 3)
        edges.append((low, low + step))
        low += step
    return edges


def _points():
    found = {}
    for from_host, from_point, to_host, to_point, _ in SEGMENTS:
        found[from_host, from_point] = found[to_host, to_point] = True
    return list(found)


HELPERS = {
    "fill_ten": ("n BIGINT PRIMARY KEY", [(i,) for i in range(10)]),
    "fill_numbers": ("n BIGINT PRIMARY KEY", None),
    "fill_metrics": ("metric VARCHAR(120) PRIMARY KEY, kind VARCHAR(32), position BIGINT, label VARCHAR(255), "
                     "host VARCHAR(32), ns BIGINT", _metrics()),
    "fill_buckets": ("low_ns BIGINT PRIMARY KEY, high_ns BIGINT", _bucket_edges()),
    "fill_counts": ("name VARCHAR(32) PRIMARY KEY, share DOUBLE", COUNTS),
    "fill_points": ("host VARCHAR(32), point VARCHAR(32)", _points()),
    "fill_reasons": ("reason VARCHAR(32) PRIMARY KEY, share DOUBLE", REASONS),
}


def _literal(value):
    return f"'{value}'" if isinstance(value, str) else str(value)


def _make_helpers(client):
    for name, (columns, rows) in HELPERS.items():
        client.run(f"CREATE TABLE {name} ({columns})")
        if rows:
            values = ",".join("(" + ",".join(map(_literal, row)) + ")" for row in rows)
            client.run(f"INSERT INTO {name} VALUES {values}")
    tens = ", ".join(f"fill_ten t{i}" for i in range(6))
    client.run(f"INSERT INTO fill_numbers SELECT {' + '.join(f'{10**i} * t{i}.n' for i in range(6))} FROM {tens}")


def _in_parts(client, count, rows_each, statement):
    """Runs statement("i.n BETWEEN ...") for ranges of numbers that make statements of a bounded size. Numbers beyond the
    table are not reached."""
    if count > NUMBERS:
        raise ValueError(f"{count} is more than {NUMBERS}")
    step = max(1, ROWS_A_STATEMENT // rows_each)
    for first in range(0, count, step):
        client.run(statement(f"i.n BETWEEN {first} AND {min(count, first + step) - 1}"))


def _fill_whole_runs(client, runs):
    start, probes = runs.start_sql("i.n"), runs.rate * runs.seconds
    document = f"""CONCAT('{{"run":{{"link":"eth0"}},"fill":"', REPEAT('x', {DOCUMENT_BYTES}), '"}}')"""
    _in_parts(client, runs.count, 20, lambda part: f"""
        INSERT INTO runs (run_id, started_at_ns, finished_at_ns, target, transport, schedule, sent, received, lost,
          document)
        SELECT {start}, {start}, {start} + {runs.seconds * SECOND_NS}, '{runs.target}', 'syscall', 'isochronous',
          {probes}, {probes}, 0, {document}
        FROM fill_numbers i WHERE {part}""")
    _in_parts(client, runs.count, len(_metrics()), lambda part: f"""
        INSERT INTO run_metrics
        SELECT {start}, m.metric, m.kind, m.position, m.label, m.host, {probes}, m.ns, m.ns * 50, m.ns * 1.5,
          m.ns, m.ns * 2, m.ns * 5, m.ns * 9
        FROM fill_numbers i CROSS JOIN fill_metrics m WHERE {part}""")
    _in_parts(client, runs.count, len(_points()) * len(REASONS), lambda part: f"""
        INSERT INTO run_points
        SELECT {start}, p.host, p.point, r.reason, {probes} * r.share
        FROM fill_numbers i CROSS JOIN fill_points p CROSS JOIN fill_reasons r WHERE {part}""")


def _fill_seconds(client, runs):
    run = runs.start_sql(f"(i.n DIV {runs.seconds})")
    second = f"(({run} DIV {SECOND_NS} + i.n MOD {runs.seconds}) * {SECOND_NS})"
    total = runs.count * runs.seconds
    # In the order of the keys, which the server writes much faster.
    _in_parts(client, total, len(_metrics()), lambda part: f"""
        INSERT INTO rollups
        SELECT {run}, m.metric, {second}, {runs.rate}, m.ns, m.ns * (10 + 40 * RAND()), m.ns * 1.5,
          m.ns * (0.9 + 0.2 * RAND()), m.ns * 2, m.ns * (4 + RAND()), m.ns * 9, REPEAT('x', {DISTRIBUTION_BYTES})
        FROM fill_numbers i CROSS JOIN fill_metrics m WHERE {part} ORDER BY 1, 2, 3""")
    _in_parts(client, total, len(VIEWS) * BUCKETS, lambda part: f"""
        INSERT INTO rollup_buckets
        SELECT {run}, m.metric, {second}, b.low_ns, b.high_ns, {max(1, runs.rate // BUCKETS)}
        FROM fill_numbers i CROSS JOIN fill_metrics m CROSS JOIN fill_buckets b
        WHERE m.kind = 'view' AND {part} ORDER BY 1, 2, 3, 4""")
    _in_parts(client, total, len(COUNTS), lambda part: f"""
        INSERT INTO interval_counts
        SELECT {run}, {second}, c.name, {runs.rate} * c.share
        FROM fill_numbers i CROSS JOIN fill_counts c WHERE {part} ORDER BY 1, 2, 3""")


def _fill_raw(client, raw):
    listed = client.run("SHOW COLUMNS FROM probes", "--batch", "--skip-column-names").splitlines()
    points = [name for name in (line.split("\t")[0] for line in listed)
              if re.match("(sender|reflector)_(app|tx|tc|net|rx|socket|skb)_", name)]
    for base in range(0, raw.count, NUMBERS):
        number = f"({base} + i.n)"
        sent = f"({raw.run_id} + {number} * {SECOND_NS // raw.rate})"
        values = ", ".join("NULL" if re.search("hardware|skb_copy|completion", name) else f"{sent} + {1000 * i}"
                           for i, name in enumerate(points))
        _in_parts(client, min(NUMBERS, raw.count - base), 1, lambda part, number=number, sent=sent, values=values: f"""
            INSERT INTO probes (run_id, sequence, intended_ns, send_error_ns, outcome, reflector_sequence, reply_count,
              reflector_ttl, reply_ttl, flags, {', '.join(points)})
            SELECT {raw.run_id}, {number}, {sent}, 700, 0, {number}, 1, 64, 64, 0, {values}
            FROM fill_numbers i WHERE {part}""")


def fill(client, groups, raw=None):
    """Fills the database of the client, which may make tables, with groups of Runs, and raw rows of one run."""
    _make_helpers(client)
    try:
        for runs in groups:
            _fill_whole_runs(client, runs)
            _fill_seconds(client, runs)
        if raw:
            _fill_raw(client, raw)
    finally:
        client.run("DROP TABLE " + ", ".join(HELPERS))
