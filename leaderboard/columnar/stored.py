"""A ranking's columns as they are stored: whole, or as what differs from a ranking that is stored whole.

One new result changes one row and the ranks of many. Of 100,000 rows with 40 tasks the columns are tens of megabytes,
and the difference is a few hundred kilobytes: the rows that went, the rows that came, and everybody's ranks.
"""

import io
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa

from leaderboard.columnar.ranking import with_ranks
from leaderboard.columnar.table import RANKS

GONE = b"gone"


def to_bytes(table: pa.Table) -> bytes:
    """The table as a compressed Arrow file."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def from_bytes(data: bytes) -> pa.Table:
    """What `to_bytes` wrote."""
    return pa.ipc.open_file(pa.BufferReader(data)).read_all()


def difference(gone: list[int], fresh: pa.Table, whole: pa.Table) -> bytes:
    """Two compressed Arrow streams, one behind the other: the rows that came, with the places of those that went, and
    the ranks of all rows of `whole`."""
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    fresh = fresh.replace_schema_metadata({**(fresh.schema.metadata or {}), GONE: json.dumps(gone)})
    for table in (fresh, whole.select(list(RANKS))):
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table.combine_chunks())
    return sink.getvalue()


def applied(base: pa.Table, data: bytes) -> pa.Table:
    """The whole table from a stored base and a `difference` from it."""
    reader = pa.BufferReader(data)
    fresh, ranks = pa.ipc.open_stream(reader).read_all(), pa.ipc.open_stream(reader).read_all()
    whole = joined(base, json.loads(fresh.schema.metadata[GONE]), fresh)
    return with_ranks(whole, {name: ranks[name].to_numpy() for name in RANKS})


def joined(base: pa.Table, gone: list[int], fresh: pa.Table) -> pa.Table:
    """The rows of `base` without those at the places `gone`, and behind them the `fresh` ones.

    A column that only one of the two has is missing in the other's rows.
    """
    names = [*base.column_names, *(name for name in fresh.column_names if name not in base.column_names)]
    old, new = (filled(table, names, other) for table, other in ((base, fresh), (fresh, base)))
    ends = [-1, *sorted(gone), base.num_rows]
    between = [old.slice(before + 1, after - before - 1) for before, after in pairwise(ends)]
    whole = pa.concat_tables([*between, new]).unify_dictionaries().combine_chunks()  # copies once
    return whole.replace_schema_metadata({b"tasks": base.schema.metadata[b"tasks"]})


def filled(table: pa.Table, names: list[str], other: pa.Table) -> pa.Table:
    """The columns `names` of a table; those that it lacks are as in `other`, but NaN or null."""
    for name in names:
        if name not in table.column_names:
            kind = other.schema.field(name).type
            empty = pa.nulls(table.num_rows, kind)
            values = pa.array(np.full(table.num_rows, np.nan)) if pa.types.is_float64(kind) else empty
            table = table.append_column(pa.field(name, kind), values)
    return table.select(names)
