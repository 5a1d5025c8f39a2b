"""`nincost time`."""

from support.messages import Case

CASES = [
    Case("time --gpu 24GiB", ["amount of memory", "--bandwidth", "--tflops"]),
    Case("time --gpu 24GiB --bandwidth 900", ["names no card", "rtx4090"]),
    Case("time --gpu v100 --bandwidth 0", ["bandwidth is 0.0", "900 (GB/s)"]),
    Case("time --gpu v100 --tflops -3", ["tflops is -3.0"]),
    Case("time --gpu v100 --price 2", ["price is given", "--examples"]),
    Case("time --gpu v100 --examples 0", ["examples is 0", "60000"]),
    Case("time --gpu v1000", ["unknown GPU"]),
    Case("time --gpu v100 --measure", ["no CUDA GPU to time steps on", "--calibrate"]),
    Case("time --gpu v100 --calibrate", ["no CUDA GPU to time steps on"]),
    Case("time --gpu v100 --calibration {tmp}/absent.json",
         ["cannot read the calibration", "--calibrate makes one"]),
]  # fmt: skip
