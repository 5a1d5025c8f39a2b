"""What is said of a sweep's cluster that cannot be started."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "a {name} cluster has no workers unless told: give --workers N": (
        "{name} 集群不会自己启动 worker：请给出 --workers N"
    ),
    "there is no {name} here: run the sweep where jobs are submitted": (
        "这里没有 {name}：请在能提交作业的机器上运行 sweep"
    ),
    "the Kubernetes API does not answer within {n} seconds: see whether kubectl get pods does, and "
    "run the same sweep again": (
        "Kubernetes API 在 {n} 秒内没有应答：请看 kubectl get pods 是否有应答，"
        "然后重新运行同一个 sweep"
    ),
    "Kubernetes knows no DaskCluster: install Dask's operator there, as "
    "https://kubernetes.dask.org says": (
        "Kubernetes 上没有 DaskCluster：请按 https://kubernetes.dask.org 安装 Dask 的 operator"
    ),
    "Kubernetes refuses to list DaskClusters ({error}): ask for the right to create, list and "
    "delete them, or name another namespace by DASK_KUBERNETES__NAMESPACE": (
        "Kubernetes 不允许列出 DaskCluster（{error}）：请申请创建、列出和删除它们的权限，"
        "或用 DASK_KUBERNETES__NAMESPACE 指定其他命名空间"
    ),
    "the Kubernetes API cannot be reached ({error}): see whether kubectl get pods reaches it, by "
    "KUBECONFIG or ~/.kube/config": (
        "无法连接 Kubernetes API（{error}）：请看 kubectl get pods 能否通过 KUBECONFIG 或 "
        "~/.kube/config 连接"
    ),
    "there is a DaskCluster {name} already: delete it, or give its scheduler's address as "
    "--scheduler": "已有名为 {name} 的 DaskCluster：请删除它，或用 --scheduler 给出其调度器的地址",
    "the {name} cluster cannot be started ({error}): see the configuration of {package}": (
        "无法启动 {name} 集群（{error}）：请检查 {package} 的配置"
    ),
}
