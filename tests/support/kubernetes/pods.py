"""The pods of an emulated Kubernetes: for each deployment a process of Dask on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from support.kubernetes.objects import Objects


class Pods:
    """Starts, restarts and ends pods as deployments ask for, and says how they are."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self.objects = objects
        self.folder = folder
        self.ports: dict[tuple[str, int], int] = {}  # of a pod and its port, the port here
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.started: list[str] = []

    async def run(self) -> None:
        while True:
            await self._follow()
            await asyncio.sleep(0.1)

    async def _follow(self) -> None:
        await self.objects.collect()
        await self._serve()
        gone = set(self.processes) - {p["metadata"]["name"] for p in self.objects.list("pods")}
        for name in gone:
            self.end(name)
            del self.processes[name]
        deployments = {d["metadata"]["uid"]: d for d in self.objects.list("deployments")}
        wanted = set(deployments)
        for pod in self.objects.list("pods"):
            owner = pod["metadata"]["ownerReferences"][0]["uid"]
            name = pod["metadata"]["name"]
            if owner not in deployments:
                continue
            wanted.discard(owner)
            process = self.processes.get(name)
            if process is None or process.poll() is not None:  # restartPolicy: Always
                self._start(pod)
            await self.objects.patch("pods", pod, {"status": self._status(pod)})
        for uid, deployment in deployments.items():  # the scheduler's is the oldest
            if uid in wanted:
                await self._create(deployment)

    async def _serve(self) -> None:
        """Give services a status, and never before the operator has made all of a cluster.

        It says Running when it sees a service's status, and Pending when it has made all: where the
        latter came last, as on a busy machine, KubeCluster would wait for a minute and give up.
        """
        for service in self.objects.list("services"):
            metadata = service["metadata"]
            name = metadata["labels"]["dask.org/cluster-name"]
            cluster = self.objects.get("daskclusters", metadata["namespace"], name) or {}
            if "status" not in service and cluster.get("status", {}).get("phase") == "Pending":
                await self.objects.patch("services", service, {"status": {"loadBalancer": {}}})

    async def _create(self, deployment: dict[str, Any]) -> None:
        metadata, spec = deployment["metadata"], deployment["spec"]["template"]
        name = f"{metadata['name']}-{uuid.uuid4().hex[:5]}"
        pod = await self.objects.create("pods", metadata["namespace"], {
            "apiVersion": "v1", "kind": "Pod", "spec": spec["spec"],
            "metadata": {
                "name": name, "labels": spec["metadata"]["labels"],
                "ownerReferences": [{"uid": metadata["uid"], "kind": "Deployment"}],
            },
            "status": {"phase": "Pending", "conditions": []},
        })  # fmt: skip
        self._start(pod)

    def _start(self, pod: dict[str, Any]) -> None:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        given = {one["name"]: one["value"] for one in container.get("env") or []}
        kind, *arguments = [_filled(argument, given) for argument in container["args"]]
        if kind == "dask-scheduler":
            for port in (8786, 8787):
                self.ports[name, port] = _free_port()
            arguments = [
                "--host", "127.0.0.1", "--port", str(self.ports[name, 8786]),
                "--dashboard-address", f"127.0.0.1:{self.ports[name, 8787]}",
            ]  # fmt: skip
        else:  # each pod has an address of its own; here they share one
            arguments = [":0" if word == "8788" else word for word in arguments]
            found = self._address(given["DASK_SCHEDULER_ADDRESS"])
            if found is None:
                return
            given["DASK_SCHEDULER_ADDRESS"] = found
        module = f"distributed.cli.{kind.replace('-', '_')}"
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], env={**os.environ, **given},
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.started.append(name)

    def _address(self, asked: str) -> str | None:
        """Where the scheduler is that is named by its service; None while its cluster goes."""
        service, namespace = asked.removeprefix("tcp://").split(".")[:2]
        found = self.objects.get("services", namespace, service)
        if found is None:
            return None
        labels = ",".join(f"{k}={v}" for k, v in found["spec"]["selector"].items())
        ports = [
            self.ports[pod["metadata"]["name"], 8786]
            for pod in self.objects.list("pods", namespace, labels)
        ]
        return f"tcp://127.0.0.1:{ports[0]}" if ports else None

    def _status(self, pod: dict[str, Any]) -> dict[str, Any]:
        port = self.ports.get((pod["metadata"]["name"], 8786))
        ready = "True" if port is None or _answers(port) else "False"
        conditions = [{"type": kind, "status": ready} for kind in ("Ready", "ContainersReady")]
        return {"phase": "Running", "conditions": conditions}

    def of(self, process: int) -> str:
        """The pod in which a process runs."""
        group = os.getpgid(process)
        return next(name for name, started in self.processes.items() if started.pid == group)

    def end(self, name: str) -> None:
        """Kill a pod and wait for it: its nanny and its worker are one process group."""
        process = self.processes[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end_all(self) -> None:
        for name in self.processes:
            self.end(name)


def _filled(argument: str, given: dict[str, str]) -> str:
    for name, value in given.items():
        argument = argument.replace(f"$({name})", value)
    return argument


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
