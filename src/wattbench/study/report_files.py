"""Reading a report definition from a file of its own; a mistake is reported like the study's."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from wattbench.study.load import complaint
from wattbench.study.mistakes import mistakes_of
from wattbench.study.reporting import Report
from wattbench.study.yaml_reader import read_settings

MEND = "It has the keys of the study's section `report`; `wattbench study schema` prints them."


def read_definition(path: Path) -> Report:
    """A report definition: the keys of the study's `report`, at the top of a YAML file.

    Raises:
        InputError: The file cannot be read or has mistakes; all are listed, each with its key and
            line.
    """
    settings = read_settings(path)
    try:
        return Report.model_validate_json(json.dumps(settings.values), strict=True)
    except ValidationError as error:
        found = [
            mistake
            for detail in error.errors(include_url=False)
            for mistake in mistakes_of(detail, settings.places, Report)
        ]
    raise complaint(found, str(path), what="the report definition", mend=MEND)
