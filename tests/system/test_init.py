# SPDX-License-Identifier: BSD-3-Clause
"""lamina-init as pid 1 of its own namespaces, with the real FRR and the real agent.

The forwarding plane is a small script here that answers as lamina-fp does: what is tested is who
starts, restarts and ends whom. The real one is tested with whole nodes.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/rel/bin"

# Answers fp.sock, listens for FPM, and notes in FPLOG what it got on descriptor 3.
STUB_FP = r'''#!/usr/bin/python3
import array, json, os, signal, socket, threading, time
log = open("/run/lamina/fp.log", "a", buffering=1)
log.write("start %d fds %s\n" % (os.getpid(), sorted(int(f) for f in os.listdir("/proc/self/fd"))[:5]))
if os.path.exists("/run/lamina/fp.absent"):
    os._exit(3)
taps = socket.socket(fileno=3)
held = []
while True:
    data, anc, _, _ = taps.recvmsg(4096, socket.CMSG_SPACE(16))
    for _, _, fds in anc:
        held += list(array.array("i", fds))
    log.write("msg %s fds %d\n" % (data.decode(), len(anc)))
    if json.loads(data).get("end"):
        break
fpm = socket.socket()
fpm.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
fpm.bind(("127.0.0.1", 2620)); fpm.listen(1)
def sink():
    while True:
        c, _ = fpm.accept()
        log.write("fpm connected\n")
        while c.recv(65536):
            pass
threading.Thread(target=sink, daemon=True).start()
path = "/run/lamina/int/fp.sock"
if os.path.exists(path):
    os.unlink(path)
s = socket.socket(socket.AF_UNIX)
s.bind(path); s.listen(8)
while True:
    c, _ = s.accept()
    f = c.makefile("rw")
    for line in f:
        q = json.loads(line)
        r = {"ready": True} if q["method"] == "status" else {"asked": q["method"], "params": q.get("params")}
        f.write(json.dumps({"jsonrpc": "2.0", "id": q["id"], "result": r}) + "\n"); f.flush()
'''

PROLOGUE = r'''
set -e
for d in /run /etc/frr /var/tmp /opt; do mount -t tmpfs -o mode=755 lmcp $d; done
chmod 1777 /var/tmp
mkdir -p /opt/lamina/bin /run/lamina/conf /run/lamina/ctl
mount --bind "$1/bin" /opt/lamina/bin
cp "$1/sliver.json" /run/lamina/conf/sliver.json
for f in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding; do echo 1 > $f; done
exec /opt/lamina/bin/lamina-init
'''


def wait_for(what, cond, seconds):
    """Poll cond() until it is true; its value. Fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def without_ids(routes):
    """`ip route` output without the kernel's next-hop ids, which a new zebra numbers anew."""
    return sorted(re.sub(r"nhid \d+ ", "", line) for line in routes.splitlines())


class Sliver:
    """One lamina-init in namespaces of its own."""

    def __init__(self, conf):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="lmcp-"))
        (self.dir / "bin").mkdir()
        for name in ("lamina-init", "lamina-agent"):
            shutil.copy(BIN / name, self.dir / "bin" / name)
        stub = self.dir / "bin/lamina-fp"
        stub.write_text(STUB_FP)
        stub.chmod(0o755)
        (self.dir / "sliver.json").write_text(json.dumps(conf))
        self.log = self.dir / "console.log"
        with open(self.log, "wb") as log:
            self.outer = subprocess.Popen(
                ["unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c",
                 PROLOGUE, "sh", str(self.dir)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = wait_for("pid 1 of the sliver", self._child, 5)

    def _child(self):
        out = subprocess.run(["pgrep", "-P", str(self.outer.pid)], capture_output=True, text=True,
                             check=False).stdout.split()
        if not out and self.outer.poll() is not None:
            return -1  # it has ended already
        return int(out[0]) if out else None

    def run(self, *cmd, timeout=10):
        """Standard output of `cmd` inside."""
        return subprocess.run(["nsenter", "-t", str(self.pid), "-n", "-m", "-p", *cmd], text=True,
                              capture_output=True, timeout=timeout, check=False).stdout

    def path(self, p):
        """The path of sliver file `p` as seen from here."""
        return pathlib.Path(f"/proc/{self.pid}/root{p}")

    def call(self, sock, method, params=None):
        """JSON-RPC from outside: the whole reply."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            fd = os.open(self.path(sock), os.O_PATH)
            try:
                s.connect(f"/proc/self/fd/{fd}")
            finally:
                os.close(fd)
            req = {"jsonrpc": "2.0", "id": 1, "method": method}
            if params is not None:
                req["params"] = params
            s.sendall(json.dumps(req).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def status(self):
        """init.sock's status, {} while there is none."""
        try:
            return self.call("/run/lamina/int/init.sock", "status")["result"]
        except OSError:
            return {}

    def proc(self, name):
        """The status entry of process `name`."""
        return next((p for p in self.status().get("processes", []) if p["name"] == name), {})

    def wait_ready(self, seconds=10):
        """Until lamina-init says ready."""
        return wait_for(f"ready; {self.status()}; {self.log.read_text()}",
                        lambda: (st := self.status()).get("ready") and st, seconds)

    def kill(self, name, sig=signal.SIGKILL):
        """Kill process `name`; its pid inside the sliver."""
        pid = self.proc(name)["pid"]
        self.run("kill", f"-{int(sig)}", str(pid))
        return pid

    def wait_back(self, name, old, seconds):
        """Until `name` runs with another pid than `old`; how long it took."""
        start = time.monotonic()
        wait_for(f"{name} back", lambda: (p := self.proc(name)).get("state") == "running"
                 and p["pid"] not in (0, old), seconds)
        return time.monotonic() - start

    def vtysh(self, command):
        """Output of a vtysh command."""
        return self.run("timeout", "5", "vtysh", "-c", command)

    def close(self):
        """End it whatever its state, and remove its files."""
        if self.outer.poll() is None:
            self.outer.kill()
        self.outer.wait(10)
        shutil.rmtree(self.dir)


def conf(**over):
    """A vrouter with two interfaces and every routing daemon that a spec may ask for."""
    base = {
        "node": "n1", "slice": "a", "sliver": "r1", "slice_id": 7, "type": "vrouter",
        "fp": {"cpus": [0], "mode": "shared", "memory_mb": 64},
        "cp": {"daemons": ["zebra", "staticd", "ospfd", "ospf6d", "bgpd", "isisd"], "config":
               "hostname r1\ninterface eth0\n ip ospf area 0\n ip router isis 1\n isis circuit-type level-1\nexit\n"
               "router ospf\n ospf router-id 1.1.1.1\nexit\n"
               "router isis 1\n net 49.0001.1111.1111.1111.00\nexit\n"
               "router bgp 65001\n neighbor 10.0.1.2 remote-as 65002\nexit\n"
               "ip route 192.0.2.0/24 10.0.1.2\n"},
        "interfaces": [
            {"name": "eth0", "client_id": "r1:if0", "macs": ["02:4c:00:00:00:01", "02:4c:00:00:00:11"],
             "mtu": 1592, "plane": "fp", "header": "strip", "memif_id": 0, "promisc": False,
             "addresses": ["10.0.1.1/24", "2001:db8:1::1/64"]},
            {"name": "eth1", "client_id": "r1:if1", "macs": ["02:4c:00:00:00:02"],
             "mtu": 1492, "plane": "fp", "header": "strip", "memif_id": 1, "promisc": False,
             "addresses": ["10.0.2.1/31"]}]}
    base.update(over)
    return base


@pytest.fixture
def sliver():
    """Starts slivers; ends those that a test left."""
    made = []

    def start(c):
        made.append(Sliver(c))
        return made[-1]
    yield start
    for s in made:
        s.close()


def test_start_and_addresses(sliver):
    s = sliver(conf())
    st = s.wait_ready()
    assert st["config_errors"] == [] and st["waiting_for"] == []
    assert {p["name"] for p in st["processes"] if p["state"] == "running"} == {
        "lamina-fp", "lamina-agent", "zebra", "staticd", "ospfd", "ospf6d", "bgpd", "isisd"}
    links = {l["ifname"]: l for l in json.loads(s.run("ip", "-j", "-d", "addr"))}
    eth0, sub, eth1 = links["eth0"], links["eth0.1"], links["eth1"]
    assert (eth0["address"], eth0["mtu"]) == ("02:4c:00:00:00:01", 1592)
    assert (sub["address"], sub["mtu"]) == ("02:4c:00:00:00:11", 1592)
    assert eth1["mtu"] == 1492
    assert eth0["linkinfo"]["info_data"]["persist"]
    for link in (eth0, sub, eth1):
        assert {"UP", "LOWER_UP"} <= set(link["flags"])
    addrs = {(a["local"], a["prefixlen"]) for a in eth0["addr_info"]}
    assert {("10.0.1.1", 24), ("2001:db8:1::1", 64)} <= addrs
    assert not any(a.get("tentative") for a in eth0["addr_info"] if a["scope"] == "global")
    assert ("10.0.2.1", 31) in {(a["local"], a["prefixlen"]) for a in eth1["addr_info"]}
    assert "LOOPBACK,UP" in s.run("ip", "link", "show", "lo")
    # what the FP was given
    msgs = [l for l in s.path("/run/lamina/fp.log").read_text().splitlines() if l.startswith("msg")]
    assert msgs[0] == ('msg {"interface":"eth0","tap":"eth0","mac":"02:4c:00:00:00:01"} fds 1')
    assert '"tap":"eth0.1","mac":"02:4c:00:00:00:11"' in msgs[1].replace(" ", "")
    assert msgs[-1] == 'msg {"end":true} fds 0'
    run = s.vtysh("show running-config")
    for line in ("router bgp 65001", "ip ospf area 0", "fpm address 127.0.0.1",
                 "no fpm use-next-hop-groups", "ip route 192.0.2.0/24 10.0.1.2", "feff:ffff"):
        assert line in run
    wait_for("static route", lambda: "192.0.2.0/24" in s.run("ip", "route"), 5)
    wait_for("FPM connection", lambda: "fpm connected" in s.path("/run/lamina/fp.log").read_text(), 8)
    # write memory as an experimenter does it
    assert "[OK]" in s.vtysh("write memory")


def test_no_descriptor_leaks(sliver):
    s = sliver(conf())
    s.wait_ready()
    for p in s.status()["processes"]:
        fds = s.run("ls", "-l", f"/proc/{p['pid']}/fd")
        assert ("/dev/net/tun" in fds) == (p["name"] == "lamina-fp"), (p, fds)
    first = s.path("/run/lamina/fp.log").read_text().splitlines()[0]
    assert first.split("fds ")[1].startswith("[0, 1, 2, 3, ")
    agent = s.proc("lamina-agent")["pid"]
    status = s.run("cat", f"/proc/{agent}/status")
    assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_only_the_dead_come_back(sliver):
    s = sliver(conf())
    s.wait_ready()
    before = {p["name"]: p["pid"] for p in s.status()["processes"]}
    for name in ("ospfd", "bgpd", "lamina-agent", "lamina-fp"):
        old = s.kill(name)
        assert s.wait_back(name, old, 3) < 1.0
        assert s.proc(name)["last_exit"] == "signal 9"
        now = {p["name"]: p["pid"] for p in s.status()["processes"]}
        assert {n for n in now if now[n] != before[n]} == {name}
        before = now
    wait_for("ospfd configured again", lambda: "router ospf" in s.run(
        "timeout", "5", "vtysh", "-d", "ospfd", "-c", "show running-config"), 5)
    wait_for("bgpd configured again", lambda: "65002" in s.vtysh("show running-config"), 5)
    s.wait_ready()
    # crash buffers of dead daemons do not pile up
    left = [d for d in os.listdir(s.path("/var/tmp/frr")) if d.startswith("ospfd.")]
    assert left == [f"ospfd.{s.proc('ospfd')['pid']}"]
    # the TAPs never lost their carrier
    assert "NO-CARRIER" not in s.run("ip", "link")


def test_zebra_restart_keeps_routes(sliver):
    s = sliver(conf())
    s.wait_ready()
    wait_for("static route", lambda: "192.0.2.0/24" in s.run("ip", "route"), 5)
    table = s.run("ip", "route")
    old = s.kill("zebra")
    assert s.wait_back("zebra", old, 3) < 1.0

    def same():
        assert without_ids(s.run("ip", "route")) == without_ids(table), "the kernel lost a route"
        return "S>* 192.0.2.0/24 [1/0] via 10.0.1.2, eth0, weight 1" in s.vtysh("show ip route")
    # long before the 10 s after which a daemon by itself would look for zebra again
    wait_for("zebra's table as before", same, 5)
    assert "fpm address 127.0.0.1" in s.vtysh("show running-config")
    # every daemon still has its first connection, and is registered with the new zebra
    for name in ("static", "ospf", "ospf6", "bgp", "isis"):
        wait_for(name, lambda n=name: f"Client: {n}\n" in s.vtysh("show zebra client"), 5)
    # a second death while the state of the first is being given again
    old = s.kill("zebra")
    s.wait_back("zebra", old, 3)
    old = s.kill("zebra")
    s.wait_back("zebra", old, 3)
    wait_for("zebra's table as before", same, 5)
    # what a daemon says while there is no zebra is not lost
    s.kill("zebra")
    s.vtysh("configure terminal\nno ip route 192.0.2.0/24 10.0.1.2\nip route 192.0.3.0/24 10.0.1.2")
    wait_for("new route", lambda: "192.0.3.0/24" in s.run("ip", "route"), 5)
    wait_for("old route gone", lambda: "192.0.2.0/24" not in s.run("ip", "route"), 5)


def test_backoff_and_carrier(sliver):
    s = sliver(conf())
    s.wait_ready()
    s.path("/run/lamina/fp.absent").touch()
    s.kill("lamina-fp")
    absent = time.monotonic()
    wait_for("FP in back-off", lambda: s.proc("lamina-fp")["restarts"] >= 4, 5)
    assert not s.status()["ready"]
    assert "NO-CARRIER" not in s.run("ip", "link")
    wait_for("carrier down", lambda: s.run("ip", "link").count("NO-CARRIER") == 3, 14)
    assert time.monotonic() - absent > 9
    assert s.proc("lamina-fp")["restarts"] <= 10
    s.path("/run/lamina/fp.absent").unlink()
    wait_for("carrier up", lambda: "NO-CARRIER" not in s.run("ip", "link"), 8)
    s.wait_ready()


def test_bad_config_lines_are_named(sliver):
    s = sliver(conf(cp={"daemons": ["ospfd"], "config":
                        "interface eth0\n ip ospf area 0\n bogus words\nexit\nrouter ospf\n"}))
    st = s.wait_ready()
    assert len(st["config_errors"]) == 1
    assert "line 3" in st["config_errors"][0] and "bogus words" in st["config_errors"][0]
    assert "configuration: line 3" in s.log.read_text()
    assert "ip ospf area 0" in s.vtysh("show running-config")


def test_restart_and_end_by_request(sliver):
    s = sliver(conf(cp={"daemons": ["ospfd"], "config": ""}))
    s.wait_ready()
    old = s.proc("ospfd")["pid"]
    reply = s.call("/run/lamina/int/init.sock", "process.restart", {"name": "ospfd"})
    assert reply["result"] == {}
    assert s.wait_back("ospfd", old, 4) < 3
    reply = s.call("/run/lamina/int/init.sock", "process.restart", {"name": "sh"})
    assert "no process 'sh'" in reply["error"]["message"]
    # an orphan is reaped
    s.run("sh", "-c", "(sleep 0.2 &) ; exit 0")
    wait_for("no zombie", lambda: "Z" not in s.run("ps", "-eo", "stat="), 5)
    s.run("kill", "-TERM", "1")
    start = time.monotonic()
    assert s.outer.wait(8) == 0
    assert time.monotonic() - start < 6
    text = s.log.read_text()
    assert "ending the sliver" in text and "lamina-init: " not in text.split("ending the sliver")[1]


def test_agent(sliver):
    s = sliver(conf())
    s.wait_ready()
    sock = "/run/lamina/ctl/agent.sock"
    wait_for("agent.sock", lambda: s.path(sock).exists(), 3)
    st = s.call(sock, "status")["result"]
    assert (st["slice"], st["sliver"], st["ready"], st["fp"]) == ("a", "r1", True, {"ready": True})
    assert any(p["name"] == "zebra" for p in st["init"]["processes"])
    assert s.call(sock, "fib", {"family": 4, "limit": 5})["result"] == {
        "asked": "fib", "params": {"family": 4, "limit": 5}}
    assert s.call(sock, "counters")["result"]["asked"] == "counters"
    show = s.call(sock, "show", {"command": "show ip route json"})["result"]
    assert "10.0.1.0/24" in json.loads(show["output"]) and not show["truncated"]
    assert "only commands" in s.call(sock, "show", {"command": "conf t"})["error"]["message"]
    assert "control character" in s.call(
        sock, "show", {"command": "show version\nconf t"})["error"]["message"]
    # a daemon that hangs: an error in time, and the agent still answers
    pid = s.proc("ospfd")["pid"]
    s.run("kill", "-STOP", str(pid))
    start = time.monotonic()
    hung = threading.Thread(target=lambda: replies.append(s.call(
        sock, "show", {"command": "show ip ospf neighbor"})), daemon=True)
    replies = []
    hung.start()
    while hung.is_alive():
        asked = time.monotonic()
        assert s.call(sock, "status")["result"]["ready"]
        assert time.monotonic() - asked < 1.5
        time.sleep(0.2)
    assert "did not answer" in replies[0]["error"]["message"]
    assert 4 < time.monotonic() - start < 8
    assert s.call(sock, "status")["result"]["ready"]
    s.run("kill", "-CONT", str(pid))


def test_raw_sliver_waits_for_its_taps(sliver):
    c = conf(type="vrouter-raw")
    c["interfaces"] = [dict(c["interfaces"][0], plane="kernel", macs=["02:4c:00:00:00:09"])]
    s = sliver(c)
    wait_for("init.sock", lambda: s.status().get("waiting_for") == ["interface eth0"], 5)
    assert [p["name"] for p in s.status()["processes"]] == ["lamina-agent"]
    for _ in range(2):  # and again when the substrate made it anew
        s.run("ip", "tuntap", "add", "eth0", "mode", "tap")
        s.wait_ready(5)
        link = json.loads(s.run("ip", "-j", "addr", "show", "eth0"))[0]
        assert (link["address"], link["mtu"]) == ("02:4c:00:00:00:09", 1592)
        assert "10.0.1.1" in {a["local"] for a in link["addr_info"]}
        s.run("ip", "link", "del", "eth0")
        wait_for("gone", lambda: not s.status()["ready"], 5)


def test_bad_sliver_json(sliver):
    c = conf()
    c["interfaces"][1]["mtu"] = 3
    s = sliver(c)
    assert s.outer.wait(5) == 1
    assert s.log.read_text() == ("lamina-init: error: /run/lamina/conf/sliver.json: interfaces[1]: "
                                 "'mtu' must be a number from 68 to 65535\n")
