"""The tools of coding agents and the kinds of their arguments, as data.

One line a tool: its name, then its arguments; `:` and a kind of `kinds.KINDS` (plain data without one), `?` for one that may be left out.
From the agents' own documentation and, where that is silent, from what their hooks send.  A tool that is not here is not refused for that: nothing is
known about it, so a grant has to name it, and an argument that a newer version adds has to be granted by name too.

>>> spelled("claude", "Read")
{'file_path': 'read', 'offset': 'any?', 'limit': 'any?', 'pages': 'any?', 'allow_large': 'any?'}
>>> spelled("claude", "Teleport") is None
True
"""

# lists of words are data, and read best as text
from __future__ import annotations

from functools import cache
from typing import Final

_CLAUDE: Final = """
Bash command:shell timeout? description? run_in_background? dangerouslyDisableSandbox:unsandboxed?
BashOutput bash_id:own filter?
TaskOutput task_id:own block? timeout?
KillShell shell_id:stops
TaskStop task_id:stops? shell_id:stops?
Read file_path:read offset? limit? pages? allow_large?
Write file_path:write content:text
Edit file_path:write old_string:text new_string:text replace_all?
MultiEdit file_path:write edits
NotebookRead notebook_path:read cell_id?
NotebookEdit notebook_path:write new_source:text cell_id? cell_type? edit_mode?
Glob pattern:glob path:tree?
Grep pattern:seeks path:tree? glob? output_mode? -A? -B? -C? -i? -n? type? head_limit? offset? multiline? context?
LS path:tree ignore?
WebFetch url:url prompt:text offset?
WebSearch query:query allowed_domains? blocked_domains?
Task prompt:delegates description? subagent_type? model? resume? run_in_background? name? isolation? mode? team_name? max_turns? effort?
Agent prompt:delegates description? subagent_type? model? resume? run_in_background? name? isolation? mode? team_name? max_turns? effort?
TodoWrite todos:own
TaskCreate subject:own description? activeForm? metadata?
TaskUpdate taskId:own status? subject? description? activeForm? owner? addBlocks? addBlockedBy? metadata?
TaskGet taskId:own
ExitPlanMode plan:own? allowedPrompts?
AskUserQuestion questions:own answers:theirs? annotations:theirs? metadata?
Skill skill:own args?
ToolSearch query:own max_results?
ListMcpResourcesTool server:resource?
ReadMcpResourceTool server:resource uri
Monitor command:shell? description? timeout_ms? ws:fetches?
SendMessage to:delegates message summary? notify_when_idle?
ListAgents q:own? channel? cursor?
ReportFindings findings:own level?
EnterWorktree name? path:write?
CronCreate cron prompt:later recurring? durable?
ScheduleWakeup delaySeconds? prompt:later? reason? noop? stop?
Workflow script:sends? scriptPath:read? name? args? description? title? resumeFromRunId?
"""
_CODEX: Final = """
Bash command:shell description?
apply_patch command:patch
NetworkAccess command:fetches description?
"""
_GEMINI: Final = """
run_shell_command command:shell description? directory:folder? dir_path:folder? is_background?
read_file file_path:read? absolute_path:read? offset? limit? start_line? end_line?
write_file file_path:write content:text
replace file_path:write old_string:text new_string:text expected_replacements? instruction? allow_multiple?
list_directory dir_path:list? path:list? ignore? respect_git_ignore? file_filtering_options?
glob pattern:glob dir_path:tree? path:tree? case_sensitive? respect_git_ignore? respect_gemini_ignore?
search_file_content pattern:seeks dir_path:tree? path:tree? include? include_pattern? exclude_pattern? case_sensitive? \
fixed_strings? context? after? before? no_ignore? max_matches_per_file? total_max_matches? names_only?
grep_search pattern:seeks dir_path:tree? path:tree? include? include_pattern? exclude_pattern? case_sensitive? \
fixed_strings? context? after? before? no_ignore? max_matches_per_file? total_max_matches? names_only?
read_many_files paths:reads? include:reads? exclude? recursive? useDefaultExcludes? file_filtering_options?
web_fetch prompt:fetches
google_web_search query:query
save_memory fact:memory
write_todos todos:own
ask_user questions:own
enter_plan_mode reason:own?
exit_plan_mode plan_path:read
delegate_to_agent agent_name:delegates prompt? objective?
activate_skill name:own
"""
_COPILOT: Final = """
bash command:shell description? sessionId? async? mode? timeout? initial_wait? detach? requestSandboxBypass:unsandboxed?
write_bash sessionId input:sends delay?
read_bash sessionId:own delay?
stop_bash sessionId:stops
list_bash filter:own?
view path:read view_range? forceReadLargeFiles?
create path:write file_text:text
edit path:write old_str:text new_str:text
apply_patch command:patch? patch:patch? input:patch?
grep pattern:seeks path:tree? glob? type? output_mode? -A? -B? -C? -i? -n? head_limit? multiline?
rg pattern:seeks path:tree? glob? type? output_mode? -A? -B? -C? -i? -n? head_limit? multiline?
glob pattern:glob path:tree?
web_fetch url:url max_length? start_index? raw?
web_search query:query
task prompt:delegates description? agent_type? name? model? mode?
ask_user question:own choices? allow_freeform?
update_todo todos:own
report_intent intent:own
"""
_CURSOR: Final = """
Shell command:shell cwd:folder? timeout? working_directory:folder? description? is_background? required_permissions:unsandboxed?
Read file_path:read? path:read? offset? limit? content?
Write file_path:write? path:write? content:text? contents:text? edits? old_string? new_string?
Delete file_path:delete? path:delete?
Grep pattern:seeks file_path:tree? path:tree? glob? output_mode? -A? -B? -C? -i? type? head_limit? offset? multiline?
Glob pattern:glob? glob_pattern:glob? path:tree? target_directory:tree?
LS path:tree? target_directory:tree? ignore?
Task prompt:delegates? task:delegates? description? subagent_type? model? readonly? resume? run_in_background?
WebFetch url:url
WebSearch query:query? search_term:query? explanation?
TodoWrite todos:own merge?
"""
_TABLES: Final = {"claude": _CLAUDE, "codex": _CODEX, "gemini": _GEMINI, "copilot": _COPILOT, "cursor": _CURSOR}


LASTING: Final = frozenset({"copilot", "cursor"})
"""Agents whose shell goes on from one command to the next, with its folder and its variables."""


@cache
def names(agent: str) -> dict[str, str]:
    """Tool → its line, of one agent; nothing for an agent that has no table."""
    lines = [line.partition(" ") for line in _TABLES.get(agent, "").strip().splitlines()]
    return {name: rest for name, _, rest in lines}


@cache
def spelled(agent: str, tool: str) -> dict[str, str] | None:
    """Argument → kind, with `?` where it may be left out; None for a tool of which nothing is known."""
    line = names(agent).get(tool)
    return None if line is None else dict(_argument(word) for word in line.split())


def _argument(word: str) -> tuple[str, str]:
    name, _, kind = word.rstrip("?").partition(":")
    return name, (kind or "any") + ("?" if word.endswith("?") else "")
