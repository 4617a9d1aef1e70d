"""What to do about the words with which Slurm refuses a job, or lets it wait for ever."""

from __future__ import annotations

import re

ALIKE = "These are Slurm's own words; every run's job would be refused alike."
MENDS: tuple[tuple[str, str], ...] = (
    (
        r"did not answer|unable to contact|connection refused|timed out",
        "Slurm's controller is away: `scontrol ping`; try again later.",
    ),
    (
        r"is not on this machine",
        "Run this on a login node; perhaps `module load slurm` comes first.",
    ),
    (
        r"configuration is not available|badconstraints|partitionconfig",
        (
            "No node of the partition has what is asked: `sinfo -o '%P %c %m %G %f'` lists CPUs, "
            "memory, GPUs and features; name a partition with them."
        ),
    ),
    (
        r"time ?limit",
        "`sinfo -o '%P %l'` lists the partitions' limits.",
    ),
    (
        r"account",
        (
            "`sacctmgr show assoc user=$USER format=account,partition,qos` lists yours; set "
            "cluster.account or the profile's slurm_account."
        ),
    ),
    (
        r"partition",
        (
            "`sinfo -s` lists the partitions; set it in cluster.partition, the partition file or "
            "the profile's block, or with --partition."
        ),
    ),
    (
        r"qos",
        "`sacctmgr show assoc user=$USER format=account,qos` lists yours; set cluster.qos.",
    ),
    (
        r"gres|gpu",
        (
            "`sinfo -o '%P %G'` lists the GPUs of each partition; where the site takes only "
            "--gres, set cluster.gpu_syntax: gres."
        ),
    ),
    (
        r"constraint|feature",
        "`sinfo -o '%P %f'` lists the features; set cluster.constraint.",
    ),
    (
        r"held",
        "`scontrol release JOB` frees a job that you hold; ask the administrator of others.",
    ),
)


def mend_of(words: str) -> str:
    """What to do about a refusal.

    Args:
        words: What sbatch said, or the reason for which a job waits.
    """
    return next(
        (mend for pattern, mend in MENDS if re.search(pattern, words, re.IGNORECASE)), ALIKE
    )
