"""Commands of the processes that `up` starts, and the sockets behind the front."""

import hashlib
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.environment import BASE_DIR, WEB_THREADS, Addresses, Environment
from core.programs import caddy_binary
from stack.lock import StackError

# The shortest limit of the paths of Unix sockets (macOS), less the name.
LONGEST_FOLDER = 90
TLS_PORT = 443
# Words for manage.py: static files get hashed names and compressed copies.
COLLECT = ["collectstatic", "--no-input", "--verbosity", "0"]
CADDYFILE = BASE_DIR / "deploy" / "Caddyfile"


@dataclass(frozen=True)
class Front:
    """Caddy in front of web and live streams, which listen on sockets in a private folder."""

    binary: Path
    sockets: Path

    @property
    def web(self) -> Path:
        """The socket on which the web listens."""
        return self.sockets / "web.sock"

    @property
    def live(self) -> Path:
        """The socket on which the live streams listen."""
        return self.sockets / "live.sock"

    def environment(self, env: Environment) -> dict[str, str]:
        """What `deploy/Caddyfile` asks for."""
        return {
            **self._site(env),
            "WEB": f"unix/{self.web}",
            "LIVE": f"unix/{self.live}",
            # Where Caddy keeps certificates and its own state.
            "XDG_DATA_HOME": str(env.var),
            "XDG_CONFIG_HOME": str(env.var),
        }

    def _site(self, env: Environment) -> dict[str, str]:
        if not env.domain:
            return {"SITE": f"http://:{env.port}", "BIND": f"bind {env.host}"}
        options = ["local_certs", "skip_install_trust"] if env.tls == "internal" else []
        if env.acme_email and env.tls == "acme":
            options.append(f"email {env.acme_email}")
        if env.port != TLS_PORT:
            options += [f"https_port {env.port}", f"http_port {http_port(env)}"]
        return {"SITE": env.domain, "GLOBAL": "\n".join(options)}


def http_port(where: Addresses) -> int:
    """The port beside TLS, which answers challenges of ACME and leads to https."""
    return 80 if where.port == TLS_PORT else where.port + 1


def front_of(var: Path) -> Front | None:
    """The front, with its folder of sockets; None where there is no Caddy."""
    binary = caddy_binary()
    return Front(binary, _sockets(var)) if binary else None


def _sockets(var: Path) -> Path:
    folder = var / "run"
    if len(str(folder)) > LONGEST_FOLDER:
        name = hashlib.sha256(str(var).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    # In /tmp anybody may have made it. Who may open a socket is taken for a trusted proxy.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StackError(f"{folder} is not a folder of this user. Remove it.")
    folder.chmod(0o700)
    return folder


def commands(env: Environment, front: Front | None) -> dict[str, list[str]]:
    """Command of every process by its name, in the order in which they start."""
    found = {
        "web": web(
            _listening(env.host, env.port, front.web if front else None), str(env.web_workers)
        ),
        "live": live(_listening(env.host, env.live_port, front.live if front else None)),
        "worker": worker(str(env.worker_processes)),
        "beat": beat(env.var),
    }
    return found | ({"front": front_command(front.binary)} if front else {})


def _listening(host: str, port: int, socket: Path | None) -> list[str]:
    return ["--uds", str(socket)] if socket else ["--host", host, "--port", str(port)]


def web(listening: list[str], workers: str) -> list[str]:
    """Pages, API and webhooks; `listening` are granian's options for socket or port."""
    return [
        *_module("granian"), "--interface", "wsgi", *listening,
        "--workers", workers, "--blocking-threads", str(WEB_THREADS),
        "--workers-kill-timeout", "5", "--log-level", "warning", "--no-access-log",
        "config.wsgi:application",
    ]  # fmt: skip


def live(listening: list[str]) -> list[str]:
    """The event streams; `listening` are uvicorn's options for socket or port."""
    return [
        *_module("uvicorn"), *listening,
        "--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "1",
        "config.asgi:application",
    ]  # fmt: skip


def worker(processes: str) -> list[str]:
    """Work in the background, by so many processes."""
    return [
        *_module("celery"), "-A", "config", "worker", "--concurrency", processes,
        "--loglevel", "WARNING", "--without-gossip", "--without-mingle",
    ]  # fmt: skip


def beat(var: Path) -> list[str]:
    """The schedule, whose state is a file in `var`."""
    return [
        *_module("celery"), "-A", "config", "beat", "--schedule", str(var / "beat"),
        "--loglevel", "WARNING", "--pidfile", "",
    ]  # fmt: skip


def front_command(binary: Path) -> list[str]:
    """The front, with the configuration that all ways of starting it share."""
    return [str(binary), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
