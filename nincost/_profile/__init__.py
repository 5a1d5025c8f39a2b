"""What each operator costs. Importing this package registers every formula."""

from nincost._profile import attention, conv, elementwise, matmul, rnn
from nincost._profile.registry import OpCost, op_cost

__all__ = ["OpCost", "attention", "conv", "elementwise", "matmul", "op_cost", "rnn"]
