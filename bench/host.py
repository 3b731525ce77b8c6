"""A relay node alone in a process, driven by lines of JSON on a Unix socket: `python -m bench.host /path/to/socket`.

The relay library without Django or a channel layer: what `manage.py relay` hosts, for profiles.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

from bench.peer import host_address
from calls.relay.node import RelayNode
from calls.relay.terms import Answer, Deadlines, Entrant, Policy, Refusal, Role
from calls.relay.udp import Address


async def serve(path: str) -> None:
    """Serve until interrupted; each line {"call", "name", "offer"} is answered by {"answer"} or {"refusal"}."""
    address = host_address()
    node = RelayNode(addresses=[Address(address, address, 0)], events=lambda event: None)
    await node.start()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = json.loads(line)
            name = request["name"]
            node.open(request["call"], Policy(), Deadlines(), {})
            try:
                outcome = node.join(request["call"], Entrant(name, name, name, Role.MEMBER, 1), request["offer"])
            except Refusal as refusal:
                reply = {"refusal": refusal.message}
            else:
                reply = {"answer": outcome.sdp} if isinstance(outcome, Answer) else {"refusal": "waiting"}
            writer.write(json.dumps(reply).encode() + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(converse, path, limit=1 << 20):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
