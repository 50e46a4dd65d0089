# SPDX-License-Identifier: BSD-3-Clause
"""A node among enemies: hostile slivers, other users of the machine, deaths in the middle of things."""

import glob
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from test_lamina import CONFIG, pair, refused
from testbed import LAMINA, Testbed, await_clean, leftovers, poll, processes_of, run

NODE = "lmf1"
RUNDIR = pathlib.Path("/run/lamina") / NODE

# Runs in a sliver as its root: takes the agent's place and answers everybody with argv[1].
EVIL_AGENT = r"""
import json, os, socket, sys
path = "/run/lamina/ctl/agent.sock"
kind = sys.argv[1]
os.unlink(path)
if kind == "fifo":
    os.mkfifo(path); os._exit(0)
if kind == "link":
    os.symlink("/run/lamina/NODE/slicemgr.sock", path); os._exit(0)
s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(64)
if os.fork():
    os._exit(0)
for fd in range(3):
    os.dup2(os.open("/dev/null", os.O_RDWR), fd)
evil = "\x1b]0;evil\x07\u009b31m" + "\u00e9" * 90
ok = {"ready": True, "init": {"processes": [{"name": evil, "state": evil, "last_exit": evil, "pid": 1, "restarts": 2**62}
                                           for _ in range(99)]}, "fp": {"fpm": {"connected": True, "routes": -1}}}
many = {"drops": {"\x1b[31m%d" % i: i for i in range(20000)}, "punts": {"p%d" % i: i for i in range(20000)},
        "interfaces": {"e%d" % i: {"rx_pkts": 7} for i in range(9000)}}
def line(what):
    return (json.dumps({"jsonrpc": "2.0", "id": 1, "result": what}) + "\n").encode()
while True:
    c, _ = s.accept()
    try:
        method = json.loads(c.makefile().readline())["method"]
        if kind == "deep": c.sendall(b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 1000000 + b"\n")
        elif kind == "error": c.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": evil * 9}}, ensure_ascii=False).encode() + b"\n")
        elif kind == "endless":
            while True: c.sendall(b"x" * 65536)
        elif kind == "lies": c.sendall(line(many if method == "counters" else ok))
        elif kind == "slow": c.sendall(b"{"); continue
        elif kind == "null": c.sendall(b"\0\xff\xfe\n")
    except OSError:
        pass
    c.close()
"""


@pytest.fixture(scope="module")
def bed():
    with Testbed("lmf") as testbed:
        node_ns = testbed.netns("n1")
        testbed.trunk("n1", "east", "far", "west")
        testbed.wire("n1", "h1", "host", "eth0")
        testbed.quiet("n1", "h1")
        node = testbed.node(NODE, CONFIG.format(name=NODE, netns=node_ns.name), netns="n1")
        node.up()
        yield testbed
    await_clean("lmf", [NODE])


@pytest.fixture
def node(bed):
    """The node, up, with no slice but what the test makes; no zombie is left at the end."""
    lamina_node = bed.nodes[NODE]
    yield lamina_node
    for entry in lamina_node.inspect()["slices"]:
        lamina_node.lamina("destroy", entry["name"])
    assert zombies() == []


def slicemgr_pid():
    return int((RUNDIR / "slicemgr.pid").read_text())


def zombies():
    """Ended children that the slice manager has not reaped."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            words = pathlib.Path(path).read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if words[0] == "Z" and int(words[1]) == slicemgr_pid():
            found.append(path)
    return found


def things(node):
    """All that a half-made slice could leave."""
    return {
        "files": sorted(str(p) for p in RUNDIR.rglob("*") if p.suffix != ".log"),
        "cgroups": sorted(glob.glob(f"/sys/fs/cgroup/**/lamina/{NODE}/**", recursive=True)),
        "vifs": sorted(node.counters()["vifs"]),
        "uids": sorted(p.name for p in pathlib.Path("/run/lamina").glob(".uids/*")
                       if f"/{NODE}/" in p.read_text(errors="replace")),
        "slices": [s["name"] for s in node.inspect()["slices"]],
        "mounts": [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if f"/{NODE}/" in line],
        "containers": [line for _, line, cgroup in processes_of(NODE) if f"/lamina/{NODE}/" in cgroup],
    }


def start(*args):
    return subprocess.Popen([LAMINA, "-n", NODE, *map(str, args)], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def outcome(proc):
    """(exit code, standard error) of what start() started; a failure is one plain line."""
    out, err = proc.communicate(timeout=60)
    if proc.returncode != 0:
        assert proc.returncode == 1 and out == "", (proc.returncode, out, err)
        assert err.startswith("lamina: ") and err.count("\n") == 1, err
    return proc.returncode, err


def take_agents_place(node, sliver, kind):
    run([LAMINA, "-n", NODE, "exec", sliver, "--", "/usr/bin/python3", "-c", EVIL_AGENT.replace("NODE", NODE), kind],
        timeout=10)


@pytest.mark.parametrize("kind", ["lies", "deep", "error", "endless", "slow", "null", "fifo", "link"])
def test_hostile_agent(bed, node, kind):
    node.lamina("apply", "-t", bed.file("request.xml", pair()))
    take_agents_place(node, "a/r1", kind)
    for command in (["inspect"], ["inspect", "--format", "json"], ["counters"], ["counters", "--format", "json"]):
        begin = time.monotonic()
        text = node.lamina(*command).stdout
        assert time.monotonic() - begin < 4, command
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), command
        assert len(text) < 1 << 20
    # the other sliver's part is all there
    slivers = {s["name"]: s for s in node.inspect("a")["slices"][0]["slivers"]}
    assert {p["name"] for p in slivers["r2"]["processes"]} >= {"lamina-fp", "zebra"}
    assert "drops" in node.counters()["sliver_reported"]["a/r2"]
    assert len(slivers["r1"].get("processes", [])) <= 16
    if kind not in ("lies",):
        assert "processes" not in slivers["r1"]
    begin = time.monotonic()
    node.lamina("destroy", "a")
    assert time.monotonic() - begin < 10


def test_terminal_never_goes_in(bed, node):
    node.lamina("apply", "-t", bed.file("request.xml", pair()))
    outer, inner = os.openpty()
    try:
        # standard output is a terminal, standard input is not
        done = subprocess.run([LAMINA, "-n", NODE, "exec", "a/r1", "--", "ls", "-l", "/proc/self/fd/"], check=True,
                              stdin=subprocess.DEVNULL, stdout=inner, stderr=inner, timeout=20)
        assert done.returncode == 0
        text = os.read(outer, 65536).decode()
        assert "1 -> pipe:" in text and "2 -> pipe:" in text and "/dev/pts" not in text and "socket:" not in text
        done = subprocess.run([LAMINA, "-n", NODE, "vtysh", "a/r1", "-c", "show version"], check=True,
                              stdin=inner, stdout=inner, stderr=inner, timeout=20)
        assert "FRRouting" in os.read(outer, 65536).decode()
    finally:
        os.close(outer)
        os.close(inner)


@pytest.mark.parametrize("daemon", ["zebra", "ospfd"])
def test_vtysh_names_who_is_stuck(bed, node, daemon):
    text = pair().replace("    <interface", '    <lm:cp daemons="ospfd"/>\n    <interface')
    node.lamina("apply", "-t", bed.file("request.xml", text))
    pid = node.lamina("exec", "a/r1", "--", "cat", f"/run/frr/{daemon}.pid").stdout.strip()
    node.lamina("exec", "a/r1", "--", "kill", "-STOP", pid)
    begin = time.monotonic()
    done = node.lamina("vtysh", "a/r1", "--timeout", "2", "-c", "show version", check=False, timeout=60)
    assert done.returncode == 1 and time.monotonic() - begin < 15
    assert f"lamina: a/r1: {daemon} (pid {pid}) does not answer on its vty; killed vtysh after 2 s" in done.stderr
    assert done.stderr.count("does not answer") == 1
    if daemon == "zebra":
        return
    # a sliver that hides its daemon's pid holds nobody up
    node.lamina("exec", "a/r1", "--", "sh", "-c", f": > /run/frr/{daemon}.pid")
    done = node.lamina("vtysh", "a/r1", "--timeout", "2", "-c", "show version", check=False, timeout=60)
    assert done.returncode == 1 and f"{daemon} (pid 0) does not answer" in done.stderr


def test_substrate_dies_during_apply(bed, node):
    before = things(node)
    for delay in (0, 0.05, 0.2):
        applying = start("apply", "-t", bed.file("request.xml", pair()))
        poll("its directory", (RUNDIR / "s" / "a" / "r1").exists, 5, every=0.002)
        time.sleep(delay)  # the moment of death is what varies
        os.kill(int((RUNDIR / "substrate.pid").read_text()), signal.SIGKILL)
        code, _ = outcome(applying)
        poll("the substrate is back", lambda: json.loads(node.lamina("node", "status", "--format", "json").stdout)
             ["state"] == "ready", 10)
        if code == 0:
            poll("ping", lambda: node.lamina("exec", "a/r1", "--", "ping", "-c1", "-W1", "10.0.0.2", check=False)
                 .returncode == 0, 10)
            node.lamina("destroy", "a")
        assert things(node) == before


def test_container_dies_during_apply(bed, node):
    before = things(node)
    applying = start("apply", "-t", bed.file("request.xml", pair()))
    pid_file = RUNDIR / "s" / "a" / "r1" / "bundle" / "pid"
    poll("its pid", lambda: pid_file.exists() and pid_file.read_text(), 5, every=0.002)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    code, err = outcome(applying)
    assert code == 1 and "a/r1: its container ended while it started" in err
    assert things(node) == before


def test_substrate_hangs(bed, node):
    before = things(node)
    node.lamina("apply", "-t", bed.file("request.xml", pair()))
    pid = int((RUNDIR / "substrate.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    assert "substrate_error" in node.inspect()
    # it cannot be told to drop the vifs: it is killed, and the next one never hears of them
    node.lamina("destroy", "a")
    poll("another substrate", lambda: "substrate_error" not in node.inspect(), 10)
    assert things(node) == before
    node.lamina("apply", "-t", bed.file("request.xml", pair()))


def test_two_at_once(bed, node):
    path = bed.file("request.xml", pair())
    first, second = start("apply", "-t", path), start("apply", "-t", path)
    (code1, err1), (code2, err2) = outcome(first), outcome(second)
    assert sorted((code1, code2)) == [0, 1] and "is on this node already" in err1 + err2
    node.lamina("destroy", "a")
    applying = start("apply", "-t", path)
    poll("its directory", (RUNDIR / "s" / "a").exists, 5, every=0.002)
    refused([LAMINA, "-n", NODE, "destroy", "a"], 1, ["slice a is applying"])
    assert outcome(applying)[0] == 0


def test_down_during_apply(bed, node):
    applying = start("apply", "-t", bed.file("request.xml", pair()))
    poll("its directory", (RUNDIR / "s" / "a").exists, 5, every=0.002)
    node.down()
    code, err = outcome(applying)
    assert code == 1 and f"node {NODE} goes down" in err
    assert leftovers("none", [NODE]) == []
    node.up()


def test_what_cannot_be_taken_away_is_told(bed, node):
    node.lamina("apply", "-t", bed.file("request.xml", pair()))
    uids = things(node)["uids"]
    # a mount in the bundle cannot be removed with it
    busy = RUNDIR / "s" / "a" / "r1" / "bundle" / "busy"
    busy.mkdir()
    run(["mount", "-t", "tmpfs", "lmf", busy])
    try:
        refused([LAMINA, "-n", NODE, "destroy", "a"], 1, ["a/r1 is gone but for this", "bundle"])
        # what is not all gone keeps its ids
        kept = things(node)["uids"]
        assert len(kept) == 1 and len(uids) == 2
        (pathlib.Path("/run/lamina/.uids") / kept[0]).unlink()
    finally:
        run(["umount", busy])


def test_odd_files(bed, node):
    before = things(node)
    for name, text, words in (("nul.xml", "<rspec\0/>", ["nul.xml", "octet 0"]),
                              ("empty.xml", "", ["empty.xml"]),
                              ("big.xml", "<!--" + "x" * (1 << 20) + "-->", ["big.xml", "too long"])):
        refused([LAMINA, "-n", NODE, "apply", "-t", bed.file(name, text)], 1, words)
    refused([LAMINA, "-n", NODE, "apply", "-t", bed.dir], 1, [str(bed.dir), "directory"])
    for name in ("../../etc", "..", "a/b", "a b", "x" * 20, "\x1b[31m", ""):
        refused([LAMINA, "-n", NODE, "apply", "-t", bed.file("request.xml", pair()), "--slice", name], 1, [])
        refused([LAMINA, "-n", NODE, "destroy", name], 1, ["no slice"])
    evil = pair().replace('client_id="r1"', 'client_id="../r1"').replace("r1:if0", "../r1:if0")
    refused([LAMINA, "-n", NODE, "apply", "-t", bed.file("request.xml", evil)], 1, ["request.xml:3: "])
    assert things(node) == before


def test_other_users_of_the_machine(bed, node):
    node.lamina("apply", "-t", bed.file("request.xml", pair()))
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    # who can open a file can lock it, and hold up every node
    for path in ("/run/lamina/.uids", "/run/lamina/.cgroup.lock", RUNDIR / "slicemgr.pid"):
        done = run([*nobody, "flock", "-n", path, "true"], check=False)
        assert done.returncode != 0 and "Permission denied" in done.stderr, path
    writable = run([*nobody, "find", "/run/lamina", "-writable", "!", "-type", "l"], check=False).stdout
    assert writable == ""
    sockets = [p for p in RUNDIR.rglob("*.sock")]
    assert len(sockets) >= 6
    for path in sockets:
        done = run([*nobody, "/usr/bin/python3", "-c",
                    "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])", path], check=False)
        assert "PermissionError" in done.stderr, path


def test_missing_port_after_restart(bed, node):
    def state():
        return json.loads(node.lamina("node", "status", "--format", "json").stdout)["state"]

    ns = bed.namespaces["n1"]
    for old, new, expect in (("h1", "gone", "degraded"), ("gone", "h1", "ready")):
        ns.ip("link", "set", old, "down")
        ns.ip("link", "set", old, "name", new)
        ns.ip("link", "set", new, "up")
        pid = int((RUNDIR / "substrate.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        poll(f"state {expect}", lambda p=pid, e=expect: int((RUNDIR / "substrate.pid").read_text()) != p and
             "substrate_error" not in node.inspect() and state() == e, 15)
        assert [p["name"] for p in node.inspect()["ports"]] == ["east"] + ["h1"] * (expect == "ready")


def test_caller_dies_and_odd_masks(bed, node):
    """A node whose `node up` was killed goes away; a mask of 0 makes no file that others may write."""
    config = bed.file("second.xml", CONFIG.format(name="lmf2", netns="lmf-n2"))
    config.write_text(re.sub(r"  <port.*\n", "", config.read_text()))
    bed.netns("n2")
    run([LAMINA, "node", "up", "-c", config], preexec_fn=lambda: os.umask(0))
    try:
        loose = run(["find", "/run/lamina/lmf2", "-perm", "-002", "!", "-type", "l"]).stdout
        assert loose == ""
    finally:
        run([LAMINA, "-n", "lmf2", "node", "down"])
    with subprocess.Popen([LAMINA, "node", "up", "-c", config]) as caller:
        poll("its run directory", pathlib.Path("/run/lamina/lmf2/slicemgr.pid").exists, 5, every=0.002)
        caller.kill()
    poll("its end", lambda: not leftovers("none", ["lmf2"]), 20)
    # not in a place that others could change
    home = bed.dir / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    text = config.read_text().replace('name="lmf2"', f'name="lmf2" rundir="{home}/run"')
    refused([LAMINA, "node", "up", "-c", bed.file("home.xml", text)], 1, ["home.xml: ", "others than root"])
    assert list(home.iterdir()) == []


def test_full_disk(bed):
    """Each step of an apply on a run directory with less and less room: a line, and nothing half-made."""
    small = bed.dir / "r"
    small.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "lmf", small])
    ns = bed.netns("n3")
    text = CONFIG.format(name="lmf3", netns=ns.name).replace('name="lmf3"', f'name="lmf3" rundir="{small}/d"')
    config = bed.file("small.xml", re.sub(r"  <port.*\n", "", text))
    try:
        run([LAMINA, "node", "up", "-c", config])
        lamina = [LAMINA, "-n", "lmf3"]
        path = bed.file("request.xml", pair())
        for kept in (0, 4, 16, 40, 64):
            before = sorted(str(p) for p in small.rglob("*") if p.suffix != ".log")
            room = os.statvfs(small)
            (small / "filler").write_bytes(b"x" * max(0, room.f_bavail * room.f_bsize - kept * 1024))
            done = run([*lamina, "apply", "-t", path], check=False)
            (small / "filler").unlink()
            if done.returncode == 0:
                run([*lamina, "destroy", "a"])
            else:
                assert done.returncode == 1 and done.stdout == "", done
                assert done.stderr.startswith("lamina: a/r") and done.stderr.count("\n") == 1, done
            assert sorted(str(p) for p in small.rglob("*") if p.suffix != ".log") == before, kept
            assert kept > 0 or done.returncode == 1
        run([*lamina, "apply", "-t", path])
        run([*lamina, "node", "down"])
        assert list(small.iterdir()) == [] and leftovers("none", ["lmf3"]) == []
    finally:
        run([LAMINA, "-n", "lmf3", "node", "down"], check=False)
        run(["umount", "-l", small], check=False)
