# SPDX-License-Identifier: BSD-3-Clause
"""The FPM listener against a real zebra and staticd: the table is what zebra says, through restarts of either."""
import json
import os
import pathlib
import shlex
import subprocess
import time

import pytest

from private_frr import PrivateFrr

TOP = pathlib.Path(__file__).resolve().parents[2]
TOOL = TOP / "build" / "rel" / "unit" / "fp" / "tool_fpm"
HOLD_MS = 14000  # over the 10 s after which staticd finds a restarted zebra


class Tool:
    """One running listener; end with close()."""

    def __init__(self, frr, hold_ms=HOLD_MS):
        self.process = subprocess.Popen(frr.inside(str(TOOL), str(frr.port), str(hold_ms)), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert int(self.process.stdout.readline()) == frr.port

    def ask(self):
        """(status, routes) now."""
        self.process.stdin.write("all\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["routes"]

    def until(self, what, test, seconds=15):
        """Ask until test(status, routes); returns both. Fails naming `what`."""
        deadline = time.monotonic() + seconds
        while True:
            status, routes = self.ask()
            if test(status, routes):
                return status, routes
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s: {status} {routes}"
            time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture(scope="module", autouse=True)
def built():
    user = shlex.split(os.environ.get("AS_USER", ""))
    subprocess.run([*user, "make", "-s", str(TOOL.relative_to(TOP))], cwd=TOP, check=True)


@pytest.fixture(name="frr", params=[False, True], ids=["plain", "groups"])
def _frr(request):
    frr = PrivateFrr(f"lmfpm-{os.getpid()}", nhg=request.param)
    try:
        frr.port_pair("eth0", ["10.0.0.1/24", "2001:db8::1/64"], "peer0")
        frr.port_pair("eth1", ["10.0.1.1/24", "2001:db8:1::1/64"], "peer1")
        yield frr
    finally:
        frr.close()


@pytest.fixture(name="tool")
def _tool(frr, request):
    tools = [Tool(frr, getattr(request, "param", HOLD_MS))]
    yield tools
    tools[-1].close()


def hops(text):
    """Gateways of a route, without interface numbers."""
    return sorted(h.split("%")[0] for h in text.split()[1:])


def test_table_follows_zebra(frr, tool):
    frr.start_zebra()
    frr.start_staticd()
    fpm = tool[0]
    status, routes = fpm.until("first replay", lambda s, _: s["synced"])
    assert status["epoch"] == 1 and routes["10.0.0.0/24"].startswith("unicast -%")
    frr.configure("ip route 192.0.2.0/24 10.0.0.2", "ip route 192.0.4.0/24 blackhole",
                  "ipv6 route 2001:db8:11::/48 2001:db8::2", "ipv6 route 2001:db8:11::/48 2001:db8:1::2")
    _, routes = fpm.until("new routes", lambda s, r: "2001:db8:11::/48" in r and "192.0.4.0/24" in r
                          and "192.0.2.0/24" in r and len(hops(r["2001:db8:11::/48"])) == 2)
    assert hops(routes["192.0.2.0/24"]) == ["10.0.0.2"] and routes["192.0.4.0/24"] == "blackhole"
    assert hops(routes["2001:db8:11::/48"]) == ["2001:db8:1::2", "2001:db8::2"]
    removed = fpm.ask()[0]["removed"]
    frr.configure("ip route 192.0.2.0/24 10.0.1.2")
    fpm.until("a second next hop", lambda s, r: hops(r["192.0.2.0/24"]) == ["10.0.0.2", "10.0.1.2"])
    frr.configure("no ip route 192.0.2.0/24 10.0.0.2")
    status, _ = fpm.until("one less", lambda s, r: hops(r["192.0.2.0/24"]) == ["10.0.1.2"])
    # changes come as DELROUTE + NEWROUTE in one frame: the FIB never sees the route go
    assert status["removed"] == removed
    frr.configure("no ip route 192.0.4.0/24 blackhole")
    fpm.until("a route less", lambda s, r: "192.0.4.0/24" not in r)

    # the listener dies and comes back: zebra connects again and says it all
    before = fpm.ask()[1]
    fpm.close()
    tool.append(Tool(frr))
    status, routes = tool[-1].until("replay to a new listener", lambda s, _: s["synced"])
    assert routes == before and status["errors"] == 0


def test_zebra_restart_never_loses_a_route(frr, tool):
    frr.start_zebra()
    frr.start_staticd()
    fpm = tool[0]
    fpm.until("first replay", lambda s, _: s["synced"])
    frr.configure(*[f"ip route 192.0.2.{i * 4}/30 10.0.0.2" for i in range(60)])
    _, before = fpm.until("routes", lambda s, r: sum(p.startswith("192.0.2.") for p in r) == 60)
    removed = fpm.ask()[0]["removed"]
    frr.kill("zebra")
    fpm.until("end of the connection", lambda s, _: not s["connected"])
    # gone meanwhile, without a DELROUTE: only the sweep can find out
    frr.run("ip", "route", "del", "192.0.2.0/30")
    frr.remove_file("/run/frr/zserv.api")
    frr.start_zebra()
    fpm.until("replay of the new zebra", lambda s, _: s["epoch"] == 2 and s["synced"])
    assert fpm.ask()[1] == before
    # staticd comes back and states the missing one again before the hold time is over
    status, after = fpm.until("nothing stale", lambda s, _: s["stale"] == 0, 25)
    assert after == before and status["removed"] == removed


# no protocol has to come back here: a short hold time does
@pytest.mark.parametrize("tool", [4000], indirect=True, ids=["hold4s"])
def test_routes_gone_during_a_restart_are_swept(frr, tool):
    frr.start_zebra()
    frr.start_staticd()
    fpm = tool[0]
    fpm.until("first replay", lambda s, _: s["synced"])
    frr.run("ip", "route", "add", "203.0.113.0/24", "via", "10.0.0.9")
    frr.run("ip", "route", "add", "203.0.114.0/24", "via", "10.0.0.9")
    fpm.until("kernel routes", lambda s, r: "203.0.113.0/24" in r and "203.0.114.0/24" in r)
    frr.kill("zebra")
    fpm.until("end of the connection", lambda s, _: not s["connected"])
    frr.run("ip", "route", "del", "203.0.113.0/24")
    frr.remove_file("/run/frr/zserv.api")
    frr.start_zebra()
    fpm.until("replay", lambda s, _: s["epoch"] == 2 and s["synced"])
    status, routes = fpm.until("the sweep", lambda s, _: s["swept"] == 1, 15)
    assert "203.0.113.0/24" not in routes and "203.0.114.0/24" in routes
    assert status["stale"] == 0
