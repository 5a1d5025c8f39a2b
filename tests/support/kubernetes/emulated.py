"""Starts the emulated Kubernetes, with Dask's own operator, and ends all of it again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from support.kubernetes.api import Api
from support.kubernetes.objects import Objects
from support.kubernetes.pods import Pods

_CONFIG = """\
apiVersion: v1
kind: Config
current-context: emulated
clusters: [{{name: emulated, cluster: {{server: "{server}"}}}}]
users: [{{name: ada, user: {{token: none}}}}]
contexts: [{{name: emulated, context: {{cluster: emulated, user: ada, namespace: default}}}}]
"""


class Emulated:
    """A Kubernetes API in a thread of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "kubeconfig"
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.objects = Objects()
        await self.objects.create("namespaces", "", {"metadata": {"name": "default"}})
        self.pods = Pods(self.objects, self.folder)
        self.api = Api(self.objects, self.pods)
        runner = web.AppRunner(self.api.application(), shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.config.write_text(_CONFIG.format(server=f"http://{host}:{port}"))
        self._ended = asyncio.Event()
        follows = asyncio.create_task(self.pods.run())
        self._started.set()
        await self._ended.wait()
        follows.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await follows
        finally:  # what ended the loop of pods must not leave them behind
            self.pods.end_all()
            await runner.cleanup()

    def environment(self, **given: str) -> dict[str, str]:
        """Of a command that is to use this cluster, from outside of it."""
        return {
            **os.environ, "KUBECONFIG": str(self.config), "PYTHONPATH": os.environ["PYTHONPATH"],
            "DASK_KUBERNETES__PORT_FORWARD_CLUSTER_IP": "True", **given,
        }  # fmt: skip

    def names(self, plural: str) -> list[str]:
        return [one["metadata"]["name"] for one in self.objects.list(plural)]

    def delete(self, plural: str, name: str) -> None:
        found = self.objects.get(plural, "default", name)
        assert found is not None
        asyncio.run_coroutine_threadsafe(self.objects.delete(plural, found), self._loop).result()

    @contextlib.contextmanager
    def running(self) -> Iterator[Emulated]:
        self._thread.start()
        self._started.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    @contextlib.contextmanager
    def operated(self) -> Iterator[None]:
        """With Dask's operator, as its image runs it."""
        command = [sys.executable, "-m", "kopf", "run", "--standalone", "--all-namespaces",
                   "-m", "dask_kubernetes.operator.controller"]  # fmt: skip
        with open(self.folder / "operator.log", "wb") as log:
            operator = subprocess.Popen(
                command, env={**os.environ, "KUBECONFIG": str(self.config)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            while "daskclusters" not in self.api.watched:
                assert operator.poll() is None, (self.folder / "operator.log").read_text()
                time.sleep(0.1)
            yield
        finally:
            os.killpg(operator.pid, signal.SIGKILL)
            operator.wait()
