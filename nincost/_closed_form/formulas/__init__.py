"""The hand formulas of module types, one file a family; importing this package registers all.

A formula is a function of a module and its inputs' shapes, registered with `by_hand`. It takes the
hyper-parameters from the module's attributes and returns a `Working`: terms that add up to the
parameters and to the MACs, and the output's shape. To add one, decorate a function in its family's
file, or in a new file here.
"""

import importlib
import pkgutil

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
