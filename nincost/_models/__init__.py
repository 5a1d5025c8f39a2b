"""From what the user named to a model that can be traced, and the inputs it is called with.

`resolve` in `sources.py` takes a name, a file or an `nn.Module` and gives a `Model` (`build.py`): a
module without real weights, its display name, and the input that its source says it takes. Each
kind of name has a file: `nin.py` the built-in Network-in-Network variants, `libraries.py` those of
torchvision, timm and transformers, `user_code.py` the user's own classes and functions, with
`import_path.py` for what lies beside them and `arguments.py` for `--arg`. `build.py` runs
constructors on the meta device, `meta_parameters.py` those that need real tensors on the way.
`copies.py` makes private copies of a module: without weights (on meta), with them, or with zeros.
`inputs.py` reads input specs such as `3x224x224` and makes meta tensors of them.
"""
