"""The machines behind source servers that tests make up: hints, hardware and origin, derived from the server's id.

Source: AWS's sample servers of 2022-12 and its CLI's example of describe-source-servers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from botocore.model import StructureShape

from drsim.simulator.drs_api.shapes import identification_hints
from drsim.simulator.drs_api.validation import shape_of, type_problems
from drsim.simulator.randomness import Stream

Origin = Literal["ON_PREMISES", "AWS"]

GIB: Final = 1024**3
AGENT_VERSION: Final = "6.42.12.2025.353.1309"
_CPU: Final = {"cores": 1, "modelName": "Intel(R) Xeon(R) Platinum 8124M CPU @ 3.00GHz"}
_OS: Final = "Linux version 5.10.149-133.644.amzn2.x86_64 (gcc10-gcc (GCC) 10.3.1 20210422) #1 SMP"

_C5: Final = (
    ("c5.large", 2, 4),
    ("c5.xlarge", 4, 8),
    ("c5.2xlarge", 8, 16),
    ("c5.4xlarge", 16, 32),
    ("c5.9xlarge", 36, 72),
    ("c5.12xlarge", 48, 96),
    ("c5.18xlarge", 72, 144),
    ("c5.24xlarge", 96, 192),
)
"""Type, cores and GiB. DRS recommends by cores and memory only, from this family (user guide, source server info)."""


def members(
    server_id: str,
    *,
    disks_bytes: Sequence[int] = (8 * GIB,),
    properties: Mapping[str, Any] | None = None,
    cloud: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The members of SourceServer that no call changes. `cloud` is the origin in AWS, None one on premises.

    `properties` are members of sourceProperties to show instead of those made up. Raises ValueError for one that
    botocore's model lacks, or of a wrong type.
    """
    shape = shape_of("SourceProperties")
    assert isinstance(shape, StructureShape)
    for name in properties or ():
        if name not in shape.members:
            raise ValueError(f"properties must be members of {', '.join(shape.members)}, got {name!r}")
    for problem in type_problems(shape, dict(properties or {})):
        raise ValueError(f"properties{problem}")
    stream = Stream(0, f"moto-drs/{server_id}/properties")
    octets = [stream.below(254) + 1 for _ in range(7)]
    hints = identification_hints(server_id)
    if cloud is not None:
        # On EC2 both names are the same, and there is no VMware.
        hints = dict.fromkeys(("hostname", "fqdn"), hints["hostname"])
        hints["awsInstanceID"] = f"i-0{stream.hexadecimal(16)}"
    names = [f"/dev/nvme{number}n1" if cloud is not None else _device(number) for number in range(len(disks_bytes))]
    shown = {
        "identificationHints": hints,
        "networkInterfaces": [
            {
                "macAddress": ":".join(["02", *(f"{octet:02x}" for octet in octets[:5])]),
                "ips": [f"10.0.{octets[5]}.{octets[6]}"],
                "isPrimary": True,
            }
        ],
        "disks": [{"deviceName": name, "bytes": size} for name, size in zip(names, disks_bytes, strict=True)],
        "cpus": [dict(_CPU), dict(_CPU)],
        "ramBytes": 4 * GIB,
        "os": {"fullString": _OS},
        "supportsNitroInstances": True,
        "architecture": "x86_64",
        **(properties or {}),
    }
    shown.setdefault("recommendedInstanceType", _recommended(shown))
    answer: dict[str, Any] = {"sourceProperties": shown, "agentVersion": AGENT_VERSION}
    if cloud is not None:
        answer["sourceCloudProperties"] = dict(cloud)
    return answer


def _device(number: int) -> str:
    """The name of a disk on Linux: sda to sdz, then sdaa."""
    first, last = divmod(number, 26)
    return f"/dev/sd{chr(96 + first) if first else ''}{chr(97 + last)}"


def _recommended(properties: Mapping[str, Any]) -> str:
    cores = sum(each["cores"] for each in properties["cpus"])
    fitting = (name for name, most, gib in _C5 if cores <= most and properties["ramBytes"] <= gib * GIB)
    return next(fitting, _C5[-1][0])
