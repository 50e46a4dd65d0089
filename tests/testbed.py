# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces, veth wires, hosts and Lamina nodes: what the demo and the system tests build worlds from.

Everything made here is remembered and taken away by Testbed.close(), whatever happened before.
"""

import glob
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("LAMINA_BIN", TOP / "build" / "rel" / "bin"))
LAMINA = str(BIN / "lamina")
OFFLOADS = ("rx", "tx", "sg", "tso", "gso", "gro")


class Failed(Exception):
    """Something the testbed asked for did not happen; the text says what."""


class Interrupted(Exception):
    """Somebody wants an end (Ctrl-C, SIGTERM)."""


class Signals:
    """Signals that ask for an end are noted and raised between commands, so that none is cut in half."""

    asked = None

    @classmethod
    def watch(cls):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, cls._note)

    @classmethod
    def _note(cls, number, _):
        cls.asked = signal.Signals(number).name

    @classmethod
    def ignore(cls):
        cls.asked = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    @classmethod
    def check(cls):
        if cls.asked:
            raise Interrupted(f"ended by {cls.asked}")


def run(argv, check=True, timeout=60, **kwargs):
    """Run a command; returns CompletedProcess with text output. Failed names command and error."""
    argv = [str(a) for a in argv]
    Signals.check()
    try:
        # a session of its own: Ctrl-C on the terminal is for us alone
        done = subprocess.run(argv, check=False, timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **kwargs)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{' '.join(argv)}: no end after {timeout} s") from late
    Signals.check()
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def poll(what, test, timeout=20.0, every=0.1):
    """Call test() until it returns something true; that is returned. Failed after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = test()
            if value:
                return value
        except Failed as not_yet:
            last = not_yet
        Signals.check()
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {timeout:.0f} s" + (f" ({last})" if last else ""))
        time.sleep(every)


class Netns:
    """One network namespace with its processes."""

    def __init__(self, name):
        self.name = name
        self.procs = []

    def make(self):
        run(["ip", "netns", "add", self.name])
        self.ip("link", "set", "lo", "up")
        return self

    def ip(self, *args, **kwargs):
        return run(["ip", "-n", self.name, *args], **kwargs)

    def run(self, *argv, **kwargs):
        return run(["ip", "netns", "exec", self.name, *argv], **kwargs)

    def popen(self, *argv, **kwargs):
        kwargs.setdefault("stdout", subprocess.DEVNULL)
        kwargs.setdefault("stderr", subprocess.DEVNULL)
        proc = subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, argv)],
                                stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)
        self.procs.append(proc)
        return proc

    def sysctl(self, key, value):
        self.run("sysctl", "-qw", f"{key}={value}")

    def close(self):
        for proc in self.procs:
            end(proc)
        run(["ip", "netns", "del", self.name], check=False)


def end(proc, timeout=5):
    """End a process we started: SIGTERM, then SIGKILL."""
    if proc.poll() is None:
        proc.terminate()
        try:
            proc.wait(timeout)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
    for pipe in (proc.stdout, proc.stderr):
        if pipe:
            pipe.close()


class Node:
    """A Lamina node: its name, namespace and configuration file."""

    def __init__(self, name, netns, config):
        self.name = name
        self.netns = netns
        self.config = config
        self.is_up = False

    def lamina(self, *args, **kwargs):
        return run([LAMINA, "-n", self.name, *args], **kwargs)

    def up(self):
        self.is_up = True
        return run([LAMINA, "node", "up", "-c", self.config], timeout=60)

    def down(self):
        if self.is_up:
            self.is_up = False
            return self.lamina("node", "down", check=False, timeout=60)
        return None

    def vtysh(self, sliver, command, **kwargs):
        return self.lamina("vtysh", sliver, "-c", command, **kwargs).stdout

    def vtysh_json(self, sliver, command):
        out = self.vtysh(sliver, command)
        try:
            return json.loads(out)
        except ValueError as bad:
            raise Failed(f"{sliver}: '{command}' printed no JSON: {out[:200]!r}") from bad

    def inspect(self, name=None):
        args = ["inspect"] + ([name] if name else []) + ["--format", "json"]
        return json.loads(self.lamina(*args).stdout)

    def counters(self):
        return json.loads(self.lamina("counters", "--format", "json").stdout)

    def kernel_forwarded(self, sliver):
        """Frames that the sliver's own kernel forwarded: (IPv4, IPv6)."""
        text = self.lamina("exec", sliver, "--", "cat", "/proc/net/snmp", "/proc/net/snmp6").stdout
        names, values = [line.split()[1:] for line in text.splitlines() if line.startswith("Ip:")]
        v6 = [line.split()[1] for line in text.splitlines() if line.startswith("Ip6OutForwDatagrams")]
        return int(dict(zip(names, values))["ForwDatagrams"]), int(v6[0]) if v6 else 0


class Testbed:
    """A world of namespaces, wires, hosts and nodes that goes away as a whole."""

    __test__ = False  # not a pytest class

    def __init__(self, prefix):
        self.prefix = prefix
        self.namespaces = {}
        self.nodes = {}
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
        # slivers' ids must be able to look through
        self.dir.chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def netns(self, name):
        if name not in self.namespaces:
            # remembered first: whatever interrupts its making, close() takes it away
            self.namespaces[name] = Netns(f"{self.prefix}-{name}")
            self.namespaces[name].make()
        return self.namespaces[name]

    def wire(self, ns_a, if_a, ns_b, if_b, mtu=1500):
        """A veth pair made inside the namespaces, checksums completed by the sender (offloads off)."""
        a, b = self.netns(ns_a), self.netns(ns_b)
        a.ip("link", "add", if_a, "mtu", mtu, "type", "veth", "peer", "name", if_b, "mtu", mtu,
             "netns", b.name)
        for ns, interface in ((a, if_a), (b, if_b)):
            ns.run("ethtool", "-K", interface, *[w for o in OFFLOADS for w in (o, "off")], check=False)

    def quiet(self, ns, interface):
        """An interface that belongs to a port: the namespace's own stack stays off it."""
        self.netns(ns).sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 1)
        self.netns(ns).ip("link", "set", interface, "up")

    def trunk(self, node_a, if_a, node_b, if_b, mtu=1600):
        self.wire(node_a, if_a, node_b, if_b, mtu)
        self.quiet(node_a, if_a)
        self.quiet(node_b, if_b)

    def host(self, name, node, interface, addresses=(), routes=(), mtu=1500):
        """A host namespace whose eth0 is wired to `interface` of a node's namespace."""
        ns = self.netns(name)
        self.wire(name, "eth0", node, interface, mtu)
        self.quiet(node, interface)
        ns.sysctl("net.ipv6.conf.eth0.accept_dad", 0)
        for address in addresses:
            nodad = ["nodad"] if ipaddress.ip_interface(address).version == 6 else []
            ns.ip("addr", "add", address, "dev", "eth0", *nodad)
        ns.ip("link", "set", "eth0", "up")
        for route in routes:
            ns.ip("route", "add", *route.split())
        return ns

    def node(self, name, config_text, netns=None):
        path = self.dir / f"{name}.xml"
        path.write_text(config_text)
        self.nodes[name] = Node(name, self.netns(netns or name), path)
        return self.nodes[name]

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def close(self):
        for node in self.nodes.values():
            node.down()
        for ns in self.namespaces.values():
            ns.close()
        self.nodes.clear()
        self.namespaces.clear()
        shutil.rmtree(self.dir, ignore_errors=True)


def processes_of(node):
    """Processes of a Lamina node: [(pid, command line, cgroups)], found by command line or cgroup."""
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        try:
            words = pathlib.Path(path, "cmdline").read_bytes().split(b"\0")
            cgroup = pathlib.Path(path, "cgroup").read_text()
        except OSError:
            continue
        if words == [b""]:
            continue  # has ended; its parent has not looked yet
        ours = pathlib.Path(words[0].decode(errors="replace")).name.startswith("lamina-") and any(
            w.decode(errors="replace") == node or f"/run/lamina/{node}/" in w.decode(errors="replace") for w in words)
        if ours or f"/lamina/{node}/" in cgroup:
            found.append((int(path.split("/")[2]), b" ".join(words).decode(errors="replace").strip(), cgroup))
    return found


def own_dirs(prefix):
    """Working directories of testbeds with that prefix."""
    return [path for path in pathlib.Path(tempfile.gettempdir()).glob(f"{prefix}-*") if path.lstat().st_uid == 0]


def leftovers(prefix, nodes):
    """What a testbed should not leave behind, as plain lines (none: clean)."""
    found = []
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        if line.split()[0].startswith(prefix + "-"):
            found.append(f"network namespace {line.split()[0]}")
    for name in nodes:
        rundir = pathlib.Path("/run/lamina") / name
        if rundir.exists():
            found.append(f"directory {rundir}")
        for cgroup in glob.glob(f"/sys/fs/cgroup/*/lamina/{name}") + glob.glob(f"/sys/fs/cgroup/lamina/{name}"):
            found.append(f"cgroup {cgroup}")
        found += [f"process {pid}: {line}" for pid, line, _ in processes_of(name)]
    found += [f"directory {path}" for path in own_dirs(prefix)]
    for path in glob.glob("/dev/hugepages/*"):
        found.append(f"hugetlbfs file {path}")
    return found


def await_clean(prefix, nodes, timeout=10):
    """Wait until a testbed has left nothing behind; Failed names what there is."""
    def clean():
        left = leftovers(prefix, nodes)
        if left:
            raise Failed("; ".join(left))
        return True

    poll("an end without leftovers", clean, timeout)
