"""An emulated Kubernetes API server: what kr8s and kopf ask of one, port forwarding too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

import jsonpatch
from aiohttp import WSMsgType, web

from support.kubernetes.objects import DASK, KINDS, Objects, merged
from support.kubernetes.pods import Pods

_PATH = re.compile(
    r"/(?:api|apis)/(?P<group>v1|[^/]+/v1)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?"
)
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Api:
    """Answers by the objects that it keeps; `refused` and `installed` make it a bad one."""

    def __init__(self, objects: Objects, pods: Pods) -> None:
        self.objects = objects
        self.pods = pods
        self.installed = True  # the definitions of Dask's resources
        self.silent = False
        self.watched: set[str] = set()
        #: Methods and plurals that are answered with 403, such as "POST daskclusters".
        self.refused: set[str] = set()

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.answer)
        return application

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.silent:
            await asyncio.sleep(3600)
        path = request.path.rstrip("/")
        found = self._of_all(path)
        if found is not None:
            return web.json_response(found)
        match = _PATH.fullmatch(path)
        if match is None or match["plural"] not in self._kinds().get(match["group"], {}):
            return web.Response(status=404, text="404 page not found\n")
        plural, namespace, name = match["plural"], match["namespace"] or "", match["name"]
        if f"{request.method} {plural}" in self.refused:
            return _failed(403, f'{plural} is forbidden: User "ada" cannot {request.method} it')
        if match["sub"] == "portforward":
            return await self._forward(request, name)
        if name is None:
            return await self._collection(request, match["group"], plural, namespace)
        return await self._object(request, plural, namespace, name)

    def _kinds(self) -> dict[str, dict[str, str]]:
        return {g: kinds for g, kinds in KINDS.items() if g != DASK or self.installed}

    def _of_all(self, path: str) -> dict[str, Any] | None:
        """The version, and what kinds there are."""
        groups = [group for group in self._kinds() if "/" in group]
        if path == "/version":
            return {"gitVersion": "v1.33.0", "major": "1", "minor": "33"}
        if path == "/api":
            return {"versions": ["v1"]}
        if path == "/apis":
            return {"groups": [_group(group) for group in groups]}
        group = path.partition("/apis/")[2] or path.partition("/api/")[2]
        kinds = self._kinds().get(group)
        if kinds is None:
            return None
        return {"groupVersion": group, "resources": [
            {"name": plural, "kind": kind, "singularName": kind.lower(), "verbs": _VERBS,
             "namespaced": plural not in ("namespaces", "customresourcedefinitions", "nodes")}
            for plural, kind in kinds.items()
        ]}  # fmt: skip

    async def _collection(
        self, request: web.Request, group: str, plural: str, namespace: str
    ) -> web.StreamResponse:
        if request.method == "POST":
            data = {"apiVersion": group, "kind": KINDS[group][plural], **await request.json()}
            if self.objects.get(plural, namespace, data["metadata"].get("name", "")):
                return _failed(409, f"{plural} {data['metadata']['name']!r} already exists")
            return web.json_response(await self.objects.create(plural, namespace, data), status=201)
        asked = request.query
        if asked.get("watch") == "true":
            return await self._watch(request, plural, namespace)
        items = self.objects.list(
            plural, namespace, asked.get("labelSelector", ""), asked.get("fieldSelector", "")
        )
        return web.json_response({
            "apiVersion": group, "kind": f"{KINDS[group][plural]}List", "items": items,
            "metadata": {"resourceVersion": str(self.objects.version)},
        })  # fmt: skip

    async def _watch(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        self.watched.add(plural)
        since = int(request.query.get("resourceVersion") or self.objects.version)
        with contextlib.suppress(ConnectionError):
            async for event in self.objects.watch(plural, namespace, since):
                await response.write(json.dumps(event).encode() + b"\n")
        return response

    async def _object(
        self, request: web.Request, plural: str, namespace: str, name: str
    ) -> web.StreamResponse:
        patch = await request.json() if request.method == "PATCH" else {}
        # From here to the change nothing may come between, or what came would be lost.
        found = self.objects.get(plural, namespace, name)
        if found is None:
            return _failed(404, f'{plural} "{name}" not found')
        if request.method == "PATCH":
            try:
                if request.content_type == "application/json-patch+json":
                    changed = jsonpatch.apply_patch(found, patch)
                else:
                    changed = merged(found, patch)
            except jsonpatch.JsonPatchException as error:
                return _failed(422, str(error))
            if changed["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
                return _failed(409, "the object has been modified")
            found = await self.objects.put(plural, found, changed)
        elif request.method == "DELETE":
            found = await self.objects.delete(plural, found)
        return web.json_response(found)

    async def _forward(self, request: web.Request, name: str) -> web.StreamResponse:
        """Bytes of a pod's port in a web socket: a channel's number, then data, as Kubernetes."""
        asked = int(request.query["ports"])
        reader, writer = await asyncio.open_connection("127.0.0.1", self.pods.ports[name, asked])
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        for number in (b"\0", b"\1"):  # of data and of errors: each begins with the port
            await channel.send_bytes(number + asked.to_bytes(2, "little"))

        async def from_pod() -> None:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    await channel.send_bytes(b"\0" + data)
            await channel.close()

        task = asyncio.create_task(from_pod())
        try:
            async for message in channel:
                if message.type == WSMsgType.BINARY:
                    writer.write(message.data[1:])
                    await writer.drain()
        finally:
            writer.close()
            task.cancel()
        return channel


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": name, "version": "v1"}
    return {"name": name.partition("/")[0], "versions": [version], "preferredVersion": version}


def _failed(status: int, message: str) -> web.Response:
    data = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
            "code": status}  # fmt: skip
    return web.json_response(data, status=status)
