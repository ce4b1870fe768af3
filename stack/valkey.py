"""The embedded Valkey: broker, cache and fan-out; its data may be lost."""

import os
import time
from pathlib import Path

from core.programs import valkey_binary
from stack.lock import StackError
from stack.machine import free_port, port_is_free
from stack.process import SupervisedProcess

START_SECONDS = 30


class Valkey:
    """A valkey-server on loopback that requires a password."""

    def __init__(self, root: Path, password: str, port: int | None, durable: bool) -> None:
        self.password, self.durable = password, durable
        self.port = port if port and port_is_free(port) else free_port()
        self.folder = root / "valkey"
        self.process = SupervisedProcess(
            "valkey",
            [str(valkey_binary()), "valkey.conf"],
            root / "log" / "valkey.log",
            cwd=self.folder,
        )

    @property
    def url(self) -> str:
        """The connection URL."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Write the configuration file and start the server."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": "./",
            "requirepass": self.password,
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            "maxmemory-policy": "noeviction",
        }
        # In a file: every user of the machine can read the arguments of a process.
        handle = os.open(self.folder / "valkey.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{name} {value}\n" for name, value in settings.items())
        self.process.start()

    def await_ready(self) -> None:
        """Wait until the server answers; raises StackError."""
        import redis

        client = redis.Redis.from_url(self.url, socket_connect_timeout=1)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client.ping()
                return
            except redis.RedisError as error:
                if not self.process.alive or time.monotonic() > deadline:
                    raise StackError(
                        f"Valkey did not start: {self.process.last_error or error}"
                    ) from None
                time.sleep(0.03)
