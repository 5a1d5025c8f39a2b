"""What each operator's kernels have to do: FLOPs, bytes, and the shapes of their products."""
