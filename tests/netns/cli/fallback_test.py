#!/usr/bin/env python3
"""Kernels that lack a feature, and users that lack a privilege: the fallback measures, or says why not."""

import itertools
import os
import shutil

import lab
from contract import check_contract, check_coverage, points, working
from lab import B4, B6, Skip, check, contains, equal

KERNEL = {"tx_sched", "tx_software", "rx_software"}
TC = {"tc_egress", "tc_ingress"}
SOME = ["--count", "200", "--interval", "500us"]
FEATURES = ["scm_ts_opt_id", "uring_tx_timestamp", "multishot", "tcx", "tai_clock", "btf"]


def everything(host, *args):
    """A run with every classic layer of both hosts complete."""
    document = check_contract(host.rtt(B4, *SOME, *args), sent=200)
    equal(document["probes"]["received"], 200, f"answers, {args}")
    for side in ("sender", "reflector"):
        check(working(document, side) >= KERNEL | TC | {"app_tx", "app_rx"},
              f"{args}: {side} has {sorted(working(document, side))}")
    check_coverage(document, least=0.99)
    return document


def test_sender_without(host):
    sets = [[feature] for feature in FEATURES]
    sets += [["tcx", "tai_clock"], ["scm_ts_opt_id", "uring_tx_timestamp", "multishot"], FEATURES]
    with host.reflector():
        for transport, features in itertools.product(("io_uring", "syscall"), sets):
            without = ["--without", ",".join(features)]
            document = everything(host, "--transport", transport, *without)
            hooks = document["environment"]["hooks"]
            if "tcx" in features:
                contains(hooks, "clsact", f"hooks {without}")
            if "btf" in features:
                equal(points(document, "sender")["net_dev_start_xmit"]["status"], "unsupported",
                      "a tracepoint without BTF")


def test_reflector_without(host):
    for features in (["tcx"], ["tai_clock"], ["btf"], ["scm_ts_opt_id"],
                     ["uring_tx_timestamp", "multishot"], FEATURES):
        for transport in ("io_uring", "syscall"):
            with host.reflector("--without", ",".join(features), "--transport", transport):
                everything(host)


def test_doctor_names_the_missing_feature(host):
    found = host.netobs("doctor", "--json", "--without", "btf").expect(0).json()
    row = next(row for row in found["points"]
               if (row["host"], row["point"]) == ("sender", "net_dev_start_xmit"))
    check(not row["works"], str(row))
    contains((row["how"] + row["remedy"]).lower(), "btf", "why")
    refused = host.netobs("demo", "--without", "btf", "--layers", "trace", "--no-store",
                          "--count", "10").expect(5)
    contains(refused.err, "BTF", "a named layer whose feature is missing")


def as_nobody():
    if not shutil.which("setpriv"):
        raise Skip("needs setpriv (package util-linux)")
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all"]


def test_sender_without_privilege(host):
    nobody = as_nobody()
    os.chmod(host.work, 0o755)
    binary = host.path("netobs-copy")  # the build folder may be closed to others
    shutil.copy(host.binary, binary)
    os.chmod(binary, 0o755)

    def run(*args):
        process = host.spawn([binary, *args], namespace=host.a, wrap=nobody)
        return process.wait()

    with host.reflector():
        for target in (B4, B6):
            for transport in ("io_uring", "syscall"):
                document = check_contract(run("rtt", target, *SOME, "--no-store", "--json", "-",
                                              "--transport", transport).expect(0).json(), sent=200)
                check_coverage(document, least=0.99)
                equal(document["probes"]["received"], 200, "answers to nobody")
                equal(working(document, "sender"), {"app_tx", "app_rx"} | KERNEL, "nobody's points")
                check(working(document, "reflector") >= KERNEL | TC, "the reflector is root")
        text = run("rtt", B4, *SOME, "--no-store").expect(0)
        contains(text.out, "Operation not permitted", "why tc is missing")
        refused = run("rtt", B4, *SOME, "--no-store", "--layers", "tc").expect(5)
        contains(refused.err, "CAP_BPF", "remedy")
        contains(refused.err, "sudo", "remedy")
        nowhere = run("rtt", B4, *SOME)  # the store would be in root's folder
        equal((nowhere.status, nowhere.out), (1, ""), "a store that nobody may write")
        contains(nowhere.err, "netobs.db", "a store that nobody may write")
    demo = run("demo", "--no-store").expect(1)
    contains(demo.err, "sudo", "demo for nobody")


def test_program_with_capabilities(host):
    """As in a container: a user without any, and a program file that may have those that are allowed at all."""
    if not shutil.which("setpriv") or not shutil.which("setcap"):
        raise Skip("needs setpriv (package util-linux) and setcap (package libcap2-bin)")
    os.chmod(host.work, 0o755)
    binary = host.path("netobs-capable")
    shutil.copy(host.binary, binary)
    os.chmod(binary, 0o755)
    host.sh("setcap", "cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon,cap_sys_admin,cap_sys_resource+p", binary)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
    with host.reflector():
        complete = check_contract(host.rtt(B4, *SOME), sent=200)
        for bounds, lost in ((["--bounding-set=-sys_admin,-sys_resource"], set()),
                             (["--bounding-set=-all,+net_admin"], TC | {"socket_delivery", "net_dev_start_xmit"})):
            process = host.spawn([binary, "rtt", B4, *SOME, "--no-store", "--json", "-"], namespace=host.a,
                                 wrap=[*user, *bounds])
            document = check_contract(process.wait().expect(0).json(), sent=200)
            equal(working(document, "sender"), working(complete, "sender") - lost, f"points with {bounds}")


def test_sender_without_one_capability(host):
    """Root in all but one: what needs it is missing and says why, what does not is complete."""
    if not shutil.which("setpriv"):
        raise Skip("needs setpriv (package util-linux)")
    socket_layer, trace = {"socket_delivery"}, {"net_dev_start_xmit"}
    with host.reflector():
        complete = check_contract(host.rtt(B4, *SOME), sent=200)
        for capability, lost, kept in (("net_admin", TC, socket_layer | trace),
                                       ("perfmon", trace, TC | socket_layer),
                                       ("bpf", TC | socket_layer | trace, set())):
            # CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON.
            without = ["setpriv", f"--bounding-set=-{capability},-sys_admin"]
            document = check_contract(host.rtt(B4, *SOME, wrap=without), sent=200)
            equal(document["probes"]["received"], 200, f"answers without {capability}")
            check_coverage(document, least=0.99)
            on, before = working(document, "sender"), working(complete, "sender")
            equal(on & lost, set(), f"points without {capability}")
            check(on >= (kept & before) | KERNEL | {"app_tx", "app_rx"}, f"without {capability}: {sorted(on)}")
            for name in lost & before:
                equal(points(document, "sender")[name]["status"], "unsupported", f"{name} without {capability}")
            equal(working(document, "reflector"), working(complete, "reflector"), "the reflector's points")
            if TC <= lost:
                equal(document["rtt_ns"]["tc"], None, f"the tc round trip without {capability}")
            if not lost & before:
                continue  # the kernel lacks it for another reason
            layer = "trace" if lost == trace else "tc"
            refused = host.rtt(B4, *SOME, "--layers", layer, status=5, wrap=without)
            contains(refused.err, f"CAP_{capability.upper()}", "what is needed")


def test_reflector_without_privilege(host):
    nobody = as_nobody()
    binary = host.path("netobs-copy2")
    shutil.copy(host.binary, binary)
    os.chmod(host.work, 0o755)
    process = host.spawn([binary, "reflect", "--listen", ":8620"], namespace=host.b, wrap=nobody)
    contains(process.wait_until("answering on").output()[1], "CAP_BPF", "why without tc")
    document = check_contract(host.rtt(f"{B4}:8620", *SOME), sent=200)
    equal(working(document, "reflector"), {"app_tx", "app_rx"} | KERNEL, "reflector's points")
    check(working(document, "sender") >= TC, "the sender is root")
    check_coverage(document, least=0.99)
    process.stop().expect(0)
    named = host.spawn([binary, "reflect", "--listen", ":8620", "--layers", "tc"], namespace=host.b,
                       wrap=nobody).wait()
    equal(named.status, 5, f"tc by name: {named.err}")
    low = host.spawn([binary, "reflect"], namespace=host.b, wrap=nobody).wait()
    equal(low.status, 1, f"port 862 for nobody: {low.err}")
    contains(low.err, "862", "port 862 for nobody")


if __name__ == "__main__":
    lab.main(globals())
