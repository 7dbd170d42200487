"""Functions by what a call of one does: those that only compute, and those that reach out of the database. Any other cannot be inspected.

A name is looked up in lower case and without its schema; a function that is written with a schema is another one.
"""

from __future__ import annotations

from typing import Final

from capabilities._sql.lexical import Dialect

_EVERYWHERE: Final = """
abs avg ceil ceiling coalesce concat concat_ws count cume_dist current_date current_time current_timestamp date dense_rank exp first_value floor
greatest lag last_value lead least length ln log log10 log2 lower lpad ltrim max min mod nth_value ntile nullif percent_rank pi pow power radians
degrees rank replace round row_number rpad rtrim sign sin cos tan asin acos atan atan2 sqrt substr substring sum trim trunc upper cast extract
position exists char_length character_length octet_length left right reverse repeat instr hex ascii row any_value
"""
_DIALECT: Final[dict[Dialect, str]] = {
    "sqlite": """
changes char datetime format glob group_concat ifnull iif json json_array json_array_length json_each json_extract json_group_array
json_group_object json_insert json_object json_patch json_quote json_remove json_replace json_set json_tree json_type json_valid julianday
last_insert_rowid like likelihood likely printf quote strftime string_agg time timediff total total_changes typeof unicode unixepoch unlikely
zeroblob concat octet_length unhex generate_series
""",
    "postgres": """
age array_agg array_append array_cat array_length array_position array_remove array_to_string bit_and bit_or bool_and bool_or btrim
cardinality chr clock_timestamp corr covar_pop covar_samp date_bin date_part date_trunc decode div encode every extract format generate_series
gen_random_uuid grouping initcap isfinite json_agg json_array_elements json_array_elements_text json_array_length json_build_array
json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object_agg json_object_keys json_typeof jsonb_agg
jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_set jsonb_strip_nulls jsonb_typeof justify_days
justify_hours justify_interval localtime localtimestamp make_date make_interval make_time make_timestamp md5 mode now overlay percentile_cont
percentile_disc quote_literal quote_nullable random regexp_count regexp_match regexp_matches regexp_replace regexp_split_to_array
regexp_split_to_table regr_slope scale split_part starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array
strpos timeofday to_char to_date to_hex to_json to_jsonb to_number to_timestamp transaction_timestamp translate unnest var_pop var_samp
variance width_bucket rollup cube sha256 grouping_sets array
""",
    "mysql": """
adddate addtime bin bit_and bit_length bit_or bit_xor char conv convert crc32 curdate curtime date_add date_format date_sub datediff day
dayname dayofmonth dayofweek dayofyear elt field find_in_set format from_days from_unixtime group_concat hour if ifnull insert isnull
json_array json_arrayagg json_contains json_depth json_extract json_keys json_length json_object json_objectagg json_type json_unquote
json_valid last_day lcase locate makedate maketime md5 microsecond mid minute month monthname now oct ord period_add period_diff quarter quote
rand sec_to_time second sha1 sha2 soundex space std stddev stddev_pop stddev_samp str_to_date strcmp subdate subtime sysdate time time_format
time_to_sec timediff timestamp timestampadd timestampdiff to_days truncate ucase unhex unix_timestamp utc_date utc_time utc_timestamp var_pop
var_samp variance week weekday weekofyear year yearweek values
""",
}
_COMPUTING: Final = {dialect: frozenset(f"{_EVERYWHERE} {names}".split()) for dialect, names in _DIALECT.items()}

_REACHING: Final = {
    **dict.fromkeys(
        "pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_current_logfile lo_import lo_get "
        "load_file readfile fsdir zipfile sqlite_dbdata xmltable query_to_xml table_to_xml database_to_xml cursor_to_xml".split(),
        "reads files or whole tables of the server",
    ),
    **dict.fromkeys("lo_export lo_put lo_from_bytea writefile edit pg_file_write pg_file_unlink".split(), "writes files of the server"),
    **dict.fromkeys(
        "load_extension eval sys_exec sys_eval xp_cmdshell xp_dirtree sp_oacreate fts3_tokenizer shell lua plpy java_call".split(),
        "runs code outside the database",
    ),
    **dict.fromkeys("dblink dblink_exec dblink_connect http http_get http_post postgres_fdw_handler".split(), "connects to another server"),
    **dict.fromkeys("pg_sleep pg_sleep_for pg_sleep_until sleep benchmark get_lock randomblob".split(), "can hold up the server"),
    **dict.fromkeys(
        "set_config setval nextval pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_switch_wal pg_promote pg_notify "
        "pg_advisory_lock pg_create_restore_point pg_logical_emit_message pg_replication_slot_advance setseed release_lock".split(),
        "changes more than rows",
    ),
}


def computes(name: str, dialect: Dialect) -> bool:
    """Whether a call of this function only computes from what it is given."""
    return name in _COMPUTING[dialect]


def reaches(name: str) -> str:
    """What a function that reaches out of the database does, "" for any other."""
    return _REACHING.get(name.rpartition(".")[2], "")
