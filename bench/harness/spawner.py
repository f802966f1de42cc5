"""Spawns programs and times them, for baselines of a fraction of a millisecond.

posix_spawn with vfork semantics costs 50 microseconds here; the benchmark's own engine would add a millisecond to every
baseline and so flatter what is compared with it. One JSON line in, one out:
{"argv": [...], "env": {...}, "until": "exit" | "byte"} -> {"ms": 1.23, "started": 456.7, "code": 0, "out": "..."}; "started" is CLOCK_MONOTONIC in milliseconds.
"""
import json
import os
import sys
import time

devnull = os.open(os.devnull, os.O_RDWR)


def run(argv, env, until):
    out, into = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, devnull, 0),
        (os.POSIX_SPAWN_DUP2, into, 1),
        (os.POSIX_SPAWN_DUP2, devnull, 2),
    ]
    start = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    os.close(into)
    first = os.read(out, 65536)
    ended = time.monotonic()
    chunks = [first]
    while chunks[-1]:
        chunks.append(os.read(out, 65536))
    _, status = os.waitpid(pid, 0)
    if until == "exit":
        ended = time.monotonic()
    os.close(out)
    return {
        "ms": (ended - start) * 1000,
        "started": start * 1000,
        "code": os.waitstatus_to_exitcode(status),
        "out": b"".join(chunks).decode("utf-8", "replace"),
    }


for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = run(job["argv"], job["env"], job["until"])
    except OSError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
