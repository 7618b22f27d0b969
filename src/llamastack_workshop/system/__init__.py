"""The base layer: processes, ports, paths, files, kernels and errors."""
