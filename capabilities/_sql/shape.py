"""Which parts of sqlglot's trees are understood: each sort of node, and which of its members may be there. Anything else is refused.

What is left out on purpose: SELECT INTO, FOR UPDATE and other locks, hints, MERGE, COPY, CALL, SET, SHOW, EXPLAIN, `TABLE t`, everything
that sqlglot keeps as an unparsed Command, `x IN t` of SQLite (which reads the table t), ROWS FROM, INDEXED BY, procedures, triggers, views.
"""

from __future__ import annotations

from typing import Final

_TWO: Final = "this expression"
MEMBERS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(members.split())
    for names, members in {
        "Select": "expressions from_ joins where group having order limit offset with_ windows distinct",
        "Union Except Intersect": f"{_TWO} distinct order limit offset with_ expressions",
        "Subquery": "this alias with_ order limit offset",
        "With": "expressions recursive",
        "CTE": "this alias",
        "TableAlias": "this columns",
        "From Where Having": "this",
        "Table": "this db alias joins",
        "Join": "this on using kind side method",
        "Lateral": "this alias",
        "Insert": "this expression conflict returning alternative default ignore with_",
        "Schema": "this expressions",
        "Values": "expressions alias",
        "Tuple Group Order Returning Rollup Cube Distinct Coalesce": "expressions this on rollup cube",
        "Update": "this expressions from_ where returning with_",
        "Delete": "this where using returning with_",
        "OnConflict": "expressions action conflict_keys duplicate where",
        "TruncateTable": "expressions",
        "Create": "this kind exists unique",
        "Drop": "tables this kind exists",
        "Alter": "this kind actions exists",
        "Index": "this table params unique",
        "IndexParameters": "columns",
        "ColumnDef": "this kind constraints",
        "ColumnConstraint": "kind this",
        "PrimaryKey ForeignKey UniqueColumnConstraint": "expressions reference this",
        "Reference": "this",
        "DefaultColumnConstraint CheckColumnConstraint": "this",
        "NotNullColumnConstraint": "allow_null",
        "PrimaryKeyColumnConstraint AutoIncrementColumnConstraint": "",
        "Ordered": "this desc nulls_first",
        "Limit Offset": "expression",
        "Column": "this table db",
        "Identifier": "this quoted",
        "Alias": "this alias",
        "Star Null CurrentDate CurrentTime CurrentTimestamp RowNumber": "",
        "Literal": "this is_string",
        "Boolean Var": "this",
        "Placeholder Parameter": "this",
        "Paren Not Neg": "this",
        "In": "this expressions query",
        "Between": "this low high",
        "Case": "this ifs default",
        "If": "this true false",
        "Interval": "this unit",
        "Cast": "this to",
        "DataType": "this expressions nested",
        "DataTypeParam": "this",
        "Window": "this partition_by order over spec alias",
        "WindowSpec": "kind start start_side end end_side",
        "Filter WithinGroup": _TWO,
        "AtTimeZone": "this zone",
        "Collate Escape": _TWO,
        "JSONPath": "expressions",
        "JSONPathKey JSONPathSubscript": "this",
        "JSONPathRoot": "",
        "And Or EQ NEQ GT GTE LT LTE Is Like ILike Glob Add Sub Mul Div Mod DPipe BitwiseAnd BitwiseOr BitwiseLeftShift BitwiseRightShift "
        "NullSafeEQ NullSafeNEQ RegexpLike": f"{_TWO} typed safe flag negate",
        "Any All Exists": "this",
    }.items()
    for name in names.split()
}
FLAGS: Final = frozenset({"big_int", "safe", "typed", "only_json_types", "is_numeric", "zone", "ensure_string"})
TYPES: Final = frozenset(
    "BIGINT BINARY BIT BOOLEAN CHAR DATE DATETIME DECIMAL DOUBLE FLOAT INT INTERVAL JSON JSONB LONGTEXT MEDIUMINT MEDIUMTEXT NCHAR NVARCHAR "
    "SMALLINT TEXT TIME TIMETZ TIMESTAMP TIMESTAMPTZ TIMESTAMPNTZ TIMESTAMPLTZ TINYINT TINYTEXT UBIGINT UINT USMALLINT UTINYINT UUID VARBINARY "
    "VARCHAR YEAR BLOB UDOUBLE UDECIMAL MEDIUMBLOB LONGBLOB TINYBLOB".split()
)
KEYWORDS: Final = frozenset(
    """
select from where group by having order limit offset distinct all as and or not in is null true false like ilike glob between escape case when
then else end union except intersect with recursive join inner left right full outer cross natural on using lateral values insert into update
set delete returning conflict do nothing default asc desc nulls first last exists any some cast interval over partition rows range groups
unbounded preceding following current row filter within collate at time zone isnull notnull window rollup cube ignore duplicate key replace
both leading trailing for separator excluded default sets grouping array date timestamp
integer int int2 int4 int8 float4 float8 real numeric bool boolean character varying char varchar text string bytea serial bigserial precision
datetime timestamptz timetz without current_timestamp current_date current_time localtimestamp localtime bigint smallint tinyint mediumint
decimal dec double float json jsonb uuid blob binary varbinary bit unsigned signed clob bpchar long year month day hour minute second week years
months days hours minutes seconds weeks
""".split()
)
"""Words that the tree keeps by its shape, or that only say how a value is written."""
DEFINING: Final = frozenset(
    "create drop alter table index unique if add column primary foreign references constraint check autoincrement auto_increment truncate temp "
    "temporary".split()
)
