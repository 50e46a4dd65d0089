# SPDX-License-Identifier: BSD-3-Clause
"""FRR in a network namespace with /etc/frr, /run/frr and /var/tmp of its own: nothing of the host's is seen."""
import os
import pathlib
import signal
import subprocess
import time

FRR = "/usr/lib/frr"
ZEBRA_CONF = """hostname fpm
fpm address 127.0.0.1 port {port}
{nhg}
"""
# what lamina-init gives staticd in every sliver
SENTINEL = "ipv6 route feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 Null0"
SETUP = r"""
set -e
mount -t tmpfs -o mode=755 lmfpm /etc/frr
mount -t tmpfs -o mode=755 lmfpm /run  # FRR that never ran has no /run/frr to mount on
mkdir /run/frr
mount -t tmpfs -o mode=1777 lmfpm /var/tmp
chown frr:frr /etc/frr /run/frr
: >/etc/frr/vtysh.conf
ip link set lo up
echo ready
exec sleep infinity
"""


class PrivateFrr:
    """zebra and staticd, by name; end with close()."""

    def __init__(self, netns, port=2620, nhg=False):
        self.netns = netns
        self.port = port
        self.nhg = nhg
        self.daemons = {}
        subprocess.run(["ip", "netns", "add", netns], check=True)
        self.holder = subprocess.Popen(
            ["ip", "netns", "exec", netns, "unshare", "-m", "--propagation", "private", "sh", "-c", SETUP],
            stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError(f"cannot set up mounts for FRR in {netns}")

    def inside(self, *argv):
        """argv to run a command where this FRR runs."""
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "--", *argv]

    def run(self, *argv, check=True, timeout=20):
        """Run a command there; returns its standard output."""
        return subprocess.run(self.inside(*argv), check=check, timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def port_pair(self, name, address, peer):
        """A veth pair inside, both ends up; `name` gets the addresses."""
        self.run("ip", "link", "add", name, "type", "veth", "peer", "name", peer)
        for link in (name, peer):
            self.run("ip", "link", "set", link, "up")
        for a in address:
            self.run("ip", "address", "add", a, "dev", name, *(["nodad"] if ":" in a else []))

    def _write(self, name, text):
        path = pathlib.Path(f"/proc/{self.holder.pid}/root/etc/frr/{name}")
        path.write_text(text, encoding="ascii")
        os.chmod(path, 0o644)

    def start(self, daemon, config="", args=()):
        """Start a daemon with its own config file."""
        self._write(f"{daemon}.conf", config)
        self.daemons[daemon] = subprocess.Popen(
            self.inside(f"{FRR}/{daemon}", "-f", f"/etc/frr/{daemon}.conf", "-A", "127.0.0.1", *args),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start_zebra(self):
        """zebra as lamina-init starts it."""
        nhg = "" if self.nhg else "no fpm use-next-hop-groups"
        self.start("zebra", ZEBRA_CONF.format(port=self.port, nhg=nhg),
                   ["-M", "dplane_fpm_nl", "-s", "90000000", "-K", "60"])
        self.wait_file("/run/frr/zserv.api")

    def start_staticd(self, sentinel=True):
        self.start("staticd", SENTINEL + "\n" if sentinel else "")
        self.wait_file("/run/frr/staticd.vty")

    def wait_file(self, path, timeout=20):
        """Wait until a socket of FRR's is there."""
        deadline = time.monotonic() + timeout
        while not pathlib.Path(f"/proc/{self.holder.pid}/root{path}").exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.netns}: no {path} after {timeout} s")
            time.sleep(0.02)

    def configure(self, *lines):
        """Give configuration lines to the daemons."""
        argv = ["vtysh", "-c", "configure"]
        for line in lines:
            argv += ["-c", line]
        out = self.run(*argv)
        if out.strip():
            raise RuntimeError(f"vtysh said: {out.strip()}")

    def kill(self, daemon, how=signal.SIGKILL):
        """End one daemon and wait for it."""
        process = self.daemons.pop(daemon)
        # Popen's pid is the daemon's: nsenter executes it in place
        process.send_signal(how)
        process.wait(10)

    def remove_file(self, path):
        """What a killed daemon leaves would look like a running one."""
        pathlib.Path(f"/proc/{self.holder.pid}/root{path}").unlink(missing_ok=True)

    def close(self):
        """End everything and take the namespace away."""
        for daemon in list(self.daemons):
            self.kill(daemon)
        self.holder.kill()
        self.holder.wait(10)
        subprocess.run(["ip", "netns", "del", self.netns], check=False)
