"""Dask on Kubernetes, as its operator makes it: started, and deleted again whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nincost.errors import InputError, described, one_line

#: Seconds in which the API must answer; kr8s itself would wait for ever.
_ANSWERS_WITHIN = 20
_DASK = "kubernetes.dask.org/v1"


@contextlib.contextmanager
def dask_on_kubernetes(kind: Callable[..., Any], workers: int | None) -> Iterator[Any]:
    """A `KubeCluster` with a name of its own.

    What has that name is ours to delete, also where its start fails halfway or is interrupted: the
    pods would go on, and cost. So Dask deletes nothing itself.

    Raises:
        InputError: the API does not answer or refuses, or the operator is not installed.
    """
    config: Any = importlib.import_module("dask").config
    own = _custom_spec(config)
    if workers is None and own is None and not config.get("kubernetes.count.start"):
        raise InputError("a k8s cluster has no workers unless told: give --workers N")
    name = f"nincost-{uuid.uuid4().hex[:10]}" if own is None else str(own["metadata"]["name"])
    namespace = _checked_namespace(name)
    try:
        with kind(
            name=name, namespace=namespace, n_workers=workers, shutdown_on_close=False, quiet=True
        ) as made:
            if own is not None and workers is not None:
                made.scale(workers)
            yield made
    finally:
        _delete(name, namespace)


def _custom_spec(config: Any) -> Any:
    """The whole cluster's description, where dask-kubernetes' configuration has one."""
    spec = config.get("kubernetes.custom-cluster-spec")
    if not isinstance(spec, str):
        return spec
    yaml: Any = importlib.import_module("yaml")
    with open(spec, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _checked_namespace(name: str) -> str:
    """The namespace, in which a cluster could be made as far as can be told.

    KubeCluster would wait for ever for an API that does not answer, and tells badly what is amiss.
    """
    try:
        namespace, found = _within(_look_for(name))
    except TimeoutError as error:
        raise InputError(
            f"the Kubernetes API does not answer within {_ANSWERS_WITHIN} seconds: see whether "
            "kubectl get pods does, and run the same sweep again"
        ) from error
    except Exception as error:
        status = _status(error)
        if status == 404:
            raise InputError(
                "Kubernetes knows no DaskCluster: install Dask's operator there, as "
                "https://kubernetes.dask.org says"
            ) from error
        if status in (401, 403):
            raise InputError(
                f"Kubernetes refuses to list DaskClusters ({one_line(error)}): ask for the right "
                "to create, list and delete them, or name another namespace by "
                "DASK_KUBERNETES__NAMESPACE"
            ) from error
        raise InputError(
            f"the Kubernetes API cannot be reached ({described(error)}): see whether kubectl get "
            "pods reaches it, by KUBECONFIG or ~/.kube/config"
        ) from error
    if found:
        raise InputError(
            f"there is a DaskCluster {name!r} already: delete it, or give its scheduler's address "
            "as --scheduler"
        )
    return str(namespace)


def _delete(name: str, namespace: str) -> None:
    """Have Kubernetes delete the cluster; its answers are kept, so a failure here is only told."""
    try:
        _within(_ask_to_delete(name, namespace))
    except Exception as error:
        logging.getLogger("nincost").warning(
            "nincost: the DaskCluster %s may go on (%s): kubectl delete daskcluster %s -n %s",
            name, described(error), name, namespace,
        )  # fmt: skip


async def _look_for(name: str) -> tuple[str, bool]:
    api = await _api()
    config: Any = importlib.import_module("dask").config
    namespace = config.get("kubernetes.namespace") or api.namespace
    async with api.call_api(
        "GET", version=_DASK, namespace=namespace, url="daskclusters",
        params={"fieldSelector": f"metadata.name={name}"},
    ) as response:  # fmt: skip
        return namespace, bool(response.json()["items"])


async def _ask_to_delete(name: str, namespace: str) -> None:
    api = await _api()
    asked = api.call_api("DELETE", version=_DASK, namespace=namespace, url=f"daskclusters/{name}")
    try:
        async with asked:
            pass
    except Exception as error:
        if _status(error) != 404:  # else it was never made
            raise


def _status(error: Exception) -> int | None:
    """What the API answered, as HTTP has it, in the errors of kr8s and of httpx."""
    return getattr(getattr(error, "response", None), "status_code", None)


async def _api() -> Any:
    return await importlib.import_module("kr8s.asyncio").api()


def _within(asked: Coroutine[Any, Any, Any]) -> Any:
    """What the API answers in time, asked in a thread: a notebook's has a loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asyncio.wait_for(asked, _ANSWERS_WITHIN)).result()
