"""`nincost explain` and `nincost check`."""

from support.messages import Case

CASES = [
    Case("explain --layer block1.cnv", ["no layer 'block1.cnv'", "did you mean 'block1.conv'"]),
    Case("explain --lang fr", ["'fr'", "en", "nincost explain --help"]),
    Case("explain --topic paddin", ["'paddin'", "padding", "nincost explain --help"]),
    Case("explain --topic 1x1 --layer block1", ["topic 1x1", "leave layer 'block1' out"]),
    Case("explain torchvision:resnet18 --topic 1x1", ["no 1x1 convolution", "such as two-1x1"]),
    Case("explain --topic rounding --layer block2.conv", ["block2.conv", "not whole", "two-1x1"]),
    Case("explain --topic fully-connected --layer pool1", ["pool1 is no", "two-1x1"]),
    Case("explain two-1x2", ["unknown model 'two-1x2'"]),
    Case("check two-1x2", ["unknown model 'two-1x2'"]),
    Case("check --mode test", ["'test'", "eval", "nincost check --help"]),
    Case("variants --format yaml", ["'yaml'", "csv", "nincost variants --help"]),
]
