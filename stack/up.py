"""`manage.py up`: run the whole product on one machine, supervised, until Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from types import FrameType

from config.environment import (
    BASE_DIR,
    Addresses,
    Environment,
    addresses,
    chosen_postgres,
    load,
    var_folder,
)
from config.variables import ConfigurationError, given, text
from core.installation import process_start, read_json
from stack import static_files
from stack.commands import Front, commands, front_of, http_port
from stack.demo import DemoProcess
from stack.lock import AlreadyRunning, StackError
from stack.machine import end_with_parent, port_is_free, status_on_socket
from stack.process import SupervisedProcess
from stack.servers import Servers, Settings
from stack.welcome import welcome

HEALTHY_SECONDS = 90
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# First what accepts requests and creates work, then what does the work.
STOPPED_IN_ORDER = (("front", "web", "live", "beat"), ("worker",))


class Interrupted(Exception):
    """A signal asked this process to stop."""


def main() -> int:
    """Run everything until a signal arrives; returns the exit code."""
    for number in ENDS:
        signal.signal(number, _interrupt)
    # Whatever is written below the folder is for this user only.
    os.umask(0o077)
    servers = Servers(
        Settings(var_folder(), postgres_bin=chosen_postgres()),
        postgres=not given("DATABASE_URL"),
        valkey=not given("REDIS_URL"),
    )
    processes: dict[str, SupervisedProcess] = {}
    guard = _guard()
    try:
        _run(servers, processes)
    except Interrupted:
        say("\nStopping …")
    except AlreadyRunning as error:
        return _fail(f"{error}{_where()} Stop it first.")
    except (StackError, ConfigurationError) as error:
        return _fail(str(error))
    finally:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        _stop(processes)
        servers.stop()
        guard.communicate()
    return 0


def say(text: str) -> None:
    """Print one line on the console."""
    print(text, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print what is being done, and how many seconds it took."""
    start = time.monotonic()
    print(f"{text} …", end="", flush=True)
    try:
        yield
    except BaseException:
        say("")
        raise
    say(f" {time.monotonic() - start:.1f} s")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def _fail(text: str) -> int:
    print(f"parley: {text}", file=sys.stderr)
    return 1


def _where() -> str:
    address = read_json(var_folder() / "demo.json").get("base_url")
    return f" Look at {address}." if address else ""


def _run(servers: Servers, processes: dict[str, SupervisedProcess]) -> None:
    front = front_of(var_folder())
    _start_servers(servers, front)
    env = load()
    with step("Preparing the database"), static_files.collection(env.static) as collect:
        _manage(["migrate", "--verbosity", "0"], *collect)
    if not env.demo:
        # Whoever reads this console may become the first operator.
        _manage(["operator", "--if-none", env.acme_email or "operator@localhost.localdomain"])
    _start_processes(env, front, processes)
    servers.record(**processes)
    demo = DemoProcess(env.var / "log" / "seed_demo.log") if env.demo else None
    try:
        with step("Waiting until web, live streams, worker and beat are healthy"):
            _await_healthy(env, front, servers, processes)
        if demo and not demo.await_logins():
            say(f"There is no demo, everything else runs: {demo.problem}")
            demo = None
        say(welcome(env, _pids(servers, processes)))
        while True:
            time.sleep(0.5)
            _restart_ended(env, servers, processes)
            if demo and not demo.show(say):
                demo = None
    finally:
        if demo:
            demo.stop()


def _start_processes(
    env: Environment, front: Front | None, processes: dict[str, SupervisedProcess]
) -> None:
    for name, command in commands(env, front).items():
        process = SupervisedProcess(name, command, env.var / "log" / f"{name}.log", cwd=BASE_DIR)
        if front and name == "front":
            process.environment = front.environment(env)
        elif front:
            process.socket = {"web": front.web, "live": front.live}.get(name)
        processes[name] = process
        process.start()


def _start_servers(servers: Servers, front: Front | None) -> None:
    names = [
        name
        for name, ours in (("PostgreSQL", servers.wants_postgres), ("Valkey", servers.wants_valkey))
        if ours
    ]
    with step(
        f"Starting {' and '.join(names)}" if names else "Using the servers of the environment"
    ):
        servers.start()
        # After the lock, so that a second start reports the first one instead of a taken port.
        _require_free_ports(addresses(), front)
    if servers.note:
        say(servers.note)
    if not front:
        where = addresses()
        say(f"There is no Caddy: live streams have a port of their own, {where.live_port}.")
        os.environ.setdefault("LIVE_URL", f"http://{where.local_host}:{where.live_port}")
    os.environ.update(servers.environment)
    _empty_metrics()


def _empty_metrics() -> None:
    """Give the processes a folder for their counters, without those of earlier starts."""
    if not text("PROMETHEUS_MULTIPROC_DIR"):
        folder = var_folder() / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _guard() -> "subprocess.Popen[bytes]":
    # It wakes when our end of its pipe closes, however this process ends.
    command = [
        sys.executable,
        "-m",
        "stack.guard",
        str(var_folder()),
        process_start(os.getpid()) or "",
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=BASE_DIR, start_new_session=True)


def _require_free_ports(where: Addresses, front: Front | None) -> None:
    if where.domain and not front:
        raise StackError("DOMAIN needs Caddy, and there is none: install it.")
    host = "0.0.0.0" if where.domain else where.host
    ports = {"PORT": where.port}
    ports |= {"HTTP": http_port(where)} if where.domain else {}
    ports |= {} if front else {"LIVE_PORT": where.live_port}
    for name, port in ports.items():
        if port_is_free(port, host):
            continue
        if where.domain:
            raise StackError(f"port {port} cannot be used: it is taken, or root's alone.")
        raise StackError(
            f"port {port} of {host} is taken. Choose another: {name}={port + 10} make run"
        )


def _manage(*commands: list[str]) -> None:
    """Run commands of `manage.py` beside each other; StackError where one of them fails."""
    running = [(words[0], _begin(words)) for words in commands]
    try:
        for name, command in running:
            if command.wait():
                log = _log_of(name)
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                said = (last or ["it said nothing"])[0][:300]
                raise StackError(f"`manage.py {name}` failed: {said} (log: {log})")
    finally:
        for _name, command in running:
            if command.poll() is None:
                command.terminate()
                command.wait()


def _begin(words: list[str]) -> "subprocess.Popen[bytes]":
    with _log_of(words[0]).open("wb") as problems:
        # A session of its own: Ctrl-C signals only us, and we end the command.
        return subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), *words],
            preexec_fn=end_with_parent(),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stderr=problems,
        )


def _log_of(name: str) -> Path:
    return var_folder() / "log" / f"{name}.log"


def _await_healthy(
    env: Environment,
    front: Front | None,
    servers: Servers,
    processes: dict[str, SupervisedProcess],
) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    web, live = (f"http://{env.local_host}:{port}" for port in (env.port, env.live_port))
    if front:
        web, live = f"unix:{front.web}:", f"unix:{front.live}:"
    waiting = [f"{web}/healthz", f"{web}/readyz", f"{live}/live/healthz"]
    waiting += [f"front:{env.port}"] if front else []
    while waiting:
        waiting = [url for url in waiting if not _answers(url)]
        if time.monotonic() > deadline:
            raise StackError(
                f"not healthy after {HEALTHY_SECONDS} s: {', '.join(waiting)}."
                f" See {env.var / 'log'}"
            )
        _restart_ended(env, servers, processes)
        time.sleep(0.1)


def _answers(url: str) -> bool:
    """Whether `http://…`, `unix:<socket>:<path>` or `front:<port>` answers."""
    scheme, _, rest = url.partition(":")
    try:
        if scheme == "front":
            with socket.create_connection(("127.0.0.1", int(rest)), timeout=2):
                return True
        if scheme == "unix":
            return status_on_socket(*rest.split(":")) == 200
        # An address of our own.
        with urllib.request.urlopen(url, timeout=2) as response:  # nosec B310
            return bool(response.status == 200)
    except (OSError, HTTPException):
        return False


def _restart_ended(
    env: Environment, servers: Servers, processes: dict[str, SupervisedProcess]
) -> None:
    servers.restart_ended(say)
    if [name for name, process in processes.items() if process.restart_if_ended(say)]:
        servers.record(**processes)
        welcome(env, _pids(servers, processes))


def _pids(servers: Servers, processes: dict[str, SupervisedProcess]) -> dict[str, int]:
    return {
        "supervisor": os.getpid(),
        **servers.pids,
        **{name: process.pid for name, process in processes.items()},
    }


def _stop(processes: dict[str, SupervisedProcess]) -> None:
    for names in STOPPED_IN_ORDER:
        chosen = [processes[name] for name in names if name in processes]
        for process in chosen:
            process.stop()
        for process in chosen:
            process.await_end()
