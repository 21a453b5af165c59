//! What the harness promises, checked from outside.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod contracts;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deferred;
#[cfg(test)]
mod delegates;
#[cfg(test)]
mod forks;
#[cfg(test)]
mod formats;
#[cfg(test)]
#[cfg(all(target_os = "linux", feature = "mcp"))]
mod mcp;
#[cfg(test)]
mod memories;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod runaway;
#[cfg(test)]
mod runs;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod skills;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod support;
#[cfg(test)]
mod windows;
#[cfg(test)]
mod workspace;
