"""What loading the extension adds to a Jupyter server's start, in milliseconds (the budget is 150).

Every figure is the median of fresh processes: importing jupyter_server alone, then the extension as the server does.
The ratio is to the own import of jupyter_server.

    python benchmarks/extension_start.py [--runs 9]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

MEASURE = """
import json, sys, time
began = time.perf_counter()
import jupyter_server.serverapp
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
server = time.perf_counter()
import jupyter_emr_connect
jupyter_emr_connect._jupyter_server_extension_points()[0]["app"]
ended = time.perf_counter()
foreign = [name for name in ("boto3", "botocore", "aiohttp") if name in sys.modules]
print(json.dumps({"server": server - began, "extension": ended - server, "foreign": foreign}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    found = []
    for number in range(runs + 1):
        done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
        if number:  # the first writes the .pyc files
            found.append(json.loads(done.stdout))
    server = 1000 * statistics.median(one["server"] for one in found)
    extension = 1000 * statistics.median(one["extension"] for one in found)
    print(f"jupyter_server alone  {server:7.1f} ms")
    print(f"our extension more    {extension:7.1f} ms  (budget 150 ms; ratio {extension / server:.3f})")
    print(f"of boto3, botocore and aiohttp it imports: {', '.join(found[0]['foreign']) or 'none'}")


if __name__ == "__main__":
    main()
