"""What a model costs layer by layer. A `View` picks rows and columns, in every format."""
