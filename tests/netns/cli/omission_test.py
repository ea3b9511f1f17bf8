#!/usr/bin/env python3
"""Coordinated omission: a side that is stopped for a while shows in the series that it belongs to, and in no
other. Sleeping here is what is done to the process, not a wait for something."""

import time

import lab
from contract import check_contract, rows_so_far
from lab import B4, Failure, check, wait_for

STOP_S = 0.2
MS = 1_000_000
STOPPED = 150 * MS  # surely a part of the stop
NOT_STOPPED = 100 * MS  # more than a busy machine takes, less than the stop
RUN = ["--interval", "1ms", "--duration", "3s", "--timeout", "10s"]
BETWEEN_HOSTS = {"network_forward", "network_backward", "network_both_ways"}


def run_with_a_stop(host, transport, side):
    """A run in whose middle one side ("sender", "reflector") stands still; its JSON."""
    store = host.path(f"{side}-{transport}-{len(host.processes)}.db")
    with host.reflector("--transport", transport) as reflector:
        sender = host.start("rtt", B4, *RUN, "--transport", transport, "--store", store, "--json", "-",
                            namespace=host.a)
        wait_for(lambda: rows_so_far(store) > 100, "the first rows")
        with (sender if side == "sender" else reflector).stopped():
            time.sleep(STOP_S)
        document = check_contract(sender.wait().expect(0).json())
    probes = document["probes"]
    check(probes["received"] == probes["sent"] > 1000, f"every probe is answered: {probes}")
    return document


def in_kind(document, *kinds):
    found = [row for row in document["segments"] if row["kind"] in kinds and row["count"] > 0]
    check(found, f"no segment of {kinds}")
    return found


def at_the_application(row):
    """One end is taken by the program itself, so that its scheduling is in it."""
    return {row["from"]["point"], row["to"]["point"]} & {"app_tx", "app_rx"}


def check_quiet(document, *kinds):
    """No packet took that long in the kernels or between them. A program may miss its turn on a busy machine:
    of the segments that end at one, a hundredth is not looked at."""
    for row in in_kind(document, *kinds):
        figure = "p99" if at_the_application(row) else "max"
        check(row[figure] < NOT_STOPPED, f"{row['kind']} {row['name']} has a {figure} of {row[figure]} ns")


def check_stopped_sender(document, transport):
    # The first probe that is late past the limit is sent, with its lateness; the others are counted.
    for series in ("send_error_ns", "rtt_intended_ns"):
        check(document[series]["max"] > STOPPED, f"{transport}: {series} is {document[series]}")
    check(document["probes"]["skipped"] > 100, f"probes that were not sent: {document['probes']}")
    # At most one probe was under way when it stopped, and waited in its socket.
    check_quiet(document, *BETWEEN_HOSTS)
    check_quiet(document, "sender_tx", "sender_rx", "reflector_rx", "residence", "reflector_tx")
    for view, figures in document["rtt_ns"].items():
        check(figures is None or figures["p99"] < NOT_STOPPED, f"{transport}: rtt {view} {figures}")


def check_stopped_reflector(document, transport):
    # Requests waited in its socket for it to run again: more than a hundredth of all. The one that
    # it held when it was stopped is in its residence.
    received = next(row for row in in_kind(document, "reflector_rx")
                    if row["to"]["point"] == "app_rx")
    check(received["max"] > STOPPED, f"{transport}: {received}")
    check(received["p99"] > NOT_STOPPED, f"{transport}: {received}")
    check(document["rtt_ns"]["app"]["p99"] > NOT_STOPPED, f"{transport}: {document['rtt_ns']['app']}")
    check_quiet(document, *BETWEEN_HOSTS)
    check_quiet(document, "sender_tx", "sender_rx", "residence")
    for row in in_kind(document, "reflector_rx"):
        check(row is received or row["max"] < NOT_STOPPED, f"{transport}: {row}")
    # A batch of at most 32, stamped and not yet with the kernel, could show here, and would belong here.
    for row in in_kind(document, "reflector_tx"):
        figure = "p90" if at_the_application(row) else "max"
        check(row[figure] < NOT_STOPPED, f"{transport}: {row}")
    # The stop is not the sender's: it kept its schedule, and the net round trip does not have it.
    check(document["send_error_ns"]["p99"] < NOT_STOPPED, f"{transport}: {document['send_error_ns']}")
    net = document["net_rtt_ns"]["kernel"]
    check(net is not None and net["max"] < NOT_STOPPED, f"{transport}: net RTT {net}")


def in_one_of_three(judge, side, host, transport):
    """A machine may stop the other side as well for a while; a fault of the tool is in every run."""
    for left in (2, 1, 0):
        document = run_with_a_stop(host, transport, side)
        try:
            return judge(document, transport)
        except Failure:
            if left == 0:
                raise


def test_a_stopped_sender_shows_in_the_intended_times_only(host):
    for transport in ("io_uring", "syscall"):
        in_one_of_three(check_stopped_sender, "sender", host, transport)


def test_a_stopped_reflector_shows_in_its_application_only(host):
    for transport in ("io_uring", "syscall"):
        in_one_of_three(check_stopped_reflector, "reflector", host, transport)


if __name__ == "__main__":
    lab.main(globals())
