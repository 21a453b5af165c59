//! What a call is about, read from its arguments: a path, a host, a command line.

use layercake_model::ToolCall;

/// The argument that holds a path, by convention of the built-in tools and of most others.
const PATH: &str = "path";
/// The argument that holds an address.
const URL: &str = "url";
/// The argument that holds a command line.
const COMMAND: &str = "command";

/// Characters that make more of a command line than one plain command.
const SHELL_SYNTAX: [char; 14] = [
    ';', '|', '&', '$', '`', '<', '>', '(', ')', '{', '}', '\n', '\r', '\0',
];

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The tool.
    pub tool: String,
    /// The path, without `.` and `..`; `None` when there is none, or when it leads out of the
    /// folder that it is relative to.
    pub path: Option<String>,
    /// The host, in small letters.
    pub host: Option<String>,
    /// The command line.
    pub command: Option<String>,
}

impl Subject {
    /// Reads what a call is about. `workspace` is the folder that paths are relative to.
    pub fn of(call: &ToolCall, workspace: Option<&str>) -> Self {
        let text = |name: &str| call.arguments.get(name).and_then(|value| value.as_str());
        Self {
            tool: call.name.clone(),
            path: text(PATH).and_then(|path| plain_path(path, workspace)),
            host: text(URL).and_then(host_of),
            command: text(COMMAND).map(|line| line.trim().to_owned()),
        }
    }

    /// Says whether the command line is one plain command.
    pub(super) fn is_plain_command(&self) -> bool {
        let line = self.command.as_deref();
        line.is_some_and(|line| !line.contains(SHELL_SYNTAX))
    }

    /// Returns the parts of the command line that a shell might run as commands of their own.
    pub(super) fn command_parts(&self) -> impl Iterator<Item = &str> {
        let line = self.command.as_deref().unwrap_or_default();
        let parts = line.split(SHELL_SYNTAX).map(str::trim);
        std::iter::once(line).chain(parts.filter(|part| !part.is_empty()))
    }
}

/// Resolves `.` and `..` by name alone, and makes the path relative to the workspace.
fn plain_path(path: &str, workspace: Option<&str>) -> Option<String> {
    let inner = match workspace {
        Some(root) => path.strip_prefix(root).unwrap_or(path),
        None => path,
    };
    let is_absolute = inner.starts_with('/') && inner.len() == path.len();
    let mut names: Vec<&str> = Vec::new();
    for name in inner.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    let joined = names.join("/");
    Some(if is_absolute {
        format!("/{joined}")
    } else {
        joined
    })
}

/// Returns the host of an address, in small letters and without port and user.
fn host_of(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next()?,
        None => host.split(':').next()?,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}
