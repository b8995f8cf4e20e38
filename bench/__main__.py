"""`scripts/bench <what>`: one module of this package per kind of measurement."""

from __future__ import annotations

import argparse

from bench import commit, credentials, endurance, housekeeping, ingest, jwt, kairos_query, query, series


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    kinds = parser.add_subparsers(required=True)
    ingest.add_parser(kinds.add_parser("ingest", help="points in by OpenTSDB's /api/put or KairosDB's room"))
    query.add_parser(kinds.add_parser("query", help="the same questions to headrace and VictoriaMetrics"))
    kairos_query.add_parser(kinds.add_parser("kairos-query", help="KairosDB's questions over ten million raw points"))
    series.add_parser(kinds.add_parser("series", help="a million new series, lookups among them, the next start"))
    commit.add_parser(kinds.add_parser("commit", help="what one commit to the journal takes"))
    credentials.add_parser(kinds.add_parser("credentials", help="what asking for credentials costs a request"))
    jwt.add_parser(kinds.add_parser("jwt", help="what tokens of an issuer cost a request"))
    housekeeping.add_parser(kinds.add_parser("housekeeping", help="sealing, merging, and the start after a crash"))
    endurance.add_parser(kinds.add_parser("endurance", help="100 million points in, then one series out of them"))
    arguments = parser.parse_args()
    raise SystemExit(arguments.run(arguments))


if __name__ == "__main__":
    main()
