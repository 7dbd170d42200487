"""A server with everything the public conformance suite asks of one, written with the official SDK (`mcp` 2.3).

    python server.py --http PORT     streamable HTTP at http://127.0.0.1:PORT/mcp
    python server.py                 stdio
    python server.py --fork SOCKET   stdio, for each `python joined.py SOCKET` on the pipes of that process, without loading the SDK again

It is run by a Python of its own that has `mcp`; nothing here imports the gate.  What each tool does is said in the suite's scenarios.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import struct
import sys
import warnings
import zlib

import anyio
import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError

warnings.simplefilter("ignore")
BUS = InMemorySubscriptionBus()
WATCHED: set[str] = set()
NOTHING = {"type": "object", "properties": {}}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PIXEL = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + _chunk(b"IEND", b"")
)
PNG = base64.b64encode(PIXEL).decode()
SILENCE = b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<Ih", 2, 0)
WAV = base64.b64encode(SILENCE).decode()


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def image() -> dict:
    return {"type": "image", "data": PNG, "mimeType": "image/png"}


def done(*content: dict) -> types.CallToolResult:
    return types.CallToolResult.model_validate({"content": list(content)})


# ---- tools that answer at once -------------------------------------------------------------------------------------------------------------


async def simple_text(ctx, arguments):
    return done(text("This is a simple text response for testing."))


async def image_content(ctx, arguments):
    return done(image())


async def audio_content(ctx, arguments):
    return done({"type": "audio", "data": WAV, "mimeType": "audio/wav"})


def resource(uri: str, kind: str, words: str) -> dict:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": words}}


async def embedded_resource(ctx, arguments):
    return done(resource("test://embedded-resource", "text/plain", "This is an embedded resource content."))


async def multiple_content_types(ctx, arguments):
    mixed = resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return done(text("Multiple content types test:"), image(), mixed)


async def error_handling(ctx, arguments):
    return types.CallToolResult.model_validate({"content": [text("This tool intentionally returns an error for testing")], "isError": True})


async def echo(ctx, arguments):
    return done(text(json.dumps(arguments, sort_keys=True)))


async def get_env(ctx, arguments):
    return done(text(json.dumps(dict(os.environ))))


async def missing_capability(ctx, arguments):
    if not capable(ctx, "sampling"):
        raise MCPError(-32021, "this tool needs sampling", {"requiredCapabilities": {"sampling": {}}})
    return done(text("sampling is there"))


# ---- tools that say something on the way -----------------------------------------------------------------------------------------------------


async def tool_with_logging(ctx, arguments):
    for number, words in enumerate(("Tool execution started", "Tool processing data", "Tool execution completed")):
        await anyio.sleep(0.05 if number else 0)
        await ctx.session.send_log_message("info", words, related_request_id=ctx.request_id)
    return done(text("Tool with logging executed"))


async def tool_with_progress(ctx, arguments):
    for step in (0, 50, 100):
        await anyio.sleep(0.05 if step else 0)
        await ctx.session.report_progress(step, 100, f"{step} of 100")
    return done(text("Tool with progress executed"))


async def streaming_elicitation(ctx, arguments):
    await ctx.session.report_progress(1, 2)
    return ask(ctx, "answer", elicitation("Go on?", {"ok": {"type": "boolean"}})) or done(text("went on"))


async def reconnection(ctx, arguments):
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
    await anyio.sleep(0.2)
    return done(text("Reconnection test completed"))


async def trigger_tool_change(ctx, arguments):
    await BUS.publish(ToolsListChanged())
    return done(text("told"))


async def trigger_prompt_change(ctx, arguments):
    await BUS.publish(PromptsListChanged())
    return done(text("told"))


# ---- tools that ask the client, as the old revisions do ----------------------------------------------------------------------------------------


async def sampling(ctx, arguments):
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=arguments["prompt"]))
    result = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return done(text(f"LLM response: {getattr(result.content, 'text', '')}"))


async def elicit(ctx, message: str, properties: dict, required: list[str]) -> str:
    schema = {"type": "object", "properties": properties, "required": required}
    result = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"action={result.action}, content={json.dumps(result.content)}"


async def plain_elicitation(ctx, arguments):
    asked = {"username": {"type": "string", "description": "User's response"}, "email": {"type": "string", "description": "User's email address"}}
    return done(text(f"User response: {await elicit(ctx, arguments['message'], asked, ['username', 'email'])}"))


async def elicitation_defaults(ctx, arguments):
    asked = {
        "name": {"type": "string", "description": "Name", "default": "John Doe"},
        "age": {"type": "integer", "description": "Age", "default": 30},
        "score": {"type": "number", "description": "Score", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "description": "Verified", "default": True},
    }
    return done(text(f"Elicitation completed: {await elicit(ctx, 'Please look over these', asked, [])}"))


async def elicitation_enums(ctx, arguments):
    options = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
    asked = {
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": [{**one, "title": one["title"].replace("Option", "Choice")} for one in titled]}},
    }
    return done(text(f"Elicitation completed: {await elicit(ctx, 'Please choose', asked, [])}"))


# ---- tools that ask the client in their result, as 2026-07-28 does ---------------------------------------------------------------------------------


def capable(ctx, name: str) -> bool:
    return getattr(ctx.session.client_capabilities, name, None) is not None


def elicitation(message: str, properties: dict) -> dict:
    params = {"mode": "form", "message": message, "requestedSchema": {"type": "object", "properties": properties, "required": list(properties)}}
    return {"method": "elicitation/create", "params": params}


def create_message(words: str, most: int = 100) -> dict:
    return {"method": "sampling/createMessage", "params": {"messages": [{"role": "user", "content": text(words)}], "maxTokens": most}}


ROOTS = {"method": "roots/list", "params": {}}


def needed(requests: dict, state: str | None = None) -> types.InputRequiredResult:
    return types.InputRequiredResult.model_validate({"inputRequests": requests, **({"requestState": state} if state else {})})


def answers(ctx) -> dict:
    given = (ctx.params or {}).get("inputResponses")
    return given if isinstance(given, dict) else {}


def content(ctx, key: str) -> dict:
    """What was filled in for a question; empty for everything else that came."""
    answer = answers(ctx).get(key)
    filled = answer.get("content") if isinstance(answer, dict) and answer.get("action") == "accept" else None
    return filled if isinstance(filled, dict) else {}


def state_of(ctx) -> str | None:
    return (ctx.params or {}).get("requestState")


def ask(ctx, key: str, request: dict, state: str | None = None):
    return None if key in answers(ctx) else needed({key: request}, state)


async def input_elicitation(ctx, arguments):
    name = content(ctx, "user_name").get("name")
    if not isinstance(name, str):
        return needed({"user_name": elicitation("What is your name?", {"name": {"type": "string"}})})
    return done(text(f"Hello, {name}!"))


async def input_sampling(ctx, arguments):
    if again := ask(ctx, "capital_question", create_message("What is the capital of France?")):
        return again
    said = answers(ctx)["capital_question"].get("content", {})
    return done(text(said.get("text", "") if isinstance(said, dict) else str(said)))


async def input_roots(ctx, arguments):
    if again := ask(ctx, "client_roots", ROOTS):
        return again
    return done(text(f"Roots: {json.dumps(answers(ctx)['client_roots'].get('roots'))}"))


async def input_state(ctx, arguments):
    if state_of(ctx) != "asked":
        return needed({"confirm": elicitation("Please confirm", {"ok": {"type": "boolean"}})}, "asked")
    return done(text("state-ok"))


async def input_several(ctx, arguments):
    asked = {
        "user_name": elicitation("What is your name?", {"name": {"type": "string"}}),
        "greeting": create_message("Generate a greeting", 50),
        "client_roots": ROOTS,
    }
    if state_of(ctx) != "several" or not asked.keys() <= answers(ctx).keys():
        return needed(asked, "several")
    return done(text("All three came"))


async def input_rounds(ctx, arguments):
    if state_of(ctx) is None:
        return needed({"step1": elicitation("Step 1: What is your name?", {"name": {"type": "string"}})}, "one")
    if state_of(ctx) == "one":
        return needed({"step2": elicitation("Step 2: What is your favorite color?", {"color": {"type": "string"}})}, "two")
    return done(text("Both rounds are done"))


async def input_capabilities(ctx, arguments):
    asked = {}
    if capable(ctx, "elicitation"):
        asked["name"] = elicitation("What is your name?", {"name": {"type": "string"}})
    if capable(ctx, "sampling"):
        asked["words"] = create_message("Say something")
    return needed(asked) if asked and not answers(ctx) else done(text("nothing to ask"))


SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def one(name: str, **more) -> dict:
    return {"type": "object", "properties": {name: {"type": "string", **more}}, "required": [name]}


TOOLS = {
    "test_simple_text": (simple_text, NOTHING),
    "test_image_content": (image_content, NOTHING),
    "test_audio_content": (audio_content, NOTHING),
    "test_embedded_resource": (embedded_resource, NOTHING),
    "test_multiple_content_types": (multiple_content_types, NOTHING),
    "test_error_handling": (error_handling, NOTHING),
    "test_missing_capability": (missing_capability, NOTHING),
    "test_tool_with_logging": (tool_with_logging, NOTHING),
    "test_logging_tool": (tool_with_logging, NOTHING),
    "test_tool_with_progress": (tool_with_progress, NOTHING),
    "test_streaming_elicitation": (streaming_elicitation, NOTHING),
    "test_reconnection": (reconnection, NOTHING),
    "test_trigger_tool_change": (trigger_tool_change, NOTHING),
    "test_trigger_prompt_change": (trigger_prompt_change, NOTHING),
    "test_sampling": (sampling, one("prompt")),
    "test_elicitation": (plain_elicitation, one("message")),
    "test_elicitation_sep1034_defaults": (elicitation_defaults, NOTHING),
    "test_elicitation_sep1330_enums": (elicitation_enums, NOTHING),
    "test_input_required_result_elicitation": (input_elicitation, NOTHING),
    "test_input_required_result_sampling": (input_sampling, NOTHING),
    "test_input_required_result_list_roots": (input_roots, NOTHING),
    "test_input_required_result_request_state": (input_state, NOTHING),
    "test_input_required_result_multiple_inputs": (input_several, NOTHING),
    "test_input_required_result_multi_round": (input_rounds, NOTHING),
    "test_input_required_result_tampered_state": (input_state, NOTHING),
    "test_input_required_result_capabilities": (input_capabilities, NOTHING),
    "json_schema_2020_12_tool": (echo, SCHEMA_2020),
    "get_env": (get_env, NOTHING),
    "test_header_parameter": (echo, one("region", **{"x-mcp-header": "Region"})),
}
PROMPTS = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
    "secret_prompt": [],
    "test_input_required_result_prompt": [],
}
RESOURCES = {
    "test://static-text": ("text/plain", "This is the content of the static text resource."),
    "test://static-binary": ("image/png", None),
    "test://secret": ("text/plain", "This resource is nobody's."),
    "test://watched-resource": ("text/plain", "This resource is watched."),
}


# ---- what the protocol asks for ----------------------------------------------------------------------------------------------------------------


async def list_tools(ctx, params):
    return types.ListToolsResult(
        tools=[types.Tool(name=name, description=f"The tool {name}.", input_schema=schema) for name, (_, schema) in TOOLS.items()]
    )


async def call_tool(ctx, params):
    if params.name not in TOOLS:
        raise MCPError(-32602, f"Unknown tool: {params.name}")
    return await TOOLS[params.name][0](ctx, params.arguments or {})


async def list_prompts(ctx, params):
    return types.ListPromptsResult.model_validate(
        {
            "prompts": [
                {"name": name, "description": name, "arguments": [{"name": a, "required": True} for a in needs]} for name, needs in PROMPTS.items()
            ]
        }
    )


async def get_prompt(ctx, params):
    given, name = params.arguments or {}, params.name
    if name not in PROMPTS:
        raise MCPError(-32602, f"Unknown prompt: {name}")
    if name == "test_input_required_result_prompt" and "user_context" not in answers(ctx):
        return needed({"user_context": elicitation("What context should the prompt use?", {"context": {"type": "string"}})})
    said = {
        "test_simple_prompt": [text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")],
        "test_prompt_with_embedded_resource": [
            resource(given.get("resourceUri", "test://none"), "text/plain", "Embedded resource content for testing."),
            text("Please process the embedded resource above."),
        ],
        "secret_prompt": [text("This prompt is nobody's.")],
        "test_prompt_with_image": [image(), text("Please analyze the image above.")],
        "test_input_required_result_prompt": [text(f"Context: {content(ctx, 'user_context').get('context')}")],
    }[name]
    return types.GetPromptResult.model_validate({"messages": [{"role": "user", "content": one} for one in said]})


async def list_resources(ctx, params):
    return types.ListResourcesResult.model_validate(
        {"resources": [{"uri": uri, "name": uri.partition("//")[2], "mimeType": kind} for uri, (kind, _) in RESOURCES.items()]}
    )


async def list_templates(ctx, params):
    template = {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}
    return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": [template]})


async def read_resource(ctx, params):
    uri = str(params.uri)
    if uri in RESOURCES:
        kind, words = RESOURCES[uri]
        found = {"blob": PNG} if words is None else {"text": words}
    elif uri.startswith("test://template/") and uri.endswith("/data"):
        number = uri.removeprefix("test://template/").removesuffix("/data")
        kind, found = "application/json", {"text": json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})}
    else:
        raise MCPError(-32602, "Resource not found", {"uri": uri})
    return types.ReadResourceResult.model_validate({"contents": [{"uri": uri, "mimeType": kind, **found}]})


async def subscribe(ctx, params):
    WATCHED.add(str(params.uri))
    return types.EmptyResult()


async def unsubscribe(ctx, params):
    WATCHED.discard(str(params.uri))
    return types.EmptyResult()


async def complete(ctx, params):
    values = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return types.CompleteResult.model_validate({"completion": {"values": values, "total": len(values), "hasMore": False}})


async def set_level(ctx, params):
    return types.EmptyResult()


class Events(EventStore):
    """What was sent on each stream, for clients that come back."""

    def __init__(self):
        self.kept = []

    async def store_event(self, stream_id, message):
        self.kept.append((stream_id, message))
        return str(len(self.kept))

    async def replay_events_after(self, last_event_id, send_callback):
        at = int(last_event_id)
        stream = self.kept[at - 1][0]
        for number, (other, message) in enumerate(self.kept[at:], at + 1):
            if other == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def made() -> Server:
    server = Server(
        "conformance-fixture",
        version="1",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=unsubscribe,
        on_subscriptions_listen=ListenHandler(BUS),
        on_completion=complete,
        on_set_logging_level=set_level,
        cache_hints={
            method: CacheHint(60_000, "public")
            for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
        },
        get_tool_input_schema=lambda name: TOOLS[name][1] if name in TOOLS else None,
    )
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="conformance-fixture"))
    return server


async def stdio() -> None:
    from mcp.server.stdio import stdio_server

    server = made()
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def forking(path: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _, pipes, _, _ = socket.recv_fds(connection, 1, 2)
            for number, pipe in enumerate(pipes):
                os.dup2(pipe, number)
                os.close(pipe)
            anyio.run(stdio)
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fork"]:
        forking(sys.argv[2])
    elif sys.argv[1:2] == ["--http"]:
        import uvicorn

        app = made().streamable_http_app(event_store=Events(), retry_interval=500)
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
    else:
        anyio.run(stdio)
