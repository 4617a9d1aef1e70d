"""Tests on a real Slurm, which they boot on this machine."""
