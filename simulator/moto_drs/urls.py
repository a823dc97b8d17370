"""DRS's URLs. `responses` finds the operation from method and path with botocore's model."""

from drsim.simulator.moto_drs.responses import DRSResponse

url_bases = [r"https?://drs\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/.*$": DRSResponse.dispatch}
