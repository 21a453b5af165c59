//! What expressions give, and what they cannot do.

mod hostile;

use serde_json::{Value, json};

use super::*;

fn variables() -> BTreeMap<String, Value> {
    BTreeMap::from([
        (
            "context".to_owned(),
            json!({ "n": 2, "list": [3, 1, 2], "big": 9_007_199_254_740_993_i64 }),
        ),
        ("item".to_owned(), json!("pear")),
    ])
}

fn evaluate(source: &str, input: &Value) -> Result<Value, ExpressionError> {
    let expression = Expression::compile(source, &["context", "item", "other"])
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    expression.evaluate(input, &variables())
}

/// Evaluates on `{ "a": 1, "b": { "c": [10, 20, null] }, "t": "text" }`.
fn check(source: &str, expected: Value) {
    let input = json!({ "a": 1, "b": { "c": [10, 20, null] }, "t": "text" });
    assert_eq!(evaluate(source, &input), Ok(expected), "{source}");
}

#[test]
fn simple_expressions() {
    check(
        ".",
        json!({ "a": 1, "b": { "c": [10, 20, null] }, "t": "text" }),
    );
    check(".a", json!(1));
    check(".b.c[1]", json!(20));
    check(".b.c[-3]", json!(10));
    check(".b.c[7]", Value::Null);
    check(".missing.deeper", Value::Null);
    check("$context.list[0]", json!(3));
    check("$context.big", json!(9_007_199_254_740_993_i64));
    check(
        "{ x: .a, y: [.t, $item], $item, t }",
        json!({ "x": 1, "y": ["text", "pear"], "item": "pear", "t": "text" }),
    );
    check(".a == 1 and (.t | not | not)", json!(true));
    check(".a >= 1.5 or $context.n < 2", json!(false));
    check(".missing // \"default\"", json!("default"));
    check(
        "\"\\(.t) and \\(.a) and \\(.b.c)\"",
        json!("text and 1 and [10,20,null]"),
    );
    check(".t + \"!\"", json!("text!"));
    check(".b.c + [1]", json!([10, 20, null, 1]));
    check(". + { a: 2 } | .a", json!(2));
    check(
        "if .a == 1 then \"one\" elif .a then \"more\" else \"none\" end",
        json!("one"),
    );
    check("(.b.c | length) - .a", json!(2));
    check("null", Value::Null);
}

#[test]
fn jq_at_large() {
    check(".b.c | map(. // 0) | add", json!(30));
    check("[.b.c[] | select(. != null)] | length", json!(2));
    check("$context.list | sort | map(. * 2)", json!([2, 4, 6]));
    check("reduce $context.list[] as $x (0; . + $x)", json!(6));
    check("[range(3)]", json!([0, 1, 2]));
    check("to_entries | map(.key)", json!(["a", "b", "t"]));
    check("with_entries(.value |= tostring) | .a", json!("1"));
    check("[limit(2; repeat(1))]", json!([1, 1]));
    check("[.[] | numbers]", json!([1]));
    check(".t | test(\"^te\")", json!(true));
    check(".t | ascii_upcase | split(\"X\")", json!(["TE", "T"]));
    check(".t[1:3]", json!("ex"));
    check("$context.list[1:]", json!([1, 2]));
    check("null | .[1:]", Value::Null);
    check("[\"a\", \"b\"] | join(\"-\")", json!("a-b"));
    check("@uri \"x/\\(.t + \" é\")\"", json!("x/text%20%C3%A9"));
    check("@base64 \"\\(.t)\"", json!("dGV4dA=="));
    check("[1, \"a,b\", null] | @csv", json!("1,\"a,b\","));
    check(".b.c[0] |= . + 1 | .b.c[0]", json!(11));
    check("del(.b) | keys", json!(["a", "t"]));
    check("null | .x.y = 1", json!({ "x": { "y": 1 } }));
    check("[paths] | length", json!(7));
    check("try error(\"x\") catch .", json!("x"));
    check(".t as $t | [$t, $item] | contains([\"pea\"])", json!(true));
    check(
        "[2, 1] | min, max | tostring | select(. == \"1\")",
        json!("1"),
    );
    check(
        "\"2026-11-20T09:00:00Z\" | fromdate | todate",
        json!("2026-11-20T09:00:00Z"),
    );
    check("0 | strftime(\"%Y-%m-%d\")", json!("1970-01-01"));
    check(
        "[{ k: 1, v: 2 }, { k: 1, v: 3 }] | group_by(.k) | map(length)",
        json!([2]),
    );
    check("\"{\\\"a\\\": [1.50]}\" | fromjson", json!({ "a": [1.5] }));
    check("[1, [2, [3]]] | flatten", json!([1, 2, 3]));
    check(
        "[.b | tostream] | fromstream(.[])",
        json!({ "c": [10, 20, null] }),
    );
    check("IN(.a; 1, 2)", json!(true));
    check("[3, 1] | index(1)", json!(1));
    check("nan | isnan", json!(true));
    check("[nan, 1, nan] | sort | length", json!(3));
    check("empty", Value::Null);
    check(".b.c as [$x, $y] | $x + $y", json!(30));
    check("def f(x): x * 2; f(.a)", json!(2));
    check("[.t | splits(\"e\")]", json!(["t", "xt"]));
}

#[test]
fn numbers_are_exact_and_finite() {
    check("6 / 2", json!(3));
    check("7 / 2", json!(3.5));
    check("3.0", json!(3));
    check("[1e3, -0.0]", json!([1000, 0]));
    check(
        "9223372036854775807 + 1",
        json!(9_223_372_036_854_775_808_u64),
    );
    check("10000000000 * 10000000000", json!(1e20));
    let same = evaluate(
        ". | tojson | fromjson",
        &json!([18_446_744_073_709_551_615_u64, 0.1]),
    );
    assert_eq!(same, Ok(json!([18_446_744_073_709_551_615_u64, 0.1])));
    assert_eq!(
        evaluate(".", &json!(5.0))
            .expect("it evaluates")
            .to_string(),
        "5"
    );
    for source in ["1 / 0", "nan", "[infinite]", "{ a: (-1 / 0) }"] {
        let error = evaluate(source, &Value::Null).expect_err("it is not JSON");
        assert!(
            matches!(error.failure, ExpressionFailure::NotJson(_)),
            "{source}: {error}"
        );
    }
}

#[test]
fn failures_say_what_happened() {
    let cases = [
        (
            ".t.x",
            "expression `.t.x`: cannot index \"text\" with \"x\"",
        ),
        (
            ".a + .t",
            "expression `.a + .t`: cannot calculate 1 + \"text\"",
        ),
        (
            "1, 2",
            "expression `1, 2`: it has more than one result; write `[…]` around it to get them as an array",
        ),
        ("error(\"no\")", "expression `error(\"no\")`: no"),
        ("$other", "expression `$other`: `$other` has no value here"),
        ("break_out", ""),
    ];
    for (source, expected) in cases {
        let Ok(expression) = Expression::compile(source, &["other"]) else {
            assert_eq!(expected, "", "{source}");
            continue;
        };
        let error = expression
            .evaluate(&json!({ "a": 1, "t": "text" }), &())
            .expect_err("it fails");
        assert_eq!(error.to_string(), expected);
    }
}

fn check_invalid(source: &str, expected: &str) {
    let error = Expression::compile(source, &["context"]).expect_err("it does not compile");
    let said = format!("{}..{} {}", error.start, error.end, error);
    let said = error
        .help
        .map_or(said.clone(), |help| format!("{said} → {help}"));
    assert_eq!(said, expected, "{source}");
}

#[test]
fn mistakes_have_a_place_and_a_way_out() {
    check_invalid(".a |", "4..4 expected a term, found the end");
    check_invalid(
        ".a | lenght",
        "5..11 undefined filter `lenght` → did you mean `length`?",
    );
    check_invalid(
        "now",
        "0..3 undefined filter `now` → write `$workflow.startedAt` or `$task.startedAt`, or call `now:1.0.0@default`",
    );
    check_invalid("$contxt.a", "0..7 undefined variable `$contxt`");
    check_invalid(".a && .b", "3..4 `&` is not jq → jq has `and`");
    check_invalid(
        ".a == 'x'",
        "6..7 `'` is not jq → text stands in double quotes in jq",
    );
    check_invalid(
        "map(.a; .b)",
        "0..3 undefined filter `map` → `map` takes 1 argument, separated by `;`",
    );
    check_invalid("(.a", "3..3 expected a closing parenthesis, found the end");
}

#[test]
fn what_is_not_the_same_every_time_does_not_exist() {
    for filter in [
        "now",
        "env",
        "$ENV",
        "input",
        "inputs",
        "debug",
        "debug(.)",
        "stderr",
        "halt",
        "halt(1)",
        "halt_error",
        "localtime",
        "strflocaltime(\"%c\")",
        "input_filename",
        "$__prog_args",
        "$__loc__",
        "get_search_list",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "jn(1; 2)",
        "debug_empty",
        "ltrimstr_native",
        "modulemeta",
    ] {
        assert!(Expression::compile(filter, &[]).is_err(), "{filter}");
    }
    let zone = "0 | strftime(\"%Y\") | strptime(\"%Y %Q\")";
    assert!(evaluate(zone, &Value::Null).is_err());
}

#[test]
fn work_in_proportion_to_the_data_is_fine() {
    let input: Value = (0..50_000)
        .map(|n| json!({ "n": n, "s": format!("{n}") }))
        .collect();
    let sum = evaluate("map(select(.n % 2 == 0) | .n) | add", &input);
    assert_eq!(sum, Ok(json!(624_975_000)));
    let sorted = evaluate("sort_by(.s) | group_by(.n % 10) | map(length)", &input);
    assert_eq!(sorted, Ok(json!(vec![5000; 10])));
}

/// Deep input is refused, not overflown on.
#[test]
fn deep_input_is_refused() {
    let mut deep = json!(1);
    for _ in 0..5_000 {
        deep = json!([deep]);
    }
    let error = evaluate("[.[] | .]", &deep).expect_err("it is too deep");
    assert!(
        matches!(error.failure, ExpressionFailure::TooLarge(_)),
        "{error}"
    );
}

const SIMPLE: &[&str] = &[
    ".",
    ".a",
    ".a.b",
    ".a.b[0]",
    ".[0]",
    ".[-1]",
    ".[1.5]",
    "$x",
    "$x.a",
    "[., $x]",
    "{ a: ., $x }",
    "{ \"k\": . }",
    "{ (.): 1 }",
    ". == $x",
    ". != $x",
    ". < $x",
    ". <= $x",
    ". > $x",
    ". >= $x",
    ". + $x",
    ". - $x",
    ". * $x",
    "not",
    "length",
    ". and $x",
    ". or $x",
    ". // $x",
    "\"<\\(.)>\"",
    "if . then $x else 2 end",
    "if . == 1 then $x end",
    "[1, 2.0, \"x\"]",
    ".a // .b",
    "$x | not",
    "(. == 1) == $x",
    "-1",
    "[.[0], .a]?",
];

/// Simple expressions skip jq. Both ways must agree on everything.
#[test]
fn both_ways_of_evaluating_agree() {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-2),
        json!(1.5),
        json!(2.0),
        json!(""),
        json!("a"),
        json!("é"),
        json!([]),
        json!([1, "a", null]),
        json!({}),
        json!({ "a": 1 }),
        json!({ "a": { "b": [1, 2.0] } }),
        json!(18_446_744_073_709_551_615_u64),
    ];
    for source in SIMPLE {
        let expression = Expression::compile(source, &["x"]).expect("it compiles");
        let long = format!("{source} as $all | $all");
        let proper = Expression::compile(&long, &["x"]).expect("it compiles");
        for input in &values {
            for x in &values {
                let variables = BTreeMap::from([("x".to_owned(), x.clone())]);
                let direct = expression
                    .evaluate(input, &variables)
                    .map_err(|e| e.failure);
                let proper = proper.evaluate(input, &variables).map_err(|e| e.failure);
                let text =
                    |result: &Result<Value, _>| result.as_ref().map(ToString::to_string).ok();
                assert_eq!(direct, proper, "{source} on {input}, {x}");
                assert_eq!(text(&direct), text(&proper), "{source} on {input}, {x}");
            }
        }
    }
}

#[test]
fn only_mentioned_variables_are_looked_up() {
    struct Strict;
    impl Variables for Strict {
        fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
            assert_eq!(name, "item");
            Some(Cow::Owned(json!(1)))
        }
    }
    let expression =
        Expression::compile("\"\\($item)\"", &["context", "item"]).expect("it compiles");
    assert_eq!(expression.variables(), ["item"]);
    assert_eq!(expression.evaluate(&Value::Null, &Strict), Ok(json!("1")));
}

#[test]
fn expressions_go_to_any_thread() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<Expression>();
    check::<Template>();
}
