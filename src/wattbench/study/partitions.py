"""Reading a partition file; a mistake in it is reported like one in the study."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from wattbench.errors import InputError
from wattbench.study.cluster import Partition, PartitionFile
from wattbench.study.load import complaint
from wattbench.study.mistakes import mistakes_of
from wattbench.study.yaml_reader import read_settings

MEND = "`wattbench partitions` prints such a file for the cluster it runs on."


def read_partitions(path: Path) -> dict[str, Partition]:
    """Entries of a partition file, in its order.

    Raises:
        InputError: The file cannot be read or has mistakes; all are listed, each with its key and
            line.
    """
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"the partition file cannot be read: {reason}.",
            where=str(path),
            mend="Check 'cluster.partitions'; paths are relative to the working directory. " + MEND,
        ) from error
    settings = read_settings(path)
    try:
        read = PartitionFile.model_validate_json(json.dumps(settings.values), strict=True)
    except ValidationError as error:
        found = [
            mistake
            for detail in error.errors(include_url=False)
            for mistake in mistakes_of(detail, settings.places, PartitionFile)
        ]
    else:
        return read.partitions
    raise complaint(found, str(path), what="the partition file", mend=MEND)
