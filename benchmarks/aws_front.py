"""The emulated AWS of a benchmark, in a process of its own: a big account over four regions, and no engines.

Prints one line of JSON with its address and keys. Then each line on stdin is a command: ``calls`` prints how often each
action was called, ``reset`` fills AWS's rate buckets and forgets the calls, ``s3 FAULT`` puts a fault on S3 alone, and
``s3`` takes it off.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

from jupyter_emr_connect.sandbox.aws.app import make_app
from jupyter_emr_connect.sandbox.aws.limits import TokenBuckets
from jupyter_emr_connect.sandbox.aws.seed import seed
from jupyter_emr_connect.sandbox.aws.server import serve
from jupyter_emr_connect.sandbox.world.listed import add_listed_computes
from jupyter_emr_connect.sandbox.world.world import RequestLog, World


def main() -> None:
    """Serve until stdin ends."""
    wanted = json.loads(sys.argv[1])
    world = World()
    front = make_app(world)
    keys = seed(world)
    if wanted["counts"]:
        add_listed_computes(world, wanted["counts"], wanted["regions"], "88")
    server = serve(front)
    key = keys["administrator"]
    print(json.dumps({"url": server.url, "access_key": key.access_key, "secret": key.secret}), flush=True)
    for line in sys.stdin:
        if line.strip() == "reset":
            front.buckets = TokenBuckets(front.context.clock)
            world.log = RequestLog(200_000)
            print("{}", flush=True)
        elif line.startswith("s3"):
            world.faults.clear()
            if fault := line.removeprefix("s3").strip():
                world.faults.set(fault, options={"service": "s3"})
            print("{}", flush=True)
        else:
            counts = Counter(f"{row['service']}:{row['action']}:{row['status']}" for row in world.log.since())
            print(json.dumps(counts), flush=True)
    server.stop()


if __name__ == "__main__":
    main()
