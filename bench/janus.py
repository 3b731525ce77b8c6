"""Janus VideoRoom under the same load: its process with a configuration of its own, and the clients that meet in it.

Janus gives each participant one connection to publish on and one to receive on, so a leg here is two of them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import socket
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.description import CAMERA, CHROMIUM, MICROPHONE, Description, Track, description, media_lines, parse
from bench.participant import Stream
from bench.peer import Peer, host_address
from bench.process import ServerProcess
from bench.session import Attendee, Entrance, Load

Message = dict[str, Any]

_PLUGIN = "janus.plugin.videoroom"
_STARTS = 10  # tries: see Janus.start
_UP_WITHIN = 3.0  # seconds


def is_installed() -> bool:
    return shutil.which("janus") is not None


class Janus(ServerProcess):
    """Debian's Janus as it comes, without the plugins and transports that have nothing to do here."""

    name = "janus"

    async def start(self) -> None:
        """Janus 1.1.2 loses a race against itself: where the thread of its Unix socket runs before that transport is
        marked as ready, the thread ends, and Janus has no API. Seen in every third start, so it is started again."""
        self.address = str(self.folder / "api")
        self._configure()
        for attempt in range(1, _STARTS + 1):
            Path(self.address).unlink(missing_ok=True)  # noqa: ASYNC240 - of a local folder
            await self.launch(["janus", "-o", "-F", str(self.folder), "-C", str(self.folder / "janus.jcfg")])
            try:
                await self.reachable(_UP_WITHIN)
                await self._answers()
            except (RuntimeError, OSError, TimeoutError):
                if attempt == _STARTS:
                    raise
                await self.end()
            else:
                return

    async def _answers(self) -> None:
        """Raises OSError or TimeoutError where nobody reads what is asked."""
        api = _Api(self.address)
        try:
            await asyncio.wait_for(api.request("ping"), _UP_WITHIN)
        finally:
            api.close()

    def _configure(self) -> None:
        plugins, transports = (
            ",".join(
                sorted({path.name for path in Path("/usr/lib").glob(f"*/janus/{kind}/*") if used not in path.name})
            )
            for kind, used in (("plugins", "videoroom"), ("transports", "pfunix"))
        )
        (self.folder / "janus.jcfg").write_text(f"""
general: {{ debug_level = 3, session_timeout = 0 }}
nat: {{ ice_lite = true, ice_enforce_list = "{host_address()}" }}
media: {{ rtp_port_range = "20000-40000" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
""")
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("general: { events = false }\n")
        (self.folder / "janus.transport.pfunix.jcfg").write_text(f"""
general: {{ enabled = true, json = "compact", path = "{self.address}", type = "SOCK_SEQPACKET" }}
""")


class JanusRefusal(ConnectionError):
    """Janus answered a request with an error."""


class _Api:
    """The Janus API over a Unix socket of whole messages."""

    def __init__(self, path: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(path)
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self.up: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)  # by handle: its media is up
        self.session = 0

    def _readable(self) -> None:
        message: Message = json.loads(self._socket.recv(1 << 20))
        if message["janus"] == "webrtcup":
            self.up[message["sender"]].set()
            return
        waiting = self._waiting.get(message.get("transaction", ""))
        if waiting is None or waiting.done() or message["janus"] == "ack":
            return
        failure = message.get("error") or message.get("plugindata", {}).get("data", {}).get("error")
        if failure:
            waiting.set_exception(JanusRefusal(str(failure)))
        else:
            waiting.set_result(message)

    async def request(self, kind: str, **fields: object) -> Message:
        """The final answer to a request, not its acknowledgement. Raises JanusRefusal or TimeoutError."""
        transaction = str(next(self._numbers))
        message = {"janus": kind, "transaction": transaction, **fields}
        if self.session:
            message["session_id"] = self.session
        waiting = self._waiting[transaction] = self._loop.create_future()
        self._socket.send(json.dumps(message).encode())
        try:
            return await asyncio.wait_for(waiting, 10)
        finally:
            del self._waiting[transaction]

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()


class _Handle:
    """One attachment to the VideoRoom plugin: one connection."""

    def __init__(self, api: _Api, number: int) -> None:
        self._api, self._number = api, number

    @classmethod
    async def attach(cls, api: _Api) -> _Handle:
        answer = await api.request("attach", plugin=_PLUGIN)
        return cls(api, answer["data"]["id"])

    async def up(self) -> None:
        """Until Janus itself says that media is up: nobody can subscribe to a feed before. Raises TimeoutError."""
        await asyncio.wait_for(self._api.up[self._number].wait(), 10)

    async def ask(self, jsep: Message | None = None, **body: object) -> Message:
        extra = {} if jsep is None else {"jsep": jsep}
        return await self._api.request("message", handle_id=self._number, body=body, **extra)


class _Visitor(Attendee):
    """Somebody in a Janus room."""

    def __init__(self, name: str, load: Load) -> None:
        self.publisher = Stream(name, load.seed)
        self.subscriber = Stream(f"{name}'s ears", load.seed, nack_rate=load.nack_rate)
        for stream in (self.publisher, self.subscriber):
            stream.peer = Peer(stream.random, stream.on_rtp, stream.on_rtcp)
        self.microphone, self.camera = self.publisher.new_microphone(), self.publisher.new_camera()
        super().__init__([self.publisher, self.subscriber], [self.microphone, self.camera])
        self.feed = 0

    async def publish(self, api: _Api, room: int) -> None:
        handle = await _Handle.attach(api)
        joined = await handle.ask(request="join", ptype="publisher", room=room, display=self.publisher.name)
        self.feed = joined["plugindata"]["data"]["id"]
        transport = self.publisher.peer.gather()
        tracks = [Track(each.mid, each.ssrc, each.rtx) for each in (self.microphone, self.camera)]
        offer = description(
            [MICROPHONE, CAMERA],
            [
                media_lines(each.mid, "sendonly", transport, CHROMIUM, audio=each.mid == MICROPHONE, track=each)
                for each in tracks
            ],
        )
        answered = await handle.ask(jsep={"type": "offer", "sdp": offer, "trickle": False}, request="publish")
        self.publisher.peer.connect(parse(answered["jsep"]["sdp"]).transport)
        await self.publisher.peer.connected(10)
        await handle.up()
        self.publisher.start_reports()

    async def subscribe(self, api: _Api, room: int, feeds: list[int]) -> None:
        handle = await _Handle.attach(api)
        streams = [{"feed": feed} for feed in feeds]
        attached = await handle.ask(request="join", ptype="subscriber", room=room, streams=streams)
        offered = parse(attached["jsep"]["sdp"])
        for section in offered.sections:
            self.subscriber.expect(section)
        answer = {"type": "answer", "sdp": self._accept(offered), "trickle": False}
        await handle.ask(jsep=answer, request="start", room=room)
        self.subscriber.peer.connect(offered.transport)
        await self.subscriber.peer.connected(10)
        self.subscriber.start_reports()

    def _accept(self, offered: Description) -> str:
        transport = self.subscriber.peer.gather("passive")
        return description(
            [section.mid for section in offered.sections],
            [
                media_lines(section.mid, "recvonly", transport, CHROMIUM, audio=section.kind == "audio")
                for section in offered.sections
            ],
        )


class JanusEntrance(Entrance):
    """Rooms are made as calls are opened. The address is the path of the API's socket."""

    def __init__(self, load: Load) -> None:
        super().__init__(load)
        self._apis: list[_Api] = []

    async def open(self, call: int) -> list[Attendee]:
        self._apis.append(api := _Api(self.load.address))
        api.session = (await api.request("create"))["data"]["id"]
        room = 1000 + call
        manager = await _Handle.attach(api)
        await manager.ask(
            request="create",
            room=room,
            publishers=self.load.people,
            bitrate=0,
            fir_freq=0,
            audiocodec="opus",
            videocodec="vp8",
            record=False,
        )
        visitors = [_Visitor(f"{call}/{seat}", self.load) for seat in range(self.load.people)]
        for visitor in visitors:
            await visitor.publish(api, room)
        for visitor in visitors:
            await visitor.subscribe(api, room, [other.feed for other in visitors if other is not visitor])
        return list(visitors)

    async def close(self) -> None:
        for api in self._apis:
            api.close()
