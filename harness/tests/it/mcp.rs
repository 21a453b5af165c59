//! MCP against programs that others wrote: the protocol's conformance suite, and the reference
//! servers driven by an agent. Skipped loudly without Node, but not where `CI` is set.

mod conformance;
mod peers;
mod servers;
mod tasks;
