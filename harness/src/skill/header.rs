//! The header of a skill, and the limits that the specification sets.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Source of all limits: the Agent Skills specification.
const NAME_CHARS_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 1024;
const COMPATIBILITY_CHARS_MAX: usize = 500;
const BODY_LINES_MAX: usize = 500;
/// 5,000 tokens, at four bytes each.
const BODY_BYTES_MAX: usize = 20_000;

/// What stands between the `---` lines of a `SKILL.md`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct SkillHeader {
    /// The name; empty when the header has none.
    pub name: String,
    /// What the skill is for and when to use it.
    pub description: String,
    /// The licence.
    pub license: Option<String>,
    /// What the skill needs around it.
    pub compatibility: Option<String>,
    /// Whatever the author adds.
    pub metadata: BTreeMap<String, String>,
    /// The tools that the skill works with, separated by spaces.
    pub allowed_tools: Option<String>,
}

impl SkillHeader {
    /// Returns the tools that the skill works with, as the header names them: `read`, or
    /// `shell(git status:*)` for some calls of a tool only.
    pub fn allowed_tools(&self) -> impl Iterator<Item = &str> {
        let text = self.allowed_tools.as_deref().unwrap_or_default();
        let mut depth = 0_u32;
        let names = text.split(move |c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (c.is_whitespace() || c == ',')
        });
        names.map(str::trim).filter(|name| !name.is_empty())
    }
}

/// Something about a skill that the specification does not allow. The skill still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillProblem {
    /// The field of the header, or `body`.
    pub field: &'static str,
    /// What is wrong, and what is expected.
    pub message: String,
}

/// Splits a file into the text of its header and its body.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first_end = text.find('\n')? + 1;
    if text[..first_end].trim_end() != "---" {
        return None;
    }
    let mut start = first_end;
    while start < text.len() {
        let end = text[start..]
            .find('\n')
            .map_or(text.len(), |length| start + length + 1);
        if text[start..end].trim_end() == "---" {
            return Some((&text[first_end..start], &text[end..]));
        }
        start = end;
    }
    None
}

/// Holds a header and a body against the limits.
pub(super) fn check_header(header: &SkillHeader, folder: &str, body: &str) -> Vec<SkillProblem> {
    let mut problems = Vec::new();
    let mut problem = |field, message: String| problems.push(SkillProblem { field, message });
    if let Some(fault) = name_fault(&header.name) {
        problem("name", fault);
    } else if header.name != folder {
        problem(
            "name",
            format!(
                "`{}` is not the name of its folder, `{folder}`",
                header.name
            ),
        );
    }
    let described = header.description.chars().count();
    if described > DESCRIPTION_CHARS_MAX {
        problem(
            "description",
            format!("{described} characters, at most {DESCRIPTION_CHARS_MAX} are allowed"),
        );
    }
    if let Some(compatibility) = &header.compatibility {
        let count = compatibility.chars().count();
        if count == 0 || count > COMPATIBILITY_CHARS_MAX {
            problem(
                "compatibility",
                format!("{count} characters, 1 to {COMPATIBILITY_CHARS_MAX} are allowed"),
            );
        }
    }
    let lines = body.lines().count();
    if lines > BODY_LINES_MAX || body.len() > BODY_BYTES_MAX {
        problem(
            "body",
            format!(
                "{lines} lines and {} bytes; keep it below {BODY_LINES_MAX} lines and \
                 {BODY_BYTES_MAX} bytes and move the rest into files",
                body.len()
            ),
        );
    }
    problems
}

fn name_fault(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let count = name.chars().count();
    if count == 0 {
        Some("it is missing".to_owned())
    } else if count > NAME_CHARS_MAX {
        Some(format!(
            "{count} characters, at most {NAME_CHARS_MAX} are allowed"
        ))
    } else if !name.chars().all(allowed) {
        Some(format!(
            "`{name}` has other characters than a-z, 0-9 and `-`"
        ))
    } else if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        Some(format!("`{name}` has a `-` at an end or two in a row"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let header = SkillHeader {
            name: name.to_owned(),
            description: "d".to_owned(),
            ..SkillHeader::default()
        };
        let problems = check_header(&header, "good-name", "body");
        let messages: Vec<_> = problems
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        assert_eq!(messages.join("; "), expected);
    }

    #[test]
    fn names() {
        check("good-name", "");
        check(
            "other",
            "`other` is not the name of its folder, `good-name`",
        );
        check("", "it is missing");
        check("Bad", "`Bad` has other characters than a-z, 0-9 and `-`");
        check("-bad", "`-bad` has a `-` at an end or two in a row");
        check("b--d", "`b--d` has a `-` at an end or two in a row");
        check(&"x".repeat(65), "65 characters, at most 64 are allowed");
    }

    #[test]
    fn headers_end_where_they_end() {
        assert_eq!(split("---\na: b\n---\nbody"), Some(("a: b\n", "body")));
        assert_eq!(
            split("\u{feff}---\r\na: b\r\n---\r\nbody"),
            Some(("a: b\r\n", "body"))
        );
        assert_eq!(split("---\na: b\n---"), Some(("a: b\n", "")));
        assert_eq!(split("---\na: ---\nbody"), None);
        assert_eq!(split("body"), None);
        assert_eq!(split(""), None);
    }
}
