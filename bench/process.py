"""A server under measurement: its process, and what /proc says of it."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time used so far in seconds, user and system; memory resident now in bytes."""

    cpu: float
    resident: int


def usage(pid: int) -> Usage:
    """Of a process with all its threads (proc(5), /proc/pid/stat). Raises FileNotFoundError when it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(cpu=(int(fields[11]) + int(fields[12])) / _TICKS, resident=int(fields[21]) * _PAGE)


def receive_buffer_errors() -> int:
    """UDP datagrams this host dropped because a socket's buffer was full (/proc/net/snmp)."""
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    return int(dict(zip(names, values, strict=True))["RcvbufErrors"])


class ServerProcess:
    """One server in its own process and temporary folder. `address` is what its entrance connects to."""

    name: str

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"bench-{self.name}-")
        self.folder = Path(self._folder.name)
        self.address = str(self.folder / "control")
        self.environment: dict[str, str] = {}  # what server and entrance both need
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Launch it and return once it can be entered. Raises RuntimeError when it does not come up."""
        raise NotImplementedError

    async def launch(self, command: Sequence[str]) -> None:
        with (self.folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
            )

    async def reachable(self, within: float = 15.0) -> None:
        """Wait until `address` is a path that exists. Raises RuntimeError with the end of the log."""
        for _ in range(round(within / 0.05)):
            if os.path.exists(self.address):  # noqa: ASYNC240 - one stat() of a local folder
                return
            if self._process is None or self._process.returncode is not None:
                break
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start:\n{self.log()}")

    async def ended(self) -> int:
        """Wait for the end of what was launched last; its exit status."""
        assert self._process is not None
        return await self._process.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    @property
    def pid(self) -> int:
        """Of what was launched last."""
        assert self._process is not None
        return self._process.pid

    async def end(self) -> None:
        """Ask what was launched last, then insist after 5 s."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def stop(self) -> None:
        await self.end()
        self._folder.cleanup()
