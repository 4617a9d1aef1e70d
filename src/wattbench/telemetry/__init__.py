"""What a job's process, CPUs and GPUs used while it worked."""
