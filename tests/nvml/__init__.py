"""A stand-in for NVIDIA's library whose GPUs follow a script."""
