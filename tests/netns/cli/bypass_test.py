#!/usr/bin/env python3
"""Past the kernel's stack: AF_XDP on either end, the reflector as an XDP program, and what they leave behind."""

import signal

import lab
from contract import check_contract, check_coverage, check_sum_of_segments, points, working
from lab import A4, B4, B6, IF_A, IF_B, check, contains, equal, wait_for

BYPASSED = ["tx_sched", "tc_egress", "net_dev_start_xmit", "tx_software", "rx_software", "tc_ingress",
            "socket_delivery", "skb_copy_datagram_iovec"]
PAST_THE_STACK = {"app_tx", "tx_completion", "xdp_rx", "app_rx"}
COUNT = 250  # an AF_XDP reflector that gets no CPU for a while has room for 512, a veth's ring for 256
RUN = ["--count", str(COUNT), "--interval", "200us"]
AF_XDP = ["--transport", "af_xdp"]


def xdp_programs(host, namespace, device):
    text = host.sh("ip", "-n", namespace, "-d", "link", "show", device)
    return "prog/xdp" in text


def nothing_left(host):
    for namespace, device in ((host.a, IF_A), (host.b, IF_B)):
        wait_for(lambda: not xdp_programs(host, namespace, device), f"no XDP program on {device}", 5)


def check_bypass(document, side):
    """What it bypasses is not on its path: neither zero nor missing."""
    equal(working(document, side), PAST_THE_STACK, f"points of the {side}")
    for name in BYPASSED:
        row = points(document, side)[name]
        equal((row["status"], row["requested"], row["missing"]), ("not_on_path", 0, {}), f"{side} {name}")


def test_af_xdp_on_both_ends(host):
    for target in (B4, f"[{B6}]"):
        for mode in ("copy", "skb"):
            with host.reflector(*AF_XDP, "--xdp-mode", mode, "--listen", target):
                document = check_contract(host.rtt(target, *RUN, *AF_XDP, "--xdp-mode", mode), sent=COUNT)
            equal(document["probes"]["received"], COUNT, f"answers over {mode} from {target}")
            equal(document["run"]["transport"], "af_xdp", "transport")
            contains(document["environment"]["transport"], "SKB" if mode == "skb" else "native", "mode")
            check_bypass(document, "sender")
            check_bypass(document, "reflector")
            check_coverage(document)
            check_sum_of_segments(document)
            nothing_left(host)


def test_one_end_past_the_stack(host):
    with host.reflector("--transport", "io_uring"):
        document = check_contract(host.rtt(B4, *RUN, *AF_XDP), sent=COUNT)
    check_bypass(document, "sender")
    check("rx_software" in working(document, "reflector"), "the reflector's stack is measured")
    equal(points(document, "reflector")["xdp_rx"]["status"], "not_on_path", "xdp_rx of a socket")
    with host.reflector(*AF_XDP):
        document = check_contract(host.rtt(B4, *RUN), sent=COUNT)
    check_bypass(document, "reflector")
    check("tx_software" in working(document, "sender"), "the sender's stack is measured")


def test_authenticated(host):
    key = host.write("key", "a key of some length\n", mode=0o600)
    with host.reflector(*AF_XDP, "--auth-key-file", key):
        document = check_contract(host.rtt(B4, *RUN, *AF_XDP, "--auth-key-file", key), sent=COUNT)
    equal(document["probes"]["received"], COUNT, "answers")
    check_bypass(document, "reflector")


def test_the_reflector_as_an_xdp_program(host):
    for options, sender in ((["--xdp-mode", "skb"], []), (["--xdp-mode", "copy"], AF_XDP), ([], AF_XDP)):
        for target in (B4, f"[{B6}]"):
            with host.reflector("--mode", "xdp", *options, "--listen", target) as process:
                document = check_contract(host.rtt(target, *RUN, *sender), sent=COUNT)
                result = process.stop().expect(0)
            equal(document["probes"]["received"], COUNT, f"answers to {sender} {options}")
            equal(working(document, "reflector"), {"xdp_rx", "xdp_tx"}, "points of the program")
            equal(points(document, "reflector")["app_rx"]["status"], "not_on_path", "its application")
            check_coverage(document)
            check_sum_of_segments(document)
            contains(document["environment"]["reflector"], "XDP program", "what answers")
            received, answered = (int(result.out.split()[i]) for i in (1, 3))
            equal(received, answered, "received and answered")
            check(answered >= COUNT, f"answered {answered}")
            nothing_left(host)


def test_the_xdp_reflector_keeps_its_limits(host):
    with host.reflector("--mode", "xdp", "--allow", "198.18.99.0/24") as process:
        contains(host.rtt(B4, status=1).err, "no answer", "to a stranger")
        contains(process.stop().out, "not_allowed", "counters")
    key = host.write("key", "a key of some length\n", mode=0o600)
    refused = host.netobs("reflect", "--mode", "xdp", "--auth-key-file", key, namespace=host.b)
    contains(refused.expect(2).err, "HMAC", "authenticated mode")


def test_another_program_is_not_replaced_unless_forced(host):
    with host.reflector("--mode", "xdp", "--xdp-mode", "skb") as process:
        # Held by a living process: not even by force.
        for force in ([], ["--force"]):
            refused = host.netobs("reflect", "--listen", f"{B4}:8620", *AF_XDP, *force, namespace=host.b)
            contains(refused.expect(5).err, "reflect", "the name of the program there")
        equal(host.rtt(B4, *RUN)["probes"]["received"], COUNT, "it still answers")
        process.stop()
    nothing_left(host)


def test_nothing_stays_behind_a_killed_program(host):
    for options in (["--mode", "xdp"], AF_XDP):
        process = host.start("reflect", *options, namespace=host.b).wait_until("answering on")
        check(xdp_programs(host, host.b, IF_B), "attached")
        process.send(signal.SIGKILL).wait()
        nothing_left(host)
        # The port and the queue are free again.
        with host.reflector(*options):
            pass


def test_errors_say_what_to_do(host):
    silent = host.rtt("198.18.7.3", *AF_XDP, status=1)
    check("route" in silent.err or "neighbour" in silent.err, silent.err)
    contains(host.rtt(B4, *AF_XDP, "--xdp-mode", "zero-copy", status=1).err, "zero-copy", "no driver has it here")
    with host.reflector():
        whole = host.rtt(B4, "--size", "1472", "--count", "100", *AF_XDP)
        equal(whole["probes"]["received"], 100, "probes that just fit")
        too_long = host.rtt(B4, "--size", "1473", "--count", "100", *AF_XDP, status=1)
        contains(too_long.err, "--size 1472", "the largest that fits")
        equal(host.rtt(B4, "--transport", "af_xdp", "--layers", "app,xdp", "--count", "50")["probes"]["received"],
              50, "layers by name")
    refused = host.rtt(B4, *AF_XDP, status=1)
    contains(refused.err, "refused", "a closed port, by ICMP past the program")


def test_transports_side_by_side(host):
    with host.reflector():
        result = host.netobs("rtt", B4, "--compare-transports", "--rounds", "6", "--count", "100", "--json",
                             host.path("out.json"), namespace=host.a).expect(0)
        contains(result.out, "what the kernel's network stack costs", "the table")
        document = host.netobs("rtt", B4, "--compare-transports", "--rounds", "6", "--count", "100", "--json", "-",
                               namespace=host.a).expect(0).json()
    equal(document["schema"], "netobs.transports/1", "schema")
    equal([row["name"] for row in document["transports"]], ["syscall", "io_uring", "af_xdp"], "transports")
    for row in document["transports"]:
        equal((row["sent"], row["lost"], row["violations"], row["failure"]), (600, 0, 0, None), row["name"])
        equal(len(row["block_p50_ns"]), 6, "blocks")
        check(row["rtt_p50_ci95_ns"][0] <= row["rtt_p50_ns"] <= row["rtt_p50_ci95_ns"][1], str(row))
        if row["name"] != "af_xdp":
            check(row["over_af_xdp_ci95_ns"] is not None, str(row))
            check(row["reflector_stack_p50_ns"] > 0, str(row))


def test_the_stack_beside_it_goes_on(host):
    """Other traffic of the interface passes the program."""
    with host.reflector(*AF_XDP):
        run = host.start("rtt", B4, *AF_XDP, "--duration", "3s", "--no-store", namespace=host.a)
        with host.udp(host.a, A4) as here, host.udp(host.b, B4, 8621) as there:
            for number in range(500):
                here.sendto(b"%d" % number, (B4, 8621))
                text, peer = there.recvfrom(100)
                there.sendto(text, peer)
                equal(here.recv(100), b"%d" % number, "a datagram of another program")
        run.wait().expect(0)


lab.main(globals())
