//! Expressions that would hang or kill a process that does not watch them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::*;

/// The time within which a hostile expression ends: 250 ms as it is shipped. Test builds are
/// slower, and share the machine with other tests.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

#[expect(
    clippy::disallowed_methods,
    reason = "the time that it takes is what is tested"
)]
fn now() -> Instant {
    Instant::now()
}

fn check_hostile(source: &str) {
    let start = now();
    let Ok(expression) = Expression::compile(source, &[]) else {
        panic!("{source} does not compile");
    };
    let result = expression.evaluate(&json!([1, 2, 3]), &());
    let took = start.elapsed();
    println!(
        "{took:>10.1?} {source:.60} {:.80}",
        format!("{:?}", result.as_ref().err())
    );
    assert!(result.is_err(), "{source}");
    assert!(took < PATIENCE, "{source} took {took:?}");
}

const HOSTILE: &[&str] = &[
    // Recursion.
    "def f: f; f",
    "def f: 1 + f; f",
    "def f: [f]; f",
    "def f: f | .; f",
    "def f: ., f; [f]",
    "def f(x): f(x | x); f(.)",
    "def f: def g: f; g | g; f",
    "recurse(.) | empty",
    "[recurse(.)]",
    "last(recurse(. + 1; true))",
    "until(false; . + 1)",
    "[while(true; .)]",
    "path(def f: .[0] | f; f)",
    "[null | path(limit(100000; def f: .[0] | (., f); f))] | last",
    "[null | paths(..), repeat(1)]",
    // Generators without end, or nearly.
    "[range(0; infinite)]",
    "last(range(1e18))",
    "[range(1e9) | empty]",
    "first(range(1e18) | select(. < 0))",
    "[repeat(1)]",
    "reduce repeat(1) as $x (0; . + $x)",
    "foreach repeat(1) as $x (0; . + $x; empty)",
    "[limit(1e18; repeat(1))]",
    "isempty(range(1e18) | empty)",
    "label $out | foreach repeat(1) as $x (0; .; empty)",
    "[.[] as $a | range(1000) as $b | range(1000) as $c | range(1000) as $d | 1]",
    "[range(1000)] | [combinations(9)]",
    "[range(3000)] as $r | [$r[] + $r[] + $r[]]",
    "all(range(1e18); true)",
    "[splits(\"a\"; null)], [range(1e12)]",
    // Values that explode.
    "\"x\" * 3e9",
    "\"x\" * 1e300",
    "reduce range(60) as $i (\"x\"; . + .)",
    "reduce range(60) as $i (\"x\"; . * 2)",
    "reduce range(200) as $i (\"x\"; @base64)",
    "reduce range(200) as $i (\"\\\"\"; tojson)",
    "reduce range(60) as $i (1; [., .])",
    "reduce range(60) as $i (1; { a: ., b: . })",
    "reduce range(60) as $i ([1]; . + .)",
    "reduce range(100000) as $i (1; [.])",
    "reduce range(1000) as $i ({}; { a: . })",
    "[limit(300; repeat(\"[\"))] | add | fromjson",
    "\"[\" * 100000 + \"]\" * 100000 | fromjson",
    "[range(100000)] | map(tostring) | [combinations(2)]",
    "reduce range(1e9) as $i ([]; . + [$i])",
    "[range(20000)] as $a | reduce $a[] as $x ({}; . + { ($x | tostring): $a }) | tojson | length",
    "(\"x\" * 1e7) as $s | [range(1e6) | $s | test(\"y\")]",
    "(\"x\" * 1e7) as $s | [range(1e6) | $s == $s]",
    "(\"x\" * 1e7) as $s | [range(1e6) | $s | startswith($s)]",
    "(\"x\" * 1e7) as $s | [range(1e6) | $s | length]",
    "(\"x\" * 1e7) as $s | [range(1e6) | try ($s | .a) catch 0]",
    "(\"x\" * 1e7) as $s | error($s, $s)",
    "(\"a\" * 1e6) | test(\"(a{100}){100}(a{100}){100}b\")",
    "(\"a\" * 1e5) | test(\"(a*)*(a*)*(a*)*(a*)*(a*)*b\")",
    "(\"a\" * 1e6) | [match(\"a\"; \"g\")]",
    "[range(1e5)] | sort_by(-.) | map([range(.)])",
    "setpath([1e9]; 1)",
    ".[1e9] = 1",
    "[.[range(1e9)]?]",
    "tojson * 1e8",
    "0 | strftime(\"%99999999Y\")",
    "[range(1e6) | strftime(\"%A %B %c\")]",
];

#[test]
fn hostile_expressions_end_in_an_error() {
    HOSTILE.iter().for_each(|source| check_hostile(source));
}

#[test]
fn hostile_sources_end_in_an_error() {
    for source in [
        "(".repeat(10_000),
        "[".repeat(10_000),
        format!("{}{}", "[".repeat(8_000), "]".repeat(8_000)),
        "-".repeat(16_000),
        format!("{}1", "-".repeat(16_000)),
        ". as $x | ".repeat(1_600),
        format!("{}.", ".|".repeat(8_000)),
        "if . then ".repeat(1_600),
        "try ".repeat(4_000),
        "def f: ".repeat(2_000),
        "\"\\(".repeat(5_000),
        "{a:".repeat(5_000),
        ".a".repeat(100_000),
        "reduce . as $x (".repeat(1_000),
        "\u{1F4A3}".repeat(4_000),
    ] {
        let start = now();
        // Some of them are jq; then they must evaluate, or fail, in time as well.
        if let Ok(expression) = Expression::compile(&source, &[]) {
            let _result = expression.evaluate(&Value::Null, &());
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{source:.20} took {:?}",
            start.elapsed()
        );
    }
}
