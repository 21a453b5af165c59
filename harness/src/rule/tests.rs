//! Which rule decides which call.

use layercake_model::ToolCall;
use serde_json::{Value, json};

use super::{Rule, RuleBook, RuleError, RuleVerdict};

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall {
        id: "c".to_owned(),
        name: name.to_owned(),
        arguments,
    }
}

fn rule(verdict: RuleVerdict, change: impl FnOnce(&mut Rule)) -> Rule {
    let mut rule = Rule::new("r", verdict, "ann");
    change(&mut rule);
    rule
}

/// Checks what rules say about a call; `None` when none fits.
#[track_caller]
fn check(rules: &[Rule], call: &ToolCall, expected: Option<RuleVerdict>) {
    let book = RuleBook::new(rules, Some("/space".to_owned())).expect("the patterns are good");
    let decided = book.decide(call).map(|rule| rule.verdict);
    assert_eq!(decided, expected, "{call:?}");
}

#[test]
fn paths_are_seen_without_detours() {
    let docs = [rule(RuleVerdict::Allow, |rule| {
        rule.path = Some("docs/**".to_owned());
    })];
    let write = |path: &str| call("write", json!({ "path": path }));
    check(&docs, &write("docs/a/b.md"), Some(RuleVerdict::Allow));
    check(&docs, &write("./docs//a.md"), Some(RuleVerdict::Allow));
    check(&docs, &write("/space/docs/a.md"), Some(RuleVerdict::Allow));
    check(&docs, &write("docs/../src/a.rs"), None);
    check(&docs, &write("../docs/a.md"), None);
    check(&docs, &write("/docs/a.md"), None);
    check(&docs, &call("shell", json!({"command": "docs/a.md"})), None);
    let one = [rule(RuleVerdict::Allow, |rule| {
        rule.path = Some("*.md".to_owned());
    })];
    check(&one, &write("a.md"), Some(RuleVerdict::Allow));
    check(&one, &write("docs/a.md"), None);
}

#[test]
fn hosts_are_seen_through_disguises() {
    let own = [rule(RuleVerdict::Allow, |rule| {
        rule.host = Some("*.example.org".to_owned());
    })];
    let fetch = |url: &str| call("fetch", json!({ "url": url }));
    check(
        &own,
        &fetch("https://a.example.org/x"),
        Some(RuleVerdict::Allow),
    );
    check(
        &own,
        &fetch("https://A.Example.ORG.:443"),
        Some(RuleVerdict::Allow),
    );
    check(&own, &fetch("https://example.org/"), None);
    check(&own, &fetch("https://evil.test/?a.example.org"), None);
    check(&own, &fetch("https://a.example.org@evil.test/"), None);
    check(&own, &fetch("https://evil.test\\.example.org/"), None);
}

#[test]
fn an_allowed_command_is_a_plain_one() {
    let status = [rule(RuleVerdict::Allow, |rule| {
        rule.command = Some("git status*".to_owned());
    })];
    let shell = |line: &str| call("shell", json!({ "command": line }));
    check(&status, &shell("git status -s"), Some(RuleVerdict::Allow));
    for more in [
        "git status; rm -rf .",
        "git status && curl x",
        "git status | sh",
        "git status $(rm x)",
        "git status `rm x`",
        "git status > x",
        "git status\nrm x",
        "git push",
    ] {
        check(&status, &shell(more), None);
    }
}

#[test]
fn a_denied_command_is_found_in_any_part_of_a_line() {
    let push = [rule(RuleVerdict::Deny, |rule| {
        rule.command = Some("git push*".to_owned());
    })];
    let shell = |line: &str| call("shell", json!({ "command": line }));
    for line in [
        "git push",
        "  git push -f ",
        "true; git push",
        "x=$(git push)",
        "a && (git push origin)",
    ] {
        check(&push, &shell(line), Some(RuleVerdict::Deny));
    }
    check(&push, &shell("git pull"), None);
}

#[test]
fn the_strictest_rule_decides() {
    let by_tool =
        |verdict: RuleVerdict, tool: &str| rule(verdict, |rule| rule.tool = Some(tool.to_owned()));
    let write = call("write", json!({"path": "a"}));
    let allow = by_tool(RuleVerdict::Allow, "write");
    let ask = by_tool(RuleVerdict::Ask, "w*");
    let deny = by_tool(RuleVerdict::Deny, "*");
    check(
        &[allow.clone(), ask.clone()],
        &write,
        Some(RuleVerdict::Ask),
    );
    check(&[deny, ask, allow.clone()], &write, Some(RuleVerdict::Deny));
    check(&[allow], &call("edit", json!({"path": "a"})), None);
}

#[test]
fn a_pattern_that_is_none_is_named() {
    let bad = rule(RuleVerdict::Allow, |rule| rule.path = Some("a[".to_owned()));
    let error = RuleBook::new(&[bad], None).expect_err("a bracket is open");
    assert!(matches!(error, RuleError::Pattern { rule, .. } if rule == "r"));
    let many = vec![Rule::new("r", RuleVerdict::Ask, "ann"); 257];
    let error = RuleBook::new(&many, None).expect_err("nobody reads that many");
    assert_eq!(error, RuleError::TooMany { rules: 257 });
}
