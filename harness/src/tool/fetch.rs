//! `fetch`: a page of the web, through a client that the program brings.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec, arguments};
use crate::EffectClass;

/// The most bytes of one page that are kept.
const PAGE_BYTES_MAX: usize = 512 * 1024;

/// The most time for one page.
const PAGE_MS_MAX: u64 = 30_000;

/// Gets pages. The harness has no HTTP client of its own; a program binds one here.
#[async_trait]
pub trait WebClient: Send + Sync {
    /// Gets a page with no more than a number of bytes of its body, following redirects only
    /// within the same host.
    ///
    /// # Errors
    ///
    /// Returns a sentence for the model when there is no answer. An answer with an error status
    /// is a page.
    ///
    /// # Cancel safety
    ///
    /// A dropped call is abandoned.
    async fn get(&self, url: &str, bytes_max: usize) -> Result<Page, String>;
}

/// A page of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The media type, without parameters; empty when the server named none.
    pub media_type: String,
    /// The beginning of the body as text.
    pub text: String,
    /// Whether the body is longer than the text.
    pub is_cut: bool,
}

/// Fetches pages from hosts that were granted.
#[derive(Clone)]
pub struct Fetch {
    client: Arc<dyn WebClient>,
    hosts: Hosts,
    spec: ToolSpec,
}

/// The hosts that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// These and the hosts below them: `example.org` grants `www.example.org`.
    These(BTreeSet<String>),
    /// Any, chosen in so many words.
    Any,
}

impl Hosts {
    /// Grants some hosts.
    pub fn these<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::These(names.into_iter().map(str::to_ascii_lowercase).collect())
    }

    fn grant(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(names) => names.iter().any(|name| {
                host.strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Arguments {
    url: String,
}

impl Fetch {
    /// Makes the tool for some hosts.
    pub fn new(client: Arc<dyn WebClient>, hosts: Hosts) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "url": {"type": "string", "pattern": "^https?://", "maxLength": 2000}
            },
            "required": ["url"],
            "additionalProperties": false
        });
        let about = match &hosts {
            Hosts::Any => "Gets a page of the web as text.".to_owned(),
            Hosts::These(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!(
                    "Gets a page of the web as text. Granted hosts: {}.",
                    names.join(", ")
                )
            }
        };
        Self {
            client,
            hosts,
            spec: ToolSpec::new("fetch", about, schema)
                .class(EffectClass::Read)
                .call_ms_max(PAGE_MS_MAX),
        }
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tool for Fetch {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments_: Value, _: ToolContext) -> Result<ToolOutput, ToolError> {
        let asked: Arguments = arguments(arguments_)?;
        let Some(host) = host_of(&asked.url) else {
            return Err(ToolError::Failed(
                "the address has no host that is understood".to_owned(),
            ));
        };
        if !self.hosts.grant(&host) {
            return Err(ToolError::Failed(format!("`{host}` is not a granted host")));
        }
        let page = self
            .client
            .get(&asked.url, PAGE_BYTES_MAX)
            .await
            .map_err(ToolError::Failed)?;
        let mut text = format!(
            "[status {}, {}]\n{}",
            page.status, page.media_type, page.text
        );
        if page.is_cut {
            text.push_str("\n[the page is longer]");
        }
        let evidence = json!({"url": asked.url, "status": page.status});
        Ok(ToolOutput::text(text).with_evidence(evidence))
    }
}

/// Returns the host of an address. Whatever could be read in two ways is no address: user
/// names, backslashes, control characters, percent signs in the host.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if url.contains('\\') || url.chars().any(char::is_control) || !authority.chars().all(is_plain) {
        return None;
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, granted: bool) {
        let hosts = Hosts::these(["example.org", "127.0.0.1"]);
        let is_granted = host_of(url).is_some_and(|host| hosts.grant(&host));
        assert_eq!(is_granted, granted, "{url}");
    }

    #[test]
    fn only_granted_hosts_are_reached() {
        check("https://example.org/a?b", true);
        check("https://EXAMPLE.org.", true);
        check("http://www.example.org:8080/", true);
        check("http://127.0.0.1:1234", true);
        check("https://notexample.org", false);
        check("https://example.org.evil.net", false);
        check("https://example.org@evil.net/", false);
        check("https://evil.net\\@example.org/", false);
        check("https://evil.net#example.org", false);
        check("https://evil.net/example.org", false);
        check("https://example%2eorg/", false);
        check("https://exam\tple.org/", false);
        check("https://[::1]/", false);
        check("https:///example.org", false);
        check("example.org", false);
    }
}
