//! Tools of MCP servers: programs and web addresses that speak the Model Context Protocol.
//!
//! A server is *configured*: where it is, what it may see, and what repeating a call of its
//! tools means. What a server says about itself is data: its hints count only where somebody
//! said that they may, and its descriptions are shown to the model as what they are.
//!
//! [`McpServer::offer`] asks a server once what it has. The [`McpOffer`] is plain data that a
//! session keeps: the tools made from it are the same in every process and after every
//! reconnection, so that the prompt's prefix never changes under a running session. The
//! connection is made when it is first needed, and again when it broke.

mod call;
mod client;
mod content;
mod error;
mod http;
mod link;
mod login;
mod offer;
mod people;
mod process;
mod server;
mod settings;
mod task;
mod tool;

pub use error::McpError;
pub use login::{Consent, ConsentError, NoConsent};
pub use offer::{McpOffer, OfferedTool};
pub use server::McpServer;
pub use settings::{McpAddress, McpEra, McpHints, McpLogin, McpProgram, McpSettings, McpWeb};
pub use tool::McpTool;
