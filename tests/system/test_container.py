# SPDX-License-Identifier: BSD-3-Clause
"""What a sliver's container lets in and keeps out, with real runc, FRR, DPDK and packet tools.

The container library is called through tests/unit/slicemgr/tool_container.c; pid 1 is a stub, so that
these checks do not depend on the other parts of a sliver.
"""

import glob
import json
import os
import pathlib
import resource
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = TOP / "build" / "rel" / "unit" / "slicemgr" / "tool_container"
UID = 0x7f000000
STUB = """#!/bin/sh
trap 'exit 0' TERM
echo stub is up
while :; do sleep 1 & wait $!; done
"""
DEAF_STUB = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n"


@pytest.fixture(scope="session", autouse=True)
def tool():
    as_user = shlex.split(os.environ.get("AS_USER", ""))
    subprocess.run([*as_user, "make", "-s", "build/rel/unit/slicemgr/tool_container"], cwd=TOP, check=True)


class Box:
    """One container with its directories."""

    def __init__(self, name, uid=UID, stub=STUB, **options):
        self.id = f"lamina-test-{os.getpid()}-{name}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="lamina-box-"))
        self.uid = uid
        self.dir.chmod(0o755)
        for sub in ("conf", "memif", "bin"):
            (self.dir / sub).mkdir(mode=0o755)
        (self.dir / "conf" / "sliver.json").write_text("{}")
        self.script("stub", stub)
        self.pid = None
        self.options = [f"{k}={v}" for k, v in options.items()]

    def script(self, name, text):
        path = self.dir / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def tool(self, what, *args):
        return subprocess.run([TOOL, what, self.dir, self.id, f"uid={self.uid}", *self.options, *args],
                              text=True, capture_output=True, check=False, timeout=60,
                              stdin=subprocess.DEVNULL)

    def start(self, *argv):
        done = self.tool("start", "--", *(argv or ["/opt/lamina/bin/stub"]))
        assert done.returncode == 0, done.stderr
        self.pid = int(done.stdout.split()[0])
        return self

    def run(self, *argv, timeout=30):
        """Run a command inside."""
        return subprocess.run([TOOL, "exec", self.dir, self.id, "--", *map(str, argv)], text=True,
                              capture_output=True, check=False, timeout=timeout,
                              stdin=subprocess.DEVNULL)

    def sh(self, command, timeout=30):
        return self.run("sh", "-c", command, timeout=timeout)

    def python(self, code, timeout=30):
        return self.run("/usr/bin/python3", "-c", code, timeout=timeout)

    def delete(self):
        return self.tool("delete")

    def close(self):
        done = self.delete()
        shutil.rmtree(self.dir)
        assert done.returncode == 0, done.stderr

    def cgroups(self):
        return glob.glob(f"/sys/fs/cgroup/**/lamina/tool/{self.id}", recursive=True)


@pytest.fixture(name="box", scope="module")
def make_box():
    box = Box("a", memory=256 << 20)
    try:
        yield box.start()
    finally:
        box.close()


@pytest.fixture(name="own")
def make_own():
    """Makes containers for one test and takes them away."""
    boxes = []

    def make(name, **options):
        boxes.append(Box(name, **options))
        return boxes[-1]
    yield make
    for box in boxes:
        box.close()


def wait_until(what, test, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not test():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_ids_capabilities_and_seccomp_of_pid_1(box):
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{box.pid}/status").read_text().splitlines() if ":\t" in line)
    assert status["Uid"].split()[0] == str(UID)
    assert status["Gid"].split()[0] == str(UID)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16)
    assert int(status["CapAmb"], 16) == int(status["CapInh"], 16) == 0
    for forbidden in (16, 22, 25, 27):  # SYS_MODULE, SYS_BOOT, SYS_TIME, MKNOD
        assert not int(status["CapBnd"], 16) >> forbidden & 1
    assert pathlib.Path(f"/proc/{box.pid}/uid_map").read_text().split() == ["0", str(UID), "65536"]


def test_limits_of_processes(box):
    core_limit = "0" if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 else "1"
    for limits in (pathlib.Path(f"/proc/{box.pid}/limits").read_text(), box.sh("cat /proc/self/limits").stdout):
        core = next(line.split() for line in limits.splitlines() if line.startswith("Max core"))
        # sudo may have set 0 already, which not every root may raise
        assert core[4:6] == [core_limit] * 2
    files = next(line.split() for line in pathlib.Path(f"/proc/{box.pid}/limits").read_text().splitlines()
                 if line.startswith("Max open"))
    assert int(files[4]) <= 4096


def test_every_namespace_is_its_own(box):
    for kind in ("user", "net", "mnt", "pid", "ipc", "uts", "cgroup"):
        assert os.readlink(f"/proc/{box.pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")


def test_no_descriptor_of_the_node_inside(box):
    for fd in pathlib.Path(f"/proc/{box.pid}/fd").iterdir():
        target = os.readlink(fd)
        assert target == "/dev/null" or target.startswith((f"{box.dir}/log/", "/opt/lamina/bin/")), target


PROBE = r"""
import ctypes, errno, json, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
def call(f, *a):
    ctypes.set_errno(0)
    r = f(*a)
    return errno.errorcode.get(ctypes.get_errno(), "ok") if r in (-1, 2**64 - 1) else "ok"
def sock(*a):
    try:
        socket.socket(*a).close()
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
R = {}
R["mmap"] = call(libc.mmap, None, 4096, 3, 0x22, -1, 0)
R["mmap huge"] = call(libc.mmap, None, 2 << 20, 3, 0x40022, -1, 0)
R["memfd"] = call(libc.memfd_create, b"x", 1)
R["memfd huge"] = call(libc.memfd_create, b"x", 4)
R["shmget"] = call(libc.shmget, 0, 4096, 0o1600)
R["shmget huge"] = call(libc.shmget, 0, 2 << 20, 0o1600 | 0o4000)
for name, nr, args in (("mount", 165, (b"x", b"/mnt", b"tmpfs", 0, 0)), ("unshare user", 272, (0x10000000,)),
        ("unshare mount", 272, (0x20000,)), ("setns", 308, (0, 0)), ("bpf", 321, (0, 0, 0)),
        ("perf_event_open", 298, (0, 0, 0, 0, 0)), ("userfaultfd", 323, (0,)), ("keyctl", 250, (0, 0)),
        ("io_uring_setup", 425, (1, 0)), ("open_by_handle_at", 304, (0, 0, 0)), ("kexec_load", 246, (0, 0, 0, 0)),
        ("init_module", 175, (0, 0, 0)), ("clone new user", 56, (0x10000011, 0, 0, 0, 0)),
        ("move_mount", 429, (0, 0, 0, 0, 0)), ("fsopen", 430, (b"tmpfs", 0)), ("clone3", 435, (0, 0))):
    R[name] = call(libc.syscall, nr, *args)
R["vsock"] = sock(40, socket.SOCK_STREAM)
R["alg"] = sock(38, socket.SOCK_SEQPACKET)
R["nftables"] = sock(16, socket.SOCK_RAW, 12)
R["xfrm"] = sock(16, socket.SOCK_RAW, 6)
R["rtnetlink"] = sock(16, socket.SOCK_RAW, 0)
R["packet"] = sock(17, socket.SOCK_RAW)
R["raw"] = sock(2, socket.SOCK_RAW, 89)
R["tcp6"] = sock(10, socket.SOCK_STREAM)
print(json.dumps(R))
"""


def test_system_calls(box):
    done = box.python(PROBE)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    fine = {"mmap", "memfd", "shmget", "rtnetlink", "packet", "raw", "tcp6"}
    expected = {name: "ok" if name in fine else "EPERM" for name in got}
    expected["clone3"] = "ENOSYS"  # so that the C library falls back to clone
    expected.update({"vsock": "EAFNOSUPPORT", "alg": "EAFNOSUPPORT", "nftables": "EPROTONOSUPPORT",
                     "xfrm": "EPROTONOSUPPORT"})  # what libpcap and others know how to take
    assert got == expected
    # a call of another table of the processor ends the process
    done = box.python("import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 39)")
    assert done.returncode == 128 + signal.SIGSYS


def test_hugepages_with_a_reservation(own):
    huge = own("huge", hugepages=1).start()
    got = json.loads(huge.python(PROBE).stdout)
    assert got["mmap huge"] in ("ok", "ENOMEM")  # as the machine has pages
    assert got["memfd huge"] in ("ok", "EINVAL", "ENODEV")
    assert got["mount"] == "EPERM"


def test_file_systems(box):
    assert box.sh("touch /x").stderr.endswith("Read-only file system\n")
    for path in ("/usr/x", "/opt/lamina/bin/x", "/run/lamina/conf/x", "/run/lamina/memif/x", "/dev/x", "/sys/x",
                 "/etc/x", "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger"):
        done = box.sh(f"echo 1 >{path}")
        assert done.returncode != 0 and any(
            why in done.stderr for why in ("Read-only", "denied", "nonexistent")), (path, done.stderr)
    for path in ("/tmp", "/root", "/run", "/run/lamina/ctl", "/run/lamina/int", "/etc/frr", "/var/log", "/var/tmp",
                 "/dev/shm"):
        done = box.sh(f"touch {path}/x && rm {path}/x")
        assert done.returncode == 0, (path, done.stderr)
    # what it writes for the node to see has an end
    assert box.sh("head -c 10M /dev/zero >/run/lamina/ctl/fill").returncode != 0
    box.sh("rm /run/lamina/ctl/fill")
    assert box.sh("cat /proc/kcore; cat /proc/kallsyms").stdout == ""
    assert box.sh("head -c1 /dev/mem").returncode != 0


def test_bounded_console(own):
    chatty = own("log").start("/bin/sh", "-c", "head -c 20M /dev/zero; exec /opt/lamina/bin/stub")
    wait_until("the stub's loop", lambda: "sleep" in chatty.sh("ps ax -o comm").stdout)
    assert (chatty.dir / "log" / "console.log").stat().st_size <= 4 << 20


def test_sysctls(box):
    wanted = {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1",
              "net/ipv6/conf/default/accept_dad": "0", "net/ipv4/conf/default/rp_filter": "0",
              "net/ipv4/conf/all/send_redirects": "0", "net/ipv4/ping_group_range": "0\t65535",
              "net/ipv6/conf/default/keep_addr_on_down": "1"}
    done = box.sh("cd /proc/sys && grep -H . " + " ".join(wanted))
    assert dict(line.split(":", 1) for line in done.stdout.splitlines()) == wanted


TAP = """
import fcntl, os, struct
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"eth9", 0x1002))  # TUNSETIFF: TAP, no header
fcntl.ioctl(fd, 0x400454cb, 1)                                       # TUNSETPERSIST
os.system("ip link set eth9 up && ip addr add 10.9.9.1/24 dev eth9")
fcntl.ioctl(fd, 0x400454e2, struct.pack("i", 0))                     # TUNSETCARRIER off
print(open("/sys/class/net/eth9/carrier").read().strip())
fcntl.ioctl(fd, 0x400454e2, struct.pack("i", 1))
os.set_blocking(fd, False)
frame = b""
for _ in range(50):  # the kernel may take a second to believe in the carrier
    os.system("ping -c1 -W0.2 10.9.9.2 >/dev/null 2>&1")
    while frame[12:14] != b"\\x08\\x06":
        try:
            frame = os.read(fd, 2000)
        except BlockingIOError:
            break
    if frame[12:14] == b"\\x08\\x06":
        break
print("arp" if frame[12:14] == b"\\x08\\x06" else "nothing")
"""


def test_taps(box):
    done = box.python(TAP)
    assert done.stdout.split() == ["0", "arp"], done.stderr
    assert box.sh("ip -br link show eth9").stdout.startswith("eth9")
    assert box.sh("ip link del eth9").returncode == 0


def test_memif_socket_in_a_read_only_directory(box):
    path = box.dir / "memif" / "memif.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(path))
        os.chown(path, UID, UID)
        path.chmod(0o600)
        server.listen()
        server.settimeout(10)
        peers = []

        def serve():
            client, _ = server.accept()
            peers.append(struct.unpack("iII", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))
            client.close()
        thread = threading.Thread(target=serve)
        thread.start()
        done = box.python("import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)"
                          ".connect('/run/lamina/memif/memif.sock')")
        thread.join()
    assert done.returncode == 0, done.stderr
    assert peers[0][1:] == (UID, UID)
    assert box.sh("rm /run/lamina/memif/memif.sock").returncode != 0


def test_agent_socket_is_seen_by_the_node(box):
    done = box.python("import socket; s = socket.socket(socket.AF_UNIX); s.bind('/run/lamina/ctl/agent.sock')")
    assert done.returncode == 0, done.stderr
    assert (box.dir / "ctl" / "agent.sock").stat().st_uid == UID
    box.sh("rm /run/lamina/ctl/agent.sock")


def test_packet_tools(box):
    assert box.sh("ping -c1 127.0.0.1 && ping -c1 ::1").returncode == 0
    assert "127.0.0.1" in box.sh("traceroute -n 127.0.0.1").stdout
    done = box.sh("timeout 10 tcpdump -c1 -nli lo icmp & for i in 1 2 3 4 5 6; do ping -c1 127.0.0.1; sleep .2; done"
                  ">/dev/null; wait $!")
    assert "ICMP echo request" in done.stdout, done.stderr
    done = box.python("from scapy.all import *\n"
                      "s = AsyncSniffer(iface='lo', count=1, timeout=8)\ns.start()\n"
                      "import time\ntime.sleep(0.5)\nos.system('ping -c1 127.0.0.1 >/dev/null')\n"
                      "s.join()\nprint(len(s.results))")
    assert done.stdout.strip() == "1", done.stderr


FRR = """
cd /tmp && mkdir -p /run/frr && chown frr:frr /run/frr
printf 'hostname inside\\n' >/etc/frr/frr.conf; : >/etc/frr/vtysh.conf
for d in zebra staticd ospfd ospf6d bgpd isisd; do
    extra=; [ $d != zebra ] || extra='-M dplane_fpm_nl -K 60'
    /usr/lib/frr/$d -d -A 127.0.0.1 $extra || echo "failed $d"
done
"""


def test_frr_runs(own):
    box = own("frr").start()
    box.sh("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up && "
           "ip addr add 10.1.1.1/24 dev eth0")
    done = box.sh(FRR)
    assert done.returncode == 0 and "failed" not in done.stdout, done.stdout + done.stderr
    done = box.run("timeout", "10", "vtysh", "-c", "configure terminal", "-c", "router ospf",
                   "-c", "network 10.1.1.0/24 area 0", "-c", "exit", "-c", "router bgp 65001",
                   "-c", "no bgp ebgp-requires-policy", "-c", "exit", "-c", "ip route 192.0.2.0/24 Null0")
    assert done.returncode == 0, done.stdout + done.stderr

    def route_is_there():
        return "192.0.2.0/24" in box.sh("ip route").stdout
    wait_until("zebra put the static route into the kernel", route_is_there)
    users = dict(line.split() for line in box.sh("ps ax -o comm=,user=").stdout.splitlines())
    for daemon in ("zebra", "staticd", "ospfd", "ospf6d", "bgpd", "isisd"):
        assert users.get(daemon) == "frr", (daemon, users)
    done = box.run("timeout", "10", "vtysh", "-c", "show ip ospf interface json")
    assert "10.1.1.1" in done.stdout, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("dpdk-testpmd") is None, reason="no dpdk-testpmd")
def test_dpdk_runs(box):
    done = box.sh("timeout 20 dpdk-testpmd --no-huge --no-pci --no-shconf --no-telemetry -m 64 --iova-mode=va "
                  "--lcores 0@0,1@0-1 --vdev net_null0 -- --total-num-mbufs=2048 --forward-mode=rxonly --tx-first "
                  "--stats-period 1 & sleep 4; kill -INT $!; wait", timeout=40)
    assert "RX-packets" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


def test_memory_limit_hits_only_inside(own):
    small, other = own("small", memory=48 << 20).start(), own("other", uid=UID + 65536).start()
    done = small.python("b = bytearray(200 << 20)")
    assert done.returncode != 0
    assert small.sh("echo alive").stdout == "alive\n"
    assert other.sh("echo alive").stdout == "alive\n"


def test_pids_limit(own):
    box = own("pids", pids=20).start()
    done = box.sh("for i in $(seq 40); do sleep 5 & done; echo all")
    assert "all" not in done.stdout and "ork" in done.stderr
    wait_until("its processes end", lambda: box.sh("echo alive").stdout == "alive\n", timeout=20)


def test_cpuset_and_quota(own):
    box = own("cpu", cpus="0", quota=20).start()
    assert "Cpus_allowed_list:\t0\n" in box.sh("cat /proc/self/status").stdout
    done = box.sh("timeout 1 sh -c 'while :; do :; done'; cat /proc/uptime; "
                  "/usr/bin/python3 -c 'import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN))'; times")
    user = done.stdout.splitlines()[-1].split()[0]  # children's user time: 0mS.SSSs
    assert float(user.split("m")[1].rstrip("s")) < 0.5, done.stdout


INOTIFY = """
import ctypes, sys
libc = ctypes.CDLL(None)
count = 0
while count < 100000 and libc.inotify_init1(0) >= 0:
    count += 1
print(count, flush=True)
sys.stdin.read()
"""


def test_kernel_counts_are_its_own(own, box):
    """The kernel counts inotify instances at the owner of a user namespace as well: not at root."""
    other = own("count", uid=UID + 65536).start()
    argv = [TOOL, "exec", box.dir, box.id, "--", "/usr/bin/python3", "-c", INOTIFY]
    with subprocess.Popen(argv, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as glutton:
        assert int(glutton.stdout.readline()) > 50
        assert int(other.python(INOTIFY).stdout) > 50
        assert int(subprocess.run(["/usr/bin/python3", "-c", INOTIFY], text=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, check=True).stdout) > 0
        glutton.stdin.close()


def test_two_do_not_see_each_other(own, box):
    other = own("b", uid=UID + 65536).start()
    assert "stub" not in other.sh("ps ax -o args | grep -v grep | grep -c stub | grep -v 1").stdout
    assert other.sh(f"kill -0 {box.pid}").returncode != 0
    box.sh("ip link add v0 type veth peer name v1")
    assert "v0" not in other.sh("ip -br link").stdout
    box.sh("ip link del v0")
    assert json.loads(json.dumps(other.sh("ls /run/lamina/ctl").stdout)) == ""


def test_raw_has_no_sys_admin(own):
    raw = own("raw", raw=1).start()
    bounding = int(raw.sh("grep CapBnd /proc/self/status").stdout.split()[1], 16)
    assert not bounding >> 21 & 1
    assert raw.sh("ip tuntap add dev x mode tap && tcpdump -D >/dev/null").returncode == 0


def has_ended(pid):
    """Whether a process is gone, or only waits for somebody else's pid 1 to look at it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_nothing_remains(own):
    box = own("gone").start()
    assert box.cgroups()
    netns = os.stat(f"/proc/{box.pid}/ns/net").st_ino
    begin = time.monotonic()
    done = box.delete()
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 2, "a pid 1 that obeys SIGTERM is not waited for"
    wait_until("pid 1 is gone", lambda: has_ended(box.pid))
    assert not box.cgroups()
    assert str(box.dir) not in pathlib.Path("/proc/self/mounts").read_text()
    for sub in ("bundle", "ctl", "log"):
        assert not (box.dir / sub).exists()
    assert not list((box.dir / "runc").iterdir())
    for ns in glob.glob("/proc/[0-9]*/ns/net"):
        try:
            assert os.stat(ns).st_ino != netns
        except OSError:
            pass
    assert box.delete().returncode == 0  # again: nothing to do


def test_a_pid_1_that_ignores_sigterm_is_killed(own):
    box = own("deaf", stub=DEAF_STUB).start()
    begin = time.monotonic()
    assert box.delete().returncode == 0
    assert 1.5 < time.monotonic() - begin < 6
    wait_until("pid 1 is gone", lambda: has_ended(box.pid))


def test_errors_are_one_line(own):
    box = own("err").start()
    done = box.tool("start", "--", "/opt/lamina/bin/stub")
    assert done.returncode == 1 and "exists already" in done.stderr and done.stderr.count("\n") == 1
    assert box.sh("echo alive").stdout == "alive\n"
    wrong = own("wrong")
    done = wrong.tool("start", "--", "/no/such")
    assert done.returncode == 1 and "/no/such" in done.stderr and done.stderr.count("\n") == 1
    assert not wrong.cgroups() and not (wrong.dir / "bundle").exists()
    shutil.rmtree(wrong.dir / "conf")
    done = wrong.tool("start", "--", "/opt/lamina/bin/stub")
    assert done.returncode == 1 and "needs" in done.stderr and "conf" in done.stderr


def test_pid_tells_ended_from_absent(own):
    box = own("pid").start()
    assert box.tool("pid").stdout.split()[0] == str(box.pid)
    os.kill(box.pid, signal.SIGKILL)
    wait_until("it ends", lambda: "has ended" in box.tool("pid").stderr)
    assert box.delete().returncode == 0
    assert "there is no container" in box.tool("pid").stderr
