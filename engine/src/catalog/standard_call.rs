//! The calls that the standard itself defines, and that somebody outside performs.

use crate::Call;

/// A call of the standard. It arrives at the [`crate::Executor`] as a [`Call`] whose function is
/// the [name](StandardCall::name) and whose version is empty; the arguments are those of the
/// task, evaluated, with shared authentications put in their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StandardCall {
    /// `call: http`. Always admitted.
    Http,
    /// `call: openapi`: `document`, `operationId`, `parameters`, `authentication`, `output`
    /// (`raw`, `content`, `response`), `redirect`.
    OpenApi,
    /// `call: mcp`: `method`, `parameters`, `transport` (`http` or `stdio`), `timeout`,
    /// `client`, `protocolVersion`. The result is the method's result.
    Mcp,
    /// `call: a2a`: `method`, `parameters`, `agentCard` or `server`. The result is that of the
    /// method.
    A2a,
    /// `emit`: a whole event (`CloudEvents` 1.0) as the arguments; any result.
    Emit,
    /// `run: script`: `language`, `code` or `source`, `arguments` (a list), `environment`,
    /// `stdin`, and `await`. The result is `{ code, stdout, stderr }`, or `null` at once when
    /// `await` is false. The same holds for the other processes.
    Script,
    /// `run: shell`: `command`, `arguments`, `environment`, `stdin`, `await`.
    Shell,
    /// `run: container`: `image`, `name`, `command`, `arguments`, `environment`, `ports`,
    /// `volumes`, `stdin`, `lifetime`, `pullPolicy`, `await`.
    Container,
}

impl StandardCall {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Http,
        Self::OpenApi,
        Self::Mcp,
        Self::A2a,
        Self::Emit,
        Self::Script,
        Self::Shell,
        Self::Container,
    ];

    /// Returns the name under which it arrives in [`Call::function`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::OpenApi => "openapi",
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
            Self::Emit => "emit",
            Self::Script => "script",
            Self::Shell => "shell",
            Self::Container => "container",
        }
    }

    /// Returns which call of the standard this is; `None` for a function of the catalog.
    pub fn of(call: &Call) -> Option<Self> {
        let found = Self::named(&call.function);
        found.filter(|_| call.version.is_empty())
    }

    /// Returns the call of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }
}
