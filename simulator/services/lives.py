"""Named lives of DRS jobs, as the fields of JobLife that differ from its defaults. `LIVES` has the source of each."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple


class NamedLife(NamedTuple):
    """A life, its meaning in one sentence, and where its times are known from."""

    fields: Mapping[str, str]
    meaning: str
    source: str


LifeName = Literal["phase-2", "ec2-linux-recorded", "ec2-windows-observed"]
PHASE_2: Final = "phase-2"
RECORDED: Final = "ec2-linux-recorded"

LIVES: Final[Mapping[str, NamedLife]] = {
    PHASE_2: NamedLife({}, "About 13 minutes PENDING and 6 minutes of launch; the default.", "Phase 2, 2025-11-28."),
    # The samples do not show where a job turns STARTED: at the end of the conversion, inferred.
    RECORDED: NamedLife(
        {
            "snapshots": "52900ms",
            "pending": "250400ms",
            "started": "600ms",
            "in_progress": "279500ms",
            "lingers": "2800ms",
        },
        "A drill of two small Linux servers in EC2, which took 533 s.",
        "The job log of 2022-12-07 in aws-samples/drs-tools.",
    ),
    "ec2-windows-observed": NamedLife(
        {"snapshots": "194s", "pending": "1039s", "started": "3s", "in_progress": "327s..391s", "lingers": "3s"},
        "A drill of two Windows servers from the console, which took 24 minutes.",
        "A team's public notes of a drill on 2025-12-07; not by AWS.",
    ),
}
"""By name."""
