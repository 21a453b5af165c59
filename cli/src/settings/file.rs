//! The text of a settings file: its keys, and where in it a mistake stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use layercake_harness::Autonomy;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::mcp::McpSection;
use crate::error::{CommandError, codes};

/// The keys of `layercake.toml` and of the user's `config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SettingsFile {
    pub(super) store: Option<PathBuf>,
    pub(super) skills: Vec<PathBuf>,
    pub(super) models: BTreeMap<String, String>,
    /// Addresses of known providers and whole rows, by the provider's name.
    pub(super) providers: BTreeMap<String, toml::Value>,
    pub(super) agent: AgentSection,
    pub(super) mcp: McpSection,
}

/// The section `[agent]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AgentSection {
    pub(super) model: Option<String>,
    pub(super) autonomy: Option<Autonomy>,
    pub(super) tools: Option<Vec<String>>,
    pub(super) turns: Option<u32>,
    pub(super) budget: Option<Decimal>,
}

/// Where settings come from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) path: PathBuf,
}

impl Origin {
    /// Returns the folder that paths in the file are relative to.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// Reads a file that was named.
pub(super) fn read(path: &Path) -> Result<(Origin, SettingsFile), CommandError> {
    read_if_there(path)?.ok_or_else(|| {
        CommandError::new(
            codes::SETTINGS_MISSING,
            format!("there is no settings file {}", path.display()),
        )
        .because("`--config` or LAYERCAKE_CONFIG names it")
        .next("layercake init   # writes one")
    })
}

/// Reads a file that need not be there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<(Origin, SettingsFile)>, CommandError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let happened = format!("cannot read {}", path.display());
            return Err(CommandError::new(codes::FILE_UNREADABLE, happened).because(error));
        }
    };
    let file = parse(&text).map_err(|mistake| mistake.into_error(path))?;
    let origin = Origin {
        path: path.to_path_buf(),
    };
    Ok(Some((origin, file)))
}

/// A mistake in a settings file; line and column count from 1.
#[derive(Debug)]
struct Mistake {
    line: usize,
    column: usize,
    message: String,
}

impl Mistake {
    fn into_error(self, path: &Path) -> CommandError {
        let place = format!("{}:{}:{}", path.display(), self.line, self.column);
        CommandError::new(codes::SETTINGS_INVALID, format!("{place}: wrong setting"))
            .because(self.message)
            .next(format!("mend line {} of {}", self.line, path.display()))
    }
}

fn parse(text: &str) -> Result<SettingsFile, Mistake> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = &text.as_bytes()[..start];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count()
            + 1;
        Mistake {
            line,
            column,
            message: error.message().replace('\n', "; "),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[track_caller]
    fn check_mistake(text: &str, line: usize, column: usize, word: &str) {
        let mistake = parse(text).expect_err("the text has a mistake");
        assert_eq!(
            (mistake.line, mistake.column),
            (line, column),
            "{mistake:?}"
        );
        assert!(mistake.message.contains(word), "{mistake:?}");
    }

    #[test]
    fn a_mistake_has_line_column_and_the_wrong_word() {
        check_mistake("store = \"x\"\nmodles = {}\n", 2, 1, "modles");
        check_mistake("[agent]\nmodel = \"a\"\nturn = 3\n", 3, 1, "turn");
        check_mistake("[agent]\nautonomy = \"wild\"\n", 2, 12, "wild");
        check_mistake("store = \n", 1, 9, "");
    }

    #[test]
    fn every_key_is_read() {
        let file = parse(
            "store = 's'\nskills = ['a']\n[models]\ndefault = 'scripted'\n\
             [agent]\nmodel = 'm'\nautonomy = 'edit'\ntools = ['read']\nturns = 3\nbudget = '0.5'\n",
        )
        .expect("all keys are known");
        assert_eq!(file.models["default"], "scripted");
        assert_eq!(file.agent.turns, Some(3));
    }
}
