#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks JSON reports against docs/schema/cwshim-report-1.schema.json and against themselves.

As a module: check(report) raises AssertionError.  As a program: validate_report.py [FILE...], or
standard input; prints what is wrong and exits with 1.
"""

import json
import pathlib
import sys

import jsonschema

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "docs/schema/cwshim-report-1.schema.json"


def schema_errors(report, schema):
    """What the schema finds wrong, a line each."""
    cls = jsonschema.validators.validator_for(schema)
    cls.check_schema(schema)
    return [f"{'/'.join(map(str, error.absolute_path)) or '.'}: {error.message}"
            for error in cls(schema).iter_errors(report)]


def count_errors(report):
    """What a schema cannot say: numbers that must agree with each other."""
    found, sockets = [], {"leak": 0, "stall": 0, "idle": 0, "in-use": 0}
    pids = {process["pid"] for process in report["processes"]}
    for number, finding in enumerate(report["findings"]):
        where = f"findings/{number}"
        if finding["count"] != len(finding["sockets"]):
            found.append(f"{where}: count is {finding['count']}, sockets are "
                         f"{len(finding['sockets'])}")
        if finding["site_stats"]["leaked"] != finding["count"]:
            found.append(f"{where}: site_stats.leaked differs from count")
        if not finding["suppressed"]:
            sockets[finding["verdict"]] += finding["count"]
        for socket in finding["sockets"]:
            found += socket_errors(where, socket, pids)
    for verdict, count in sockets.items():
        key = verdict.replace("-", "_")
        if report["summary"][key] != count:
            found.append(f"summary/{key}: is {report['summary'][key]}, findings say {count}")
    return found


def socket_errors(where, socket, pids):
    found = [f"{where}: holder's pid {holder['pid']} is no process of the report"
             for holder in socket["holders"] if holder["pid"] not in pids]
    times = [event["t"] for event in socket["events"]]
    if times != sorted(times):
        found.append(f"{where}: events are not in order")
    return found


def errors(report):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema_errors(report, schema) or count_errors(report)


def check(report):
    """Raises AssertionError with everything that is wrong."""
    found = errors(report)
    assert not found, "\n".join(found)


def main(paths):
    status = 0
    for path in paths or ["-"]:
        text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text(encoding="utf-8")
        try:
            found = errors(json.loads(text))
        except json.JSONDecodeError as error:
            found = [f"no JSON: {error}"]
        for line in found:
            print(f"{path}: {line}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
