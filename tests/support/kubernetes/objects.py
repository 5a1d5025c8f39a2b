"""The objects of an emulated Kubernetes API: kept, changed, deleted and watched as it does."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator
from typing import Any

DASK = "kubernetes.dask.org/v1"
#: Kinds by their group and version, and the plural by which addresses name them.
KINDS = {
    "v1": {"pods": "Pod", "services": "Service", "namespaces": "Namespace", "events": "Event",
           "nodes": "Node"},
    "apps/v1": {"deployments": "Deployment"},
    "apiextensions.k8s.io/v1": {"customresourcedefinitions": "CustomResourceDefinition"},
    DASK: {"daskclusters": "DaskCluster", "daskworkergroups": "DaskWorkerGroup",
           "daskjobs": "DaskJob", "daskautoscalers": "DaskAutoscaler"},
}  # fmt: skip
Key = tuple[str, str, str]
Change = tuple[str, str, dict[str, Any]]  # what happened, the plural, the object then


class Objects:
    """What the API keeps, by plural, namespace and name, and all that ever happened to it."""

    def __init__(self) -> None:
        self._kept: dict[Key, dict[str, Any]] = {}
        self._changes: list[Change] = []
        self._changed = asyncio.Condition()

    @property
    def version(self) -> int:
        return len(self._changes)

    def get(self, plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self._kept.get((plural, namespace, name))

    def list(
        self, plural: str, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        return [
            found
            for (kind, place, _), found in list(
                self._kept.items()
            )  # a test asks from another thread
            if kind == plural
            and namespace in ("", place)
            and _selected(labels, found["metadata"].get("labels", {}), nested=False)
            and _selected(fields, found, nested=True)
        ]

    async def create(self, plural: str, namespace: str, given: dict[str, Any]) -> dict[str, Any]:
        data = copy.deepcopy(given)
        metadata = data["metadata"]
        metadata.update(
            namespace=namespace, uid=str(uuid.uuid4()), generation=1,
            creationTimestamp="2026-01-01T00:00:00Z",
        )  # fmt: skip
        metadata.setdefault("name", metadata.get("generateName", "") + metadata["uid"][:6])
        if data.get("spec", {}).get("type") == "NodePort":
            for number, port in enumerate(data["spec"]["ports"]):
                port["nodePort"] = 30_000 + number
        return await self._keep("ADDED", plural, data)

    async def patch(
        self, plural: str, found: dict[str, Any], patch: dict[str, Any]
    ) -> dict[str, Any]:
        metadata = found["metadata"]
        now = self.get(plural, metadata["namespace"], metadata["name"])  # perhaps changed, or gone
        return found if now is None else await self.put(plural, now, merged(now, patch))

    async def put(self, plural: str, found: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        if data == found:
            return found
        data["metadata"]["generation"] += data.get("spec") != found.get("spec")
        kept = await self._keep("MODIFIED", plural, data)
        return await self._remove_if_free(plural, kept)

    async def delete(self, plural: str, found: dict[str, Any]) -> dict[str, Any]:
        """Gone at once, or when the last of its finalizers is, as the operator's."""
        stamp = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
        return await self._remove_if_free(
            plural, await self._keep("MODIFIED", plural, merged(found, stamp))
        )

    async def watch(self, plural: str, namespace: str, since: int) -> AsyncIterator[Any]:
        while True:
            async with self._changed:
                while len(self._changes) <= since:
                    await self._changed.wait()
            for kind, changed, data in self._changes[since:]:
                since += 1
                if changed == plural and namespace in ("", data["metadata"]["namespace"]):
                    yield {"type": kind, "object": data}

    async def _remove_if_free(self, plural: str, data: dict[str, Any]) -> dict[str, Any]:
        metadata = data["metadata"]
        key = (plural, metadata["namespace"], metadata["name"])
        free = "deletionTimestamp" in metadata and not metadata.get("finalizers")
        if not free or key not in self._kept:
            return data
        await self._keep("DELETED", plural, data)
        return data

    async def collect(self) -> None:
        """Delete what has no owner any more, also what was made after its owner was gone."""
        there = {kept["metadata"]["uid"] for kept in self._kept.values()}
        for (plural, _, _), kept in list(self._kept.items()):
            owners = kept["metadata"].get("ownerReferences", [])
            stays = not owners or any(owner["uid"] in there for owner in owners)
            if not stays and "deletionTimestamp" not in kept["metadata"]:
                await self.delete(plural, kept)

    async def _keep(self, kind: str, plural: str, data: dict[str, Any]) -> dict[str, Any]:
        data["metadata"]["resourceVersion"] = str(len(self._changes) + 1)
        key = (plural, data["metadata"]["namespace"], data["metadata"]["name"])
        if kind == "DELETED":
            self._kept.pop(key, None)
        else:
            self._kept[key] = data
        self._changes.append((kind, plural, data))
        async with self._changed:
            self._changed.notify_all()
        return data


def merged(found: Any, patch: Any) -> Any:
    """A merge patch (RFC 7396) applied, of which null removes."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _selected(selector: str, data: dict[str, Any], *, nested: bool) -> bool:
    for part in filter(None, selector.split(",")):
        name, _, wanted = part.partition("=")
        found: Any = data
        for key in name.split(".") if nested else [name]:
            found = found.get(key) if isinstance(found, dict) else None
        if found != wanted.removeprefix("="):
            return False
    return True
