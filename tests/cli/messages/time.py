"""`nincost time`."""

import json

from support.messages import Case

V100, T4 = "NVIDIA Tesla V100-SXM2-16GB", "NVIDIA Tesla T4"


def calibrated(kernels: float, card: str = V100) -> dict[str, str]:
    factors = {"card": card, "kernels": kernels, "host": 1, "model": ""}
    return {"card.json": json.dumps(factors)}


CASES = [
    Case("time --gpu 24GiB", ["amount of memory", "--bandwidth", "--tflops"]),
    Case("time --gpu 24GiB --bandwidth 900", ["names no card", "rtx4090"]),
    Case("time --gpu v100 --bandwidth 0", ["bandwidth is 0.0", "900 (GB/s)"]),
    Case("time --gpu v100 --tflops -3", ["tflops is -3.0"]),
    Case("time --gpu v100 --price 2", ["price is given", "--examples"]),
    Case("time --gpu v100 --examples 0", ["examples is 0", "60000"]),
    Case("time --gpu v100 --quantize nf4", ["no speeds of quantized weights' kernels", "memory"]),
    Case("time --gpu v1000", ["unknown GPU"]),
    Case("time --gpu v100 --measure", ["no CUDA GPU to time steps on", "--calibrate"]),
    Case("time --gpu v100 --calibrate", ["no CUDA GPU to time steps on"]),
    Case("time --gpu v100 --ranks 2 --measure", ["run one GPU", "leave them or ranks out"]),
    Case("time --gpu v100 --cuda-graphs --measure", ["launch each kernel", "cuda_graphs out"]),
    Case(
        "time --gpu v100 --ranks 2 --tp 2 --cuda-graphs",
        ["cuda_graphs is not known of the time of a step with tp"],
    ),
    Case("time --gpu v100 --ranks 2 --network-bandwidth 0", ["network_bandwidth is 0", "50 (GB"]),
    Case("time --gpu v100 --link-bandwidth 50", ["link_bandwidth joins several", "--ranks"]),
    Case("time --gpu v100 --ranks 2 --parallel fsdp",
         ["Sequential has no repeated blocks for FSDP", "fsdp_wrap none"]),
    Case("time --gpu v100 --ranks 2 --parallel fsdp --fsdp-wrap no.such",
         ["no module of Sequential matches fsdp_wrap 'no.such'"]),
    Case("time --gpu v100 --calibration {tmp}/absent.json",
         ["cannot read the calibration", "--calibrate makes one"]),
    Case("time --gpu v100 --calibration {tmp}/card.json", ["is no calibration"],
         files={"card.json": "{}"}),
    Case("time --gpu v100 --calibration {tmp}/card.json", ["factors that no card has"],
         files=calibrated(1e9)),
    Case("time --gpu v100 --calibration {tmp}/card.json", ["is of NVIDIA Tesla T4", "leave"],
         files=calibrated(1.1, T4)),
]  # fmt: skip
