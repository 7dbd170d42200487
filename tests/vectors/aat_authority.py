"""The scenarios of `aat.json` about authority: constraints, argument maps, and what may narrow what (sections 3.3, 3.4 and 4.5)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.vectors.aat_scenarios import ANY, CHILD, READ, ROOT, Scenario, all_, any_, exact, maps, maybe, narrowing, one_of, range_
from tests.vectors.make_aat import Token, Tools, number


def authorities() -> Iterator[Scenario]:
    """All of these."""
    yield from authority()
    yield from logic()
    yield from sets_and_ranges()
    yield from closed_world()
    yield from well_formed()
    yield from optional()
    yield from star()


def authority() -> Iterator[Scenario]:
    two = one_of("/data/a.txt", "/data/b.txt")
    yield Scenario("one-of-widened", "one_of with another value", narrowing(two, one_of("/data/a.txt", "/etc/passwd")), "4p4")
    yield Scenario("one-of-narrowed", "one_of with fewer values", narrowing(two, one_of("/data/a.txt")))
    yield Scenario("one-of-exact", "one_of to an exact of it", narrowing(two, exact("/data/a.txt")))
    yield Scenario("one-of-not-exact", "one_of to an exact that isn't in it", narrowing(two, exact("/data/c.txt")), "4p4", '{"path":"/data/c.txt"}')
    yield Scenario(
        "one-of-not-one-of", "not_one_of under one_of", narrowing(two, {"constraint_type": "not_one_of", "excluded": ["/data/b.txt"]}), "4p4"
    )
    yield Scenario("one-of-wildcard", "one_of relaxed to a wildcard", narrowing(two, ANY), "4p4")
    yield Scenario("exact-same", "exact of the same value", narrowing(exact("/data/a.txt"), exact("/data/a.txt")))
    yield Scenario(
        "exact-one-of", "one_of under exact, though it holds just that value", narrowing(exact("/data/a.txt"), one_of("/data/a.txt")), "4p4"
    )
    yield Scenario("exact-number-form", "1 and 1.0 are one number", narrowing(exact(1), exact(number("1.0")), "n"), args='{"n":1}')
    yield Scenario("exact-true-is-not-1", "true is not 1", narrowing(ANY, exact(1), "n"), "6b", '{"n":true}')
    yield Scenario("exact-1-is-not-true", "1 is not true", narrowing(ANY, exact(value=True), "n"), "6b", '{"n":1}')
    yield Scenario("exact-null", "null is admitted by an exact null", narrowing(ANY, exact(None), "n"), args='{"n":null}')
    yield Scenario("tool-added", "a tool that the parent doesn't have", (Token({"search": {"query": ANY}}), CHILD), "4p1")
    yield Scenario("tool-case", "a tool name in another case is another tool", (Token({"Read": {"path": ANY}}),), "6b")
    yield Scenario("tool-look-alike", "a tool name with a look-alike letter is another tool", (Token({"re\u0430d": {"path": ANY}}),), "6b")
    yield Scenario("key-dropped", "a required argument dropped from a closed map", maps({"path": ANY, "mode": exact("r")}, {"path": ANY}), "4p2")
    yield Scenario(
        "all-flattened",
        "all flattened to a bare range, though it is narrower",
        narrowing(all_(range_(min=0), range_(max=100)), range_(min=1, max=50), "n"),
        "4p4",
        '{"n":5}',
    )
    yield Scenario("all-under-any", "all under any", narrowing(any_(exact("a"), exact("b")), all_(exact("a"))), "4p4", '{"path":"a"}')
    yield Scenario(
        "exact-under-any", "exact under any, though a clause admits it", narrowing(any_(exact("a"), exact("b")), exact("a")), "4p4", '{"path":"a"}'
    )


def logic() -> Iterator[Scenario]:
    low, high = range_(min=0), range_(max=100)

    def case(name: str, title: str, parent: object, child: object, step: str = "", value: str = "5") -> Scenario:
        return Scenario(name, title, narrowing(parent, child, "n"), step, f'{{"n":{value}}}')

    yield case("all-added", "all with a clause more", all_(low), all_(low, high))
    yield case("all-dropped", "all with a clause less", all_(low, high), all_(low), "4p4")
    yield case("all-one-covers-two", "one clause covers two of the parent's", all_(low, range_(min=-5)), all_(range_(min=1)))
    yield case("all-exact-covers-two", "one exact covers two wildcards", all_(ANY, ANY), all_(exact(5)))
    yield case("all-not-subsumed", "a clause of all is widened", all_(low, high), all_(low, range_(max=200)), "4p4")
    yield case("all-leaf-fails", "the value violates one clause", all_(low, high), all_(low, high), "6b", "500")
    yield case("any-removed", "any with an alternative less", any_(exact(5), exact(6)), any_(exact(5)))
    yield case("any-added", "any with an alternative more", any_(exact(5)), any_(exact(5), exact(6)), "4p4")
    yield case("any-empty", "any without alternatives", any_(exact(5)), any_(), "3n/4o")
    yield case("any-leaf", "a value that one alternative admits", any_(exact(5), exact(6)), any_(exact(5), exact(6)), value="6")
    yield case("any-leaf-removed", "a value of an alternative that was removed", any_(exact(5), exact(6)), any_(exact(5)), "6b", "6")
    yield case("any-across-types", "an exact under an alternative that is one_of", any_(one_of(5, 6), low), any_(exact(5)))
    yield case("all-any-removed", "an alternative less, inside all", all_(any_(exact(5), exact(6))), all_(any_(exact(5))))
    yield case("wildcard-any", "a wildcard subsumes everything", ANY, any_(exact(5), all_(low)))


def sets_and_ranges() -> Iterator[Scenario]:
    def array(name: str, title: str, kind: str, member: str, values: tuple[list[str], list[str]], step: str = "") -> Scenario:
        parent, child = [{"constraint_type": kind, member: each} for each in values]
        return Scenario(name, title, narrowing(parent, child, "tags"), step, '{"tags":["a"]}' if kind == "subset" else '{"tags":["a","b"]}')

    def bounds(name: str, title: str, parent: object, child: object, step: str = "", value: str = "5") -> Scenario:
        return Scenario(name, title, narrowing(parent, child, "n"), step, f'{{"n":{value}}}')

    not_a = {"constraint_type": "not_one_of", "excluded": ["a"]}
    not_ab = {"constraint_type": "not_one_of", "excluded": ["a", "b"]}
    yield Scenario("not-one-of-added", "not_one_of excludes more", narrowing(not_a, not_ab), args='{"path":"c"}')
    yield Scenario("not-one-of-dropped", "not_one_of excludes less", narrowing(not_ab, not_a), "4p4", '{"path":"c"}')
    yield Scenario("not-one-of-leaf", "an excluded value", narrowing(not_a, not_ab), "6b", '{"path":"b"}')
    yield array("contains-added", "contains requires more", "contains", "required", (["a"], ["a", "b"]))
    yield array("contains-dropped", "contains requires less", "contains", "required", (["a", "b"], ["a"]), "4p4")
    yield array("subset-shrunk", "subset allows less", "subset", "allowed", (["a", "b"], ["a"]))
    yield array("subset-grown", "subset allows more", "subset", "allowed", (["a"], ["a", "b"]), "4p4")
    yield Scenario(
        "subset-leaf",
        "an array with an element that is not allowed",
        narrowing(ANY, {"constraint_type": "subset", "allowed": ["a"]}, "tags"),
        "6b",
        '{"tags":["a","b"]}',
    )
    yield Scenario(
        "subset-text", "text where an array must be", narrowing(ANY, {"constraint_type": "subset", "allowed": ["a"]}, "tags"), "6b", '{"tags":"a"}'
    )
    yield bounds(
        "range-exclusive", "an exclusive bound at the same value is tighter", range_(min=0, max=9), range_(min=0, min_inclusive=False, max=9)
    )
    yield bounds("range-inclusive", "an inclusive bound under an exclusive one is wider", range_(min=0, min_inclusive=False), range_(min=0), "4p4")
    yield bounds("range-max-exclusive", "an exclusive maximum at the same value is tighter", range_(max=9), range_(max=9, max_inclusive=False))
    yield bounds(
        "range-max-inclusive", "an inclusive maximum under an exclusive one is wider", range_(max=9, max_inclusive=False), range_(max=9), "4p4"
    )
    yield bounds("range-bound-dropped", "a bound dropped", range_(max=100), range_(), "4p4")
    yield bounds("range-exact", "an exact number in range", range_(max=100), exact(5))
    yield bounds("range-exact-text", "an exact text under a range", range_(max=100), exact("5"), "4p4", '"5"')
    yield bounds("range-leaf-exclusive", "the excluded bound itself", ANY, range_(max=5, max_inclusive=False), "6b")
    yield bounds("range-true", "true is no number", ANY, range_(min=0), "6b", "true")
    yield bounds("range-text", "text is no number", ANY, range_(min=0), "6b", '"5"')
    yield bounds("range-null", "null is no number", ANY, range_(), "6b", "null")


def closed_world() -> Iterator[Scenario]:
    search: Tools = {"read": {"path": ANY}, "search": {"query": ANY}}
    empty: Tools = {"read": {}}
    yield Scenario("extra-argument", "an argument that nobody named", (ROOT,), "6b", '{"path":"/data/a.txt","mode":"w"}')
    yield Scenario("argument-absent", "a constrained argument is absent", (ROOT,), "6b", "{}")
    yield Scenario("tool-not-granted", "a tool that is not granted", (ROOT,), "6b", "{}", "delete")
    yield Scenario("tool-dropped", "a tool dropped on the way", (Token(search), CHILD), "6b", '{"query":"x"}', "search")
    yield Scenario(
        "tool-dropped-returns", "a tool dropped on the way and added again", (Token(search), CHILD, Token(search)), "4p1", '{"query":"x"}', "search"
    )
    yield Scenario("no-tools", "an empty tools map grants nothing", (Token({}),), "6b")
    yield Scenario(
        "empty-map-parent", "the parent's empty map admits what the child constrains", (Token(empty), Token({"read": {"path": exact("/data/a.txt")}}))
    )
    yield Scenario("empty-map-leaf", "an empty map at the leaf admits any arguments", (Token(empty),), args='{"path":"x","mode":"w"}')
    yield Scenario("empty-map-star", "an empty map is the same as a map of *", (Token(empty), Token({"read": {"*": ANY}})), args='{"mode":"w"}')
    yield Scenario("empty-map-child", "an empty map under a closed one", (ROOT, Token(empty)), "4p2")


def well_formed() -> Iterator[Scenario]:
    def bad(name: str, title: str, constraint: object, args: str = '{"path":"/data/a.txt"}') -> Scenario:
        return Scenario(name, title, (Token({"read": {"path": constraint}}),), "3n/4o", args)

    def nested(levels: int) -> dict[str, object]:
        return exact("a") if levels == 1 else all_(nested(levels - 1))

    yield bad("type-unknown", "a constraint type that nobody knows, on the tool that is called", {"constraint_type": "moon_phase", "is": "full"})
    yield Scenario(
        "type-unknown-elsewhere", "the same on another tool", (Token({**READ, "search": {"query": {"constraint_type": "moon_phase"}}}),), "3n/4o"
    )
    yield bad("type-unknown-nested", "the same inside any", any_(exact("/data/a.txt"), {"constraint_type": "moon_phase"}))
    yield bad("type-missing", "a constraint without a type", {"value": "/data/a.txt"})
    yield bad("type-no-text", "a constraint whose type is a number", {"constraint_type": 1})
    yield bad("constraint-no-object", "a constraint that is text", "wildcard")
    yield bad("all-empty", "all without clauses", all_())
    yield bad("all-no-array", "the clauses of all are an object", {"constraint_type": "all", "constraints": exact("a")})
    yield bad("range-unknown-member", "range with a member that nobody knows", range_(max=5, step=1))
    yield bad("range-reversed", "range with min over max", range_(min=5, max=1), '{"path":3}')
    yield bad("range-text-bound", "range with a text as bound", range_(max="5"))
    yield bad("range-true-bound", "range with true as bound", range_(max=True))
    yield bad("range-inclusive-alone", "min_inclusive without min", range_(min_inclusive=True))
    yield bad("range-inclusive-number", "max_inclusive that is a number", range_(max=5, max_inclusive=1))
    yield bad("exact-array", "exact with an array", exact(["a"]))
    yield bad("exact-no-value", "exact without value", {"constraint_type": "exact"})
    yield bad("one-of-empty", "one_of without values", one_of())
    yield bad("one-of-text", "one_of whose values are text", {"constraint_type": "one_of", "values": "ab"})
    yield bad("wildcard-member", "wildcard with a member", {**ANY, "value": 1})
    yield bad("literal-lossy", "a literal that RFC 8785 would change", exact(number("9007199254740993")))
    yield bad("literal-lossy-fraction", "the same with a fraction", range_(max=number("1.00000000000000001")), '{"path":1}')
    yield bad("nested-33", "constraints nested 33 levels deep", nested(33), '{"path":"a"}')
    yield Scenario("nested-32", "constraints nested 32 levels deep", (Token({"read": {"path": nested(32)}}),), args='{"path":"a"}')
    yield Scenario("argument-lossy", "an argument that RFC 8785 would change", narrowing(ANY, ANY, "n"), "6b", '{"n":9007199254740993}')
    yield Scenario("argument-big", "an argument over 2^53 that RFC 8785 keeps", narrowing(ANY, range_(min=0), "n"), args='{"n":9007199254740994}')
    yield Scenario(
        "literal-big",
        "a literal over 2^53 that RFC 8785 keeps",
        narrowing(ANY, exact(number("9007199254740994")), "n"),
        args='{"n":9007199254740994}',
    )


def optional() -> Iterator[Scenario]:
    base = {"path": ANY, "head": maybe(range_(max=200))}
    both = '{"path":"/data/a.txt","head":10}'
    yield Scenario("optional-omitted", "an optional argument omitted", (Token({"read": base}),))
    yield Scenario("optional-right", "an optional argument within its constraint", (Token({"read": base}),), args=both)
    yield Scenario(
        "optional-wrong", "an optional argument outside its constraint", (Token({"read": base}),), "6b", '{"path":"/data/a.txt","head":500}'
    )
    yield Scenario("optional-false", "optional: false is a required argument", (Token({"read": {"path": {**ANY, "optional": False}}}),), "6b", "{}")
    yield Scenario("required-omitted", "a required argument omitted beside optional ones", (Token({"read": base}),), "6b", '{"head":10}')
    yield Scenario("optional-to-required", "an optional argument becomes required", maps(base, {"path": ANY, "head": range_(max=200)}), args=both)
    yield Scenario("optional-to-required-omitted", "the same, omitted", maps(base, {"path": ANY, "head": range_(max=200)}), "6b")
    yield Scenario("required-to-optional", "a required argument becomes optional", maps({"path": ANY}, {"path": maybe(ANY)}), "4p3")
    yield Scenario("optional-dropped-with", "an optional argument dropped, then given", maps(base, {"path": ANY}), "6b", both)
    yield Scenario("optional-dropped-without", "an optional argument dropped, and not given", maps(base, {"path": ANY}))
    yield Scenario("required-dropped", "a required argument dropped", maps(base, {"head": maybe(range_(max=200))}), "4p2", '{"head":10}')
    yield Scenario("optional-widened", "an optional argument's constraint widened", maps(base, {"path": ANY, "head": maybe(range_(max=500))}), "4p4")
    yield Scenario("optional-nested", "optional inside all", (Token({"read": {"path": all_(maybe(ANY))}}),), "3n/4o")
    yield Scenario("optional-number", "optional that is a number", (Token({"read": {"path": {**ANY, "optional": 1}}}),), "3n/4o")


def star() -> Iterator[Scenario]:
    open_ = {"path": ANY, "*": ANY}
    mode = '{"path":"/data/a.txt","mode":"r"}'
    yield Scenario("star-admits", "* admits an argument that nobody named", (Token({"read": open_}),), args=mode)
    yield Scenario("star-absent", "without * it is refused", (ROOT,), "6b", mode)
    yield Scenario("star-still-requires", "* doesn't replace a required argument", (Token({"read": open_}),), "6b", '{"mode":"r"}')
    yield Scenario(
        "star-constrained-wrong",
        "a child constrains what * admitted: another value",
        maps(open_, {"path": ANY, "mode": exact("r")}),
        "6b",
        '{"path":"/data/a.txt","mode":"w"}',
    )
    yield Scenario("star-constrained-right", "the same: the value", maps(open_, {"path": ANY, "mode": exact("r")}), args=mode)
    yield Scenario("star-new-optional", "a child names an optional argument under *", maps(open_, {"path": ANY, "mode": maybe(exact("r")), "*": ANY}))
    yield Scenario("star-added", "a child adds *", maps({"path": ANY}, open_), "4p2")
    yield Scenario(
        "key-added",
        "a child names an argument that the parent neither names nor admits",
        maps({"path": ANY}, {"path": ANY, "mode": ANY}),
        "4p2",
        mode,
    )
    yield Scenario(
        "optional-dropped-star",
        "a child drops an optional argument and keeps *",
        maps({"path": ANY, "head": maybe(range_(max=9)), "*": ANY}, open_),
        "4p2",
    )
    yield Scenario("star-dropped", "a child drops *", maps(open_, {"path": ANY}))
    yield Scenario("star-dropped-unnamed", "then an argument that nobody named is refused", maps(open_, {"path": ANY}), "6b", mode)
    yield Scenario("star-optional", "* with optional", (Token({"read": {"path": ANY, "*": maybe(ANY)}}),), "3n/4o")
    yield Scenario("star-exact", "* that is no wildcard", (Token({"read": {"path": ANY, "*": exact("x")}}),), "3n/4o", mode)
    yield Scenario("star-argument", "an argument named * counts as unnamed", (Token({"read": open_}),), args='{"path":"/data/a.txt","*":1}')
    yield Scenario("star-argument-closed", "and is refused in a closed map", (ROOT,), "6b", '{"path":"/data/a.txt","*":1}')
