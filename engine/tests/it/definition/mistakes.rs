//! One mistake at a time: what is said, and where.

use super::{document, remarks};

/// Each line of `expected` is `code line:column message`, then ` → help` if it matters.
fn check(source: &str, expected: &str) {
    let said: Vec<String> = remarks(source)
        .iter()
        .zip(expected.trim().lines().chain(std::iter::repeat("")))
        .map(|(remark, expected)| {
            let mut line = format!(
                "{} {}:{} {}",
                remark.code, remark.line, remark.column, remark.message
            );
            if expected.contains(" → ") {
                line = format!("{line} → {}", remark.help.as_deref().unwrap_or("nothing"));
            }
            line
        })
        .collect();
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(said, expected, "\n{source}");
}

#[test]
fn a_small_definition_without_mistakes() {
    check(&document("  - a: { set: { x: 1 } }\n"), "");
}

#[test]
fn several_mistakes_are_told_at_once() {
    check(
        &document(
            "  - check:
      switch:
        - one: { when: .a, then: chek }
        - other: { then: end }
  - b:
      sett: { x: 1 }
  - c:
      wait: { second: 1 }
",
        ),
        "LC0104 9:34 there is no task `chek` in this list → did you mean `check`?
         LC0115 12:7 unknown task word `sett` → did you mean `set`?
         LC0110 14:15 unknown key `second` → did you mean `seconds`?",
    );
}
