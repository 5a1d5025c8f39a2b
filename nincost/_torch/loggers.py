"""Names of torch's own loggers. Importable without torch."""

#: Where it says that a library, such as torchao, registers a type with it in an old way.
REGISTRATIONS = "torch.utils._pytree"
