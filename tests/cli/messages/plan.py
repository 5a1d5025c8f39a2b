"""`nincost plan`."""

from support.messages import Case

CASES = [
    Case("plan", ["no GPU is named", "--within"]),
    Case("plan --gpu 24GiB --inference", ["training without a pipeline"]),
    Case("plan --gpu h100 --within 430MiB", ["no way to train two-1x1 fits", "the leanest"]),
    Case("plan --gpu h100 --ranks 4 --global-batch 9", ["does not divide by 4", "give 12"]),
]
