//! Rules that were read and can be asked.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use super::{Rule, RuleVerdict, Subject};

/// More rules than this are no longer something that a person has read.
const RULES_MAX: usize = 256;

/// Rules in the order in which they were given, with their patterns compiled.
#[derive(Clone, Default)]
pub struct RuleBook {
    entries: Vec<Entry>,
    workspace: Option<String>,
}

#[derive(Clone)]
struct Entry {
    rule: Rule,
    tool: Option<GlobMatcher>,
    path: Option<GlobMatcher>,
    host: Option<GlobMatcher>,
    command: Option<GlobMatcher>,
}

impl RuleBook {
    /// Reads rules. `workspace` is the absolute path that the agent's paths are relative to.
    ///
    /// # Errors
    ///
    /// Returns [`RuleError`] for the first pattern that is none, and for more rules than 256.
    pub fn new(rules: &[Rule], workspace: Option<String>) -> Result<Self, RuleError> {
        if rules.len() > RULES_MAX {
            return Err(RuleError::TooMany { rules: rules.len() });
        }
        let entries = rules.iter().map(Entry::of).collect::<Result<_, _>>()?;
        Ok(Self { entries, workspace })
    }

    /// Returns the rules, in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// Returns the rule that decides a call: the strictest that fits, the first of equals.
    /// `None` when no rule fits.
    pub fn decide(&self, call: &layercake_model::ToolCall) -> Option<&Rule> {
        let subject = Subject::of(call, self.workspace.as_deref());
        let mut found: Option<&Rule> = None;
        for entry in self.entries.iter().filter(|entry| entry.fits(&subject)) {
            if found.is_none_or(|found| entry.rule.verdict > found.verdict) {
                found = Some(&entry.rule);
            }
        }
        found
    }
}

impl Entry {
    fn of(rule: &Rule) -> Result<Self, RuleError> {
        let compiled = |pattern: &Option<String>, is_path: bool| {
            let Some(text) = pattern else {
                return Ok(None);
            };
            let mut glob = GlobBuilder::new(text);
            glob.literal_separator(is_path)
                .backslash_escape(true)
                .empty_alternates(true);
            match glob.build() {
                Ok(glob) => Ok(Some(glob.compile_matcher())),
                Err(error) => Err(RuleError::Pattern {
                    rule: rule.name.clone(),
                    message: error.to_string(),
                }),
            }
        };
        Ok(Self {
            tool: compiled(&rule.tool, false)?,
            path: compiled(&rule.path, true)?,
            host: compiled(&rule.host, false)?,
            command: compiled(&rule.command, false)?,
            rule: rule.clone(),
        })
    }

    fn fits(&self, subject: &Subject) -> bool {
        let fits = |pattern: &Option<GlobMatcher>, text: Option<&str>| match pattern {
            None => true,
            Some(pattern) => text.is_some_and(|text| pattern.is_match(text)),
        };
        fits(&self.tool, Some(&subject.tool))
            && fits(&self.path, subject.path.as_deref())
            && fits(&self.host, subject.host.as_deref())
            && self.fits_command(subject)
    }

    /// Allowing needs certainty, so it fits only a plain command; a rule that is careful fits
    /// as soon as any part of the line does.
    fn fits_command(&self, subject: &Subject) -> bool {
        let Some(pattern) = &self.command else {
            return true;
        };
        match (self.rule.verdict, &subject.command) {
            (_, None) => false,
            (RuleVerdict::Allow, Some(line)) => {
                subject.is_plain_command() && pattern.is_match(line)
            }
            (RuleVerdict::Ask | RuleVerdict::Deny, Some(_)) => {
                subject.command_parts().any(|part| pattern.is_match(part))
            }
        }
    }
}

impl fmt::Debug for RuleBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules()).finish()
    }
}

/// Rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A pattern is none.
    #[error("a pattern of rule `{rule}` cannot be read: {message}")]
    Pattern {
        /// The rule.
        rule: String,
        /// What is wrong with the pattern.
        message: String,
    },
    /// There are more rules than anybody reads.
    #[error("{rules} rules were given; at most {RULES_MAX} are read")]
    TooMany {
        /// How many were given.
        rules: usize,
    },
}
