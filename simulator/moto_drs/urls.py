"""Which URLs are DRS's. `responses` finds the operation from method and path with botocore's model."""

from typing import Final

from drsim.simulator.moto_drs.responses import DRSResponse

url_bases: Final = [r"https?://drs\.(.+)\.amazonaws\.com"]

url_paths: Final = {"{0}/.*$": DRSResponse.dispatch}
