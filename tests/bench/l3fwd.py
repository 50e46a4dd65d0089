# SPDX-License-Identifier: BSD-3-Clause
"""Builds DPDK's l3fwd example from Debian's source package of the DPDK that is installed.

The source is fetched with lists and sources of its own under build/bench, from the archive that this machine's
apt already uses; nothing of the machine's apt changes. L3FWD=PATH names a ready binary instead.

One line is changed: l3fwd asks its ports for receive checksum offload and ends when a port has none, as
net_memif; the offload is not asked for, so the reference verifies no IPv4 checksum.
"""

import os
import pathlib
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
WORK = TOP / "build" / "bench" / "l3fwd"
ASKED, CHANGED = ".offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM,", ".offloads = 0,"


def _out(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _fetch():
    """The unpacked source package, in WORK."""
    version = _out("dpkg-query", "-W", "-f", "${source:Version}", "libdpdk-dev")
    site = _out("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages").split("\n")[0]
    uri, suite = site.split()
    (WORK / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (WORK / "sources.list").write_text(f"deb-src {uri} {suite} main\n", encoding="utf-8")
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={WORK}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
           "-o", f"Dir::State::lists={WORK}/lists", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
           "-o", "APT::Sandbox::User=root"]
    subprocess.run([*apt, "update"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*apt, "source", "--download-only", f"dpdk={version}"], check=True, cwd=WORK,
                   stdout=subprocess.DEVNULL)
    tarball = next(WORK.glob("dpdk_*.orig.tar.xz"))
    subprocess.run(["tar", "-C", WORK, "-xf", tarball, "--wildcards", "*/examples/l3fwd", "*/examples/common"], check=True)
    tarball.unlink()
    shutil.rmtree(WORK / "lists")


def build():
    """Path of an l3fwd binary."""
    if os.environ.get("L3FWD"):
        return pathlib.Path(os.environ["L3FWD"])
    binary = WORK / "l3fwd"
    if binary.exists():
        return binary
    _fetch()
    source = next(WORK.glob("dpdk-*/examples/l3fwd"))
    main = source / "main.c"
    text = main.read_text(encoding="utf-8")
    if text.count(ASKED) != 1:
        raise SystemExit(f"l3fwd: {main} is not as expected; name a ready binary in L3FWD")
    main.write_text(text.replace(ASKED, CHANGED), encoding="utf-8")
    subprocess.run(["make", "-s", "-C", source, "shared"], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(source / "build" / "l3fwd-shared", binary)
    return binary
