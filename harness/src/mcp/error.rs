//! Why a server could not be used.

use crate::Remedy;

/// A server could not be used.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The settings cannot be used.
    #[error("the settings of the MCP server `{server}` cannot be used: {message}")]
    Settings {
        /// The server.
        server: String,
        /// What is wrong.
        message: String,
    },
    /// The program did not start.
    #[error("the program of the MCP server `{server}` did not start")]
    Start {
        /// The server.
        server: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// It did not answer, or not in the protocol.
    #[error("the MCP server `{server}` cannot be reached: {message}")]
    Unreachable {
        /// The server.
        server: String,
        /// What happened.
        message: String,
    },
    /// It wants a login that nobody gave.
    #[error("the MCP server `{server}` wants a login: {message}")]
    LoginNeeded {
        /// The server.
        server: String,
        /// What happened.
        message: String,
    },
}

impl McpError {
    /// Says what the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Settings { .. } | Self::Start { .. } | Self::LoginNeeded { .. } => {
                Remedy::FixSettings
            }
            Self::Unreachable { .. } => Remedy::RunAgain,
        }
    }
}
