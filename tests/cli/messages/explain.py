"""`nincost explain` and `nincost check`."""

from support.messages import Case

CASES = [
    Case("explain --layer block1.cnv", ["no layer 'block1.cnv'", "did you mean 'block1.conv'"]),
    Case("explain --lang fr", ["'fr'", "en", "nincost explain --help"]),
    Case("explain two-1x2", ["unknown model 'two-1x2'"]),
    Case("check two-1x2", ["unknown model 'two-1x2'"]),
    Case("check --mode test", ["'test'", "eval", "nincost check --help"]),
    Case("variants --format yaml", ["'yaml'", "csv", "nincost variants --help"]),
]
