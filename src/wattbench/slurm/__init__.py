"""What Slurm knows of a run's jobs."""
