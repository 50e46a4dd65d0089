# SPDX-License-Identifier: BSD-3-Clause
"""The `lamina` command on a real node: its life cycle, its refusals (one line, nothing half-made), and deaths."""

import glob
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import time

import pytest

from testbed import BIN, LAMINA, Failed, Testbed, await_clean, poll, run

NODE = "lmt1"
RUNDIR = pathlib.Path("/run/lamina") / NODE

CONFIG = """<node xmlns="urn:lamina:node:1" name="{name}" netns="/run/netns/{netns}">
  <substrate cores="0" mode="sleep" memory-mb="96"/>
  <slivers cores="0-1" max="4" memory-mb="1536"/>
  <port name="east" devargs="net_af_packet_east,iface=east" mode="trunk" mtu="1600"/>
  <port name="h1" devargs="net_af_packet_h1,iface=h1" mode="access" mtu="1500"/>
</node>
"""

RSPEC = """<rspec type="request" xmlns="http://www.geni.net/resources/rspec/3" xmlns:lm="urn:lamina:rspec:vrouter:1">
  {slice}
{nodes}</rspec>
"""

ROUTER = """  <node client_id="{name}"><sliver_type name="{type}"/>
    {fp}
    <interface client_id="{name}:if0">{address}{attach}</interface>
  </node>
"""


EAST = '<lm:attach port="east"/>'


def router(name, attach=EAST, fp="", kind="vrouter", address=""):
    return ROUTER.format(name=name, type=kind, fp=fp, attach=attach, address=address)


def rspec(slice_id, nodes, name="a", extra=""):
    return RSPEC.format(slice=f'<lm:slice id="{slice_id}" name="{name}"/>', nodes=nodes + extra)


def pair(slice_id=7, name="a"):
    """Two routers joined by a patch vlink."""
    nodes = router("r1", "", address='<ip address="10.0.0.1" prefix="30"/>')
    nodes += router("r2", "", address='<ip address="10.0.0.2" prefix="30"/>')
    link = '  <link client_id="l1"><interface_ref client_id="r1:if0"/><interface_ref client_id="r2:if0"/></link>\n'
    return rspec(slice_id, nodes, name, link)


@pytest.fixture(scope="module")
def bed():
    with Testbed("lmt") as testbed:
        node_ns = testbed.netns("n1")
        testbed.trunk("n1", "east", "far", "west")
        testbed.wire("n1", "h1", "host", "eth0")
        testbed.quiet("n1", "h1")
        node = testbed.node(NODE, CONFIG.format(name=NODE, netns=node_ns.name), netns="n1")
        node.up()
        yield testbed
    await_clean("lmt", [NODE])


@pytest.fixture
def node(bed):
    """The node, up, with no slice but what the test makes."""
    lamina_node = bed.nodes[NODE]
    yield lamina_node
    for entry in lamina_node.inspect()["slices"]:
        lamina_node.lamina("destroy", entry["name"])


def refused(argv, code, words, **kwargs):
    """The command fails so, with one plain line."""
    done = run(argv, check=False, **kwargs)
    assert done.returncode == code, done
    assert done.stdout == ""
    assert done.stderr.startswith("lamina: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    return done


def things(node):
    """All that a half-made slice could leave: directories, cgroups, vifs, uid ranges, processes."""
    status = json.loads(node.lamina("counters", "--format", "json").stdout)
    return {
        "files": sorted(str(p) for p in RUNDIR.rglob("*") if p.suffix != ".log"),
        "cgroups": sorted(glob.glob(f"/sys/fs/cgroup/**/lamina/{NODE}/**", recursive=True)),
        "vifs": sorted(status["vifs"]),
        "uids": sorted(p.name for p in pathlib.Path("/run/lamina").glob(".uids/*")
                       if NODE in p.read_text(errors="replace")),
        "slices": [s["name"] for s in node.inspect()["slices"]],
    }


def apply(bed, node, text, **kwargs):
    return node.lamina("apply", "-t", bed.file("request.xml", text), **kwargs)


def refuse_spec(bed, node, text, words, *more):
    before = things(node)
    path = bed.file("request.xml", text)
    refused([LAMINA, "-n", NODE, "apply", "-t", path, *more], 1, words)
    assert things(node) == before


def test_apply_inspect_destroy(bed, node):
    before = things(node)
    begin = time.monotonic()
    manifest = apply(bed, node, pair()).stdout
    took = time.monotonic() - begin
    assert 'type="manifest"' in manifest and manifest.count("sliver_id=") == 2
    slivers = node.inspect("a")["slices"][0]["slivers"]
    assert [s["name"] for s in slivers] == ["r1", "r2"] and took < 20
    for sliver in slivers:
        assert sliver["state"] == "ready" and sliver["interfaces"][0]["up"]
        assert sliver["interfaces"][0]["macs"][0] in manifest
        assert {p["name"] for p in sliver["processes"]} >= {"lamina-fp", "zebra", "staticd"}
    poll("ping", lambda: node.lamina("exec", "a/r1", "--", "ping", "-c1", "-W1", "10.0.0.2", check=False)
         .returncode == 0, 10)
    assert node.counters()["vifs"]["a/r1/if0"]["tx_pkts"] > 0
    table = node.lamina("inspect").stdout
    assert "a/r1/if0" in table and "patch a/l1" in table and "\x1b" not in table
    assert "a/r1" in node.lamina("counters", "a").stdout
    node.lamina("destroy", "a")
    assert things(node) == before


def test_raw_sliver_has_its_interfaces(bed, node):
    apply(bed, node, rspec(9, router("x", '<lm:attach port="east" type="vif" vif="3"/>', kind="vrouter-raw")))
    out = node.lamina("exec", "a/x", "--", "ip", "-br", "link", "show", "if0").stdout
    assert "02:4c:" in out
    refused([LAMINA, "-n", NODE, "vtysh", "a/x", "-c", "show version"], 1, ["runs no routing daemons"])


def test_bad_specs(bed, node):
    refuse_spec(bed, node, "<rspec", ["request.xml:1: "])
    refuse_spec(bed, node, rspec(7, router("r1", fp="<lm:fp cores='x'/>")), ["request.xml:4: ", "cores"])
    refuse_spec(bed, node, rspec(7, router("r1", kind="vm")), ["request.xml:3: ", "vm"])
    refuse_spec(bed, node, rspec(7, router("r1")).replace(' name="a"', ""), ["names no slice"])
    refuse_spec(bed, node, rspec(7, router("r1")), ["slice name"], "--slice", "no good")
    refused([LAMINA, "-n", NODE, "apply", "-t", "/nonexistent.xml"], 1, ["/nonexistent.xml: No such file"])


def test_unknown_port(bed, node):
    refuse_spec(bed, node, rspec(7, router("r1", '<lm:attach port="north"/>')),
                ["request.xml:5: ", "no port 'north'", "east, h1"])
    refuse_spec(bed, node, rspec(7, router("r1", '<lm:attach port="h1"/>')), ["access port"])


def test_too_much(bed, node):
    refuse_spec(bed, node, rspec(7, router("r1", fp='<lm:fp cores="2" mode="dedicated"/>')),
                ["request.xml:4: ", "2 dedicated cores", "has 1"])
    refuse_spec(bed, node, rspec(7, router("r1", fp='<lm:fp memory_mb="4096"/>')), ["request.xml:4: ", "memory_mb"])
    refuse_spec(bed, node, rspec(7, "".join(router(f"r{i}", f'<lm:attach port="east" vif="{i}"/>') for i in range(1, 6))), ["room for 4"])


def test_second_apply_and_held_names(bed, node):
    apply(bed, node, pair())
    refuse_spec(bed, node, pair(), ["slice a is on this node already", "lamina destroy a"])
    refuse_spec(bed, node, pair(7, "b"), ["request.xml:2: ", "slice id 7 is held by slice a"])
    urn = pair().replace('name="a"', 'name="a" urn="urn:publicid:IDN+other+slice+a"')
    refuse_spec(bed, node, urn, ["held by"])
    refuse_spec(bed, node, pair(8, "legacy"), ["legacy"])


def test_taken_access_port(bed, node):
    apply(bed, node, rspec(7, router("r1", '<lm:attach port="h1" mode="access"/>', kind="vrouter-raw")))
    refuse_spec(bed, node, rspec(8, router("r1", '<lm:attach port="h1" mode="access"/>'), "b"),
                ["request.xml:5: ", "access port h1 is taken by a/r1/if0"])


def test_failure_half_way_leaves_nothing(bed, node):
    # the second sliver cannot be made: something is where its directory must be
    (RUNDIR / "s" / "a").mkdir(parents=True)
    (RUNDIR / "s" / "a" / "r2").write_text("in the way")
    refused([LAMINA, "-n", NODE, "apply", "-t", bed.file("request.xml", pair())], 1, ["a/r2: "])
    (RUNDIR / "s" / "a" / "r2").unlink()
    (RUNDIR / "s" / "a").rmdir()
    left = things(node)
    assert left["vifs"] == [] and left["slices"] == [] and left["uids"] == []
    assert [f for f in left["files"] if "/s/a" in f] == []
    apply(bed, node, pair())


def test_what_is_not_there(node):
    refused([LAMINA, "-n", NODE, "destroy", "nope"], 1, ["no slice 'nope'"])
    refused([LAMINA, "-n", NODE, "inspect", "nope"], 1, ["no slice 'nope'"])
    refused([LAMINA, "-n", NODE, "exec", "no/pe", "--", "true"], 1, ["no sliver 'no/pe'"])
    refused([LAMINA, "-n", "nonode", "inspect"], 3, ["node nonode does not run"])
    refused([LAMINA, "inspct"], 2, ["did you mean 'inspect'"])


def test_missing_privileges(bed, node):
    before = things(node)
    # a copy in a place that nobody may read: the tree may lie in a home directory
    lamina = bed.dir / "lamina"
    lamina.write_bytes(pathlib.Path(LAMINA).read_bytes())
    lamina.chmod(0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", lamina]
    config = bed.file("other.xml", CONFIG.format(name="lmt2", netns="nowhere"))
    refused([*nobody, "node", "up", "-c", config], 4, ["needs root"])
    refused([*nobody, "-n", NODE, "node", "down"], 4, ["only root and group lamina"])
    refused([*nobody, "-n", NODE, "inspect"], 4, ["only root and group lamina"])
    refused([*nobody, "-n", NODE, "apply", "-t", bed.file("request.xml", pair())], 4, ["only root"])
    refused([*nobody, "-n", NODE, "exec", "a/r1", "--", "id"], 4, ["needs root"])
    assert things(node) == before
    assert not os.path.exists("/run/lamina/lmt2")


def test_second_up_and_bad_nodes(bed, node):
    refused([LAMINA, "node", "up", "-c", node.config], 1, [f"node {NODE} runs already (pid"])
    text = CONFIG.format(name="lmt2", netns=node.netns.name)
    broken = {
        "no-netns": (CONFIG.format(name="lmt2", netns="nowhere"), ["/run/netns/nowhere"]),
        "bad-port": (text.replace("iface=east", "iface=nowhere"), [":4: port east"]),
        "no-driver": (text.replace("net_af_packet_h1", "net_nonsense_h1"), [":5: port h1"]),
        "not-xml": ("<node", [":1: "]),
    }
    for name, (config, words) in broken.items():
        refused([LAMINA, "node", "up", "-c", bed.file(f"{name}.xml", config)], 1, [*words, f"{name}.xml"])
        assert not os.path.exists("/run/lamina/lmt2"), name


def test_busy_socket(bed):
    rundir = pathlib.Path("/run/lamina/lmt2")
    config = bed.file("busy.xml", CONFIG.format(name="lmt2", netns=bed.nodes[NODE].netns.name))
    for name in ("slicemgr.sock", "substrate.sock"):
        rundir.mkdir()
        with socket.socket(socket.AF_UNIX) as busy:
            busy.bind(str(rundir / name))
            busy.listen(8)
            refused([LAMINA, "node", "up", "-c", config], 1, [str(rundir / name)])
        assert [p.name for p in rundir.iterdir()] == [name]
        (rundir / name).unlink()
        rundir.rmdir()
    # a directory that holds another's files is left alone
    rundir.mkdir()
    (rundir / "precious").write_text("x")
    refused([LAMINA, "node", "up", "-c", config], 1, ["precious"])
    (rundir / "precious").unlink()
    rundir.rmdir()


def test_exec_passes_on_codes_and_streams(bed, node):
    apply(bed, node, pair())
    done = node.lamina("exec", "a/r1", "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    done = subprocess.run([LAMINA, "-n", NODE, "exec", "a/r1", "--", "wc", "-c"], input="12345", text=True,
                          stdout=subprocess.PIPE, timeout=20, check=True)
    assert done.stdout.strip() == "5"
    assert node.vtysh_json("a/r1", "show ip route json")


def test_interactive_vtysh_on_a_terminal(bed, node):
    apply(bed, node, pair())
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(LAMINA, [LAMINA, "-n", NODE, "vtysh", "a/r1"])
    text = b""
    deadline = time.monotonic() + 20
    sent = False
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                text += os.read(fd, 4096)
            except OSError:
                break
        if b"r1# " in text and not sent:
            os.write(fd, b"exit\n")
            sent = True
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and sent, text


def test_vtysh_names_the_stuck_daemon(bed, node):
    apply(bed, node, pair())
    pid = node.lamina("exec", "a/r1", "--", "cat", "/run/frr/staticd.pid").stdout.strip()
    node.lamina("exec", "a/r1", "--", "kill", "-STOP", pid)
    try:
        begin = time.monotonic()
        done = node.lamina("vtysh", "a/r1", "--timeout", "2", "-c", "show version", check=False, timeout=60)
        assert done.returncode == 1 and time.monotonic() - begin < 20
        assert f"lamina: a/r1: staticd (pid {pid}) does not answer on its vty; killed vtysh after 2 s" in done.stderr
        assert "zebra" not in done.stderr
    finally:
        node.lamina("exec", "a/r1", "--", "kill", "-CONT", pid)


def test_a_mute_agent_does_not_hold_up_the_node(bed, node):
    apply(bed, node, pair())
    node.lamina("exec", "a/r1", "--", "pkill", "-STOP", "lamina-agent")
    try:
        begin = time.monotonic()
        slivers = {s["name"]: s for s in node.inspect("a")["slices"][0]["slivers"]}
        assert time.monotonic() - begin < 3
        assert "processes" in slivers["r2"] and "agent_error" in slivers["r1"]
    finally:
        node.lamina("exec", "a/r1", "--", "pkill", "-CONT", "lamina-agent")


def test_dead_container_is_made_again(bed, node):
    apply(bed, node, pair())
    old = node.inspect("a")["slices"][0]["slivers"][0]["pid"]
    os.kill(old, signal.SIGKILL)

    def again():
        sliver = node.inspect("a")["slices"][0]["slivers"][0]
        return sliver["restarts"] == 1 and sliver["state"] == "ready" and sliver["pid"] != old

    poll("a/r1 is made again", again, 15)
    poll("ping", lambda: node.lamina("exec", "a/r1", "--", "ping", "-c1", "-W1", "10.0.0.2", check=False)
         .returncode == 0, 15)


def test_dead_substrate_comes_back_with_everything(bed, node):
    apply(bed, node, pair())
    apply(bed, node, rspec(9, router("x", '<lm:attach port="east" type="vif" vif="3"/>', kind="vrouter-raw"), "c"))
    before = {s["name"]: [v["pid"] for v in s["slivers"]] for s in node.inspect()["slices"]}
    os.kill(int((RUNDIR / "substrate.pid").read_text()), signal.SIGKILL)
    begin = time.monotonic()
    poll("ping", lambda: node.lamina("exec", "a/r1", "--", "ping", "-c1", "-W1", "10.0.0.2", check=False)
         .returncode == 0, 10)
    assert time.monotonic() - begin < 5
    now = node.inspect()
    assert {s["name"]: [v["pid"] for v in s["slivers"]] for s in now["slices"]} == before
    assert [p["name"] for p in now["ports"]] == ["east", "h1"]
    poll("the raw sliver's vif", lambda: node.inspect("c")["slices"][0]["slivers"][0]["interfaces"][0]["up"], 5)


def test_up_after_a_crash_clears_up(bed, node):
    apply(bed, node, pair())
    os.kill(int((RUNDIR / "slicemgr.pid").read_text()), signal.SIGKILL)
    poll("its end", lambda: node.lamina("node", "status", check=False).returncode == 3, 5)
    node.up()
    assert node.inspect()["slices"] == []
    left = things(node)
    assert left["cgroups"] == [] and left["uids"] == [] and not (RUNDIR / "s").exists()
    apply(bed, node, pair())


def test_status_answers_while_a_slice_starts(bed, node):
    path = bed.file("request.xml", pair())
    with subprocess.Popen([LAMINA, "-n", NODE, "apply", "-t", path], stdout=subprocess.DEVNULL) as applying:
        slowest = 0
        while applying.poll() is None:
            begin = time.monotonic()
            node.lamina("node", "status")
            slowest = max(slowest, time.monotonic() - begin)
        assert applying.returncode == 0 and slowest < 1


def test_help_of_every_command():
    text = run([LAMINA, "--help"]).stdout
    for name in re.findall(r"^  (node \w+|\w+) ", text, re.M):
        assert "usage: lamina" in run([LAMINA, *name.split(), "--help"]).stdout


def test_programs_are_there():
    for name in ("slicemgr", "substrate", "init", "fp", "agent"):
        assert (BIN / f"lamina-{name}").exists()
