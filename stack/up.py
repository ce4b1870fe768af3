"""`manage.py up`: the whole product on one machine, supervised, until Ctrl-C."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from config.env import BASE_DIR, Env, load, var_folder
from stack.servers import Servers, Settings, StackError, die_with_parent, port_is_free, write_private

HEALTHY_SECONDS = 90
RESTART_PAUSES = (0.5, 1, 2, 5, 10, 30)
STEADY_SECONDS = 60


class Process:
    """One process of Parley: its command, its log, and when it may be started again."""

    def __init__(self, name: str, command: list[str], log_folder: Path) -> None:
        self.name, self.command, self.log = name, command, log_folder / f"{name}.log"
        self.failures = 0
        self.not_before = 0.0
        self.start()

    def start(self) -> None:
        """Start it; it ends with the supervisor."""
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=BASE_DIR,
                preexec_fn=die_with_parent, start_new_session=True,
            )  # fmt: skip

    def tend(self) -> None:
        """Start it again, after a growing pause, if it has ended."""
        if self.popen.poll() is None:
            if time.monotonic() - self.started_at > STEADY_SECONDS:
                self.failures = 0
            return
        if not self.not_before:
            pause = RESTART_PAUSES[min(self.failures, len(RESTART_PAUSES) - 1)]
            self.failures += 1
            self.not_before = time.monotonic() + pause
            say(f"{self.name} ended with {self.popen.returncode}; again in {pause} s. Its log: {self.log}")
        elif time.monotonic() >= self.not_before:
            self.not_before = 0.0
            self.start()

    def stop(self) -> None:
        """Ask it to end."""
        if self.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGTERM)

    def await_end(self, seconds: float) -> None:
        """Wait, then insist."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)


class Interrupted(Exception):
    """Somebody asked us to stop."""


def main() -> int:
    """Run everything until told to stop; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    processes: list[Process] = []
    servers: Servers | None = None
    try:
        servers = _servers()
        env = load()
        _require_free_ports(env)
        _manage("migrate", "--verbosity", "0", says="Preparing the database")
        processes.extend(_processes(env))
        _manage("seed_demo", says="")
        _await_healthy(env, processes)
        _introduce(env, processes, servers)
        while True:
            time.sleep(0.5)
            _tend(processes, servers)
    except Interrupted:
        say("Stopping …")
        return 0
    except (StackError, subprocess.CalledProcessError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    finally:
        _ignore_signals()
        _stop(processes)
        if servers:
            servers.stop()


def say(text: str) -> None:
    """One line for the person at the console."""
    print(text, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _servers() -> Servers:
    postgres, valkey = (not os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL"))
    if postgres or valkey:
        say("Starting " + " and ".join(n for n, on in (("PostgreSQL", postgres), ("Valkey", valkey)) if on) + " …")
    servers = Servers(Settings(var_folder()), postgres=postgres, valkey=valkey)
    try:
        servers.start()
    except BaseException:
        servers.stop()
        raise
    if servers.note:
        say(servers.note)
    os.environ.update(servers.environment)
    (var_folder() / "log").mkdir(parents=True, exist_ok=True)
    return servers


def _require_free_ports(env: Env) -> None:
    for name, port in (("PORT", env.port), ("LIVE_PORT", env.live_port)):
        if not port_is_free(port, env.host):
            raise StackError(f"port {port} is taken. Choose another: {name}={port + 10} make run")


def _manage(*words: str, says: str) -> None:
    if says:
        say(f"{says} …")
    subprocess.run([sys.executable, str(BASE_DIR / "manage.py"), *words], check=True, preexec_fn=die_with_parent)


def _processes(env: Env) -> list[Process]:
    log = env.var / "log"
    python = sys.executable
    workers = os.environ.get("WEB_WORKERS", "2")
    commands = {
        "web": [python, "-m", "granian", "--interface", "wsgi", "--host", env.host, "--port", str(env.port),
                "--workers", workers, "--blocking-threads", "4", "--log-level", "warning",
                "config.wsgi:application"],
        "live": [python, "-m", "uvicorn", "--host", env.host, "--port", str(env.live_port), "--log-level", "warning",
                 "--timeout-graceful-shutdown", "1", "config.asgi:application"],
        "worker": [python, "-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "WARNING",
                   "--without-gossip", "--without-mingle"],
        "beat": [python, "-m", "celery", "-A", "config", "beat", "--schedule", str(env.var / "beat"),
                 "--loglevel", "WARNING", "--pidfile", ""],
    }  # fmt: skip
    say("Starting web, live streams, worker and beat …")
    return [Process(name, command, log) for name, command in commands.items()]


def _await_healthy(env: Env, processes: list[Process]) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    waiting = {f"{env.base_url}/readyz": "web", f"http://127.0.0.1:{env.live_port}/live/healthz": "live"}
    while waiting:
        for url in list(waiting):
            if _answers(url.replace(env.base_url, f"http://127.0.0.1:{env.port}")):
                del waiting[url]
        if time.monotonic() > deadline:
            names = ", ".join(sorted(waiting.values()))
            raise StackError(f"not healthy after {HEALTHY_SECONDS} s: {names}. See {env.var / 'log'}")
        for process in processes:
            process.tend()
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _introduce(env: Env, processes: list[Process], servers: Servers) -> None:
    path = env.var / "demo.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pids = {process.name: process.popen.pid for process in processes} | servers.pids | {"supervisor": os.getpid()}
    write_private(path, known | {"base_url": env.base_url, "live_url": env.live_url, "pids": pids})
    lines = ["", f"  Parley is running at {env.base_url}", ""]
    for role, login in known.get("logins", {}).items():
        where = "/admin/" if role == "operator" else "/"
        lines.append(f"  {role:<9} {login['email']:<24} {login['password']:<16} {env.base_url}{where}")
    if "api_key" in known:
        lines += ["", f"  API key   {known['api_key']}", "", "  Send a message to the simulated phone:", "", _curl(known), ""]
        lines += [f"  See it arrive at {env.base_url}/phone/ (log in as owner or agent)."]
    lines += [f"  All of this is in {path}", "  Ctrl-C stops everything; data is kept.", ""]
    say("\n".join(lines))


def _curl(known: dict[str, str]) -> str:
    body = {
        "messaging_product": "whatsapp", "to": known["customer_wa_id"], "type": "text",
        "text": {"body": "Hello from Parley"},
    }  # fmt: skip
    return (
        f"  curl -X POST {known['base_url']}/v23.0/{known['phone_number_id']}/messages \\\n"
        f"    -H 'Authorization: Bearer {known['api_key']}' -H 'Content-Type: application/json' \\\n"
        f"    -d '{json.dumps(body)}'"
    )


def _tend(processes: list[Process], servers: Servers) -> None:
    for process in processes:
        process.tend()
    for name, server in servers.processes.items():
        if server.poll() is not None:
            raise StackError(f"{name} has stopped. Its log: {servers.root / 'log' / (name + '.log')}")


def _stop(processes: list[Process]) -> None:
    for process in processes:
        process.stop()
    for process in processes:
        process.await_end(10)
