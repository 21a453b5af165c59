//! Where a service is.

use reqwest::Url;
use serde_json::Value;

use super::operation::Operation;
use super::wrong;
use crate::Problem;

/// Returns the address that the paths of an operation begin at; `address` is where the
/// description came from.
pub(super) fn base(operation: &Operation<'_>, address: &str) -> Result<String, Problem> {
    if operation.is_swagger() {
        return swagger(operation.document, address);
    }
    let sources = [operation.body, operation.item, operation.document];
    let server = sources
        .iter()
        .find_map(|source| source.get("servers")?.as_array()?.first());
    let Some(server) = server else {
        return against(address, "/");
    };
    let mut url = server["url"].as_str().unwrap_or("/").to_owned();
    let variables = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        if let Some(default) = variable["default"].as_str() {
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    against(address, &url)
}

/// Source: Swagger 2.0, "Swagger Object": what is not said is that of the description itself.
fn swagger(document: &Value, address: &str) -> Result<String, Problem> {
    let path = document["basePath"].as_str().unwrap_or("/");
    let Some(host) = document["host"].as_str() else {
        return against(address, path);
    };
    let own = address.split_once("://").map(|(scheme, _)| scheme);
    let schemes = document["schemes"].as_array();
    let mut schemes: Vec<&str> = schemes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|scheme| matches!(*scheme, "http" | "https"))
        .collect();
    schemes.sort_unstable_by_key(|scheme| (Some(*scheme) != own, *scheme == "http"));
    let scheme = schemes.first().copied().or(own).unwrap_or("https");
    Ok(format!("{scheme}://{host}{path}"))
}

fn against(address: &str, url: &str) -> Result<String, Problem> {
    if url.contains("://") {
        return Ok(url.to_owned());
    }
    let base: Url = address
        .parse()
        .map_err(|error| wrong(format!("`{address}` is not an address: {error}")))?;
    let joined = base
        .join(url)
        .map_err(|error| wrong(format!("the server `{url}` is not an address: {error}")))?;
    Ok(joined.to_string())
}
