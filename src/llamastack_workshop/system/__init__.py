"""The ground: processes, ports, paths, files, kernels, errors."""
