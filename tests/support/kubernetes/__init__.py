"""An emulated Kubernetes API, with pods that are processes here and Dask's own operator."""
