# SPDX-License-Identifier: Apache-2.0
"""Totals of an `llvm-cov export -summary-only` on standard input, by part; exit 1 when one is below its limit.

Arguments: name, folder, limit in percent, again for each part. A file counts for the part whose folder its path from the
root of the repository begins with.
"""
import json
import os
import sys

MOST_MISSED = 10


def main() -> int:
    root = os.getcwd() + os.sep
    files = [
        (entry["filename"].removeprefix(root), entry["summary"]["lines"])
        for entry in json.load(sys.stdin)["data"][0]["files"]
    ]
    below = False
    arguments = sys.argv[1:]
    for name, folder, limit in zip(arguments[0::3], arguments[1::3], arguments[2::3]):
        part = [(path, lines) for path, lines in files if path.startswith(folder)]
        count = sum(lines["count"] for _, lines in part)
        covered = sum(lines["covered"] for _, lines in part)
        percent = 100 * covered / max(count, 1)
        below |= percent < float(limit)
        print(f"coverage: {name} {percent:.1f} % of {count} lines, limit {limit} %")
        for path, lines in sorted(part, key=lambda item: item[1]["covered"] - item[1]["count"])[:MOST_MISSED]:
            missed = lines["count"] - lines["covered"]
            if missed:
                print(f"    {missed:4} missed of {lines['count']:4}  {path}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
