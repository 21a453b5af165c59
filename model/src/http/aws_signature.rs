//! Signatures of requests to Amazon: Signature Version 4, with the signature in a header.
//!
//! Source: "Authenticating requests (AWS Signature Version 4)" in the AWS documentation; the
//! tests use examples of its test suite.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::put_header;
use crate::{ModelError, ModelErrorKind, Secret};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The name of Bedrock in signatures.
const SERVICE: &str = "bedrock";
/// What is signed for when an address names no region.
const REGION_DEFAULT: &str = "us-east-1";

/// Signs a request with a key of the form `ID:SECRET` or `ID:SECRET:SESSION`, as of now.
pub(super) fn sign(
    request: &mut reqwest::Request,
    body: &[u8],
    key: &Secret,
) -> Result<(), ModelError> {
    let mut parts = key.expose().splitn(3, ':');
    let (Some(id), Some(secret)) = (parts.next(), parts.next()) else {
        let message = "the key for a signature has the form ID:SECRET or ID:SECRET:SESSION";
        return Err(ModelError::new(ModelErrorKind::Configuration, message));
    };
    let session = parts.next();
    let url = request.url().clone();
    let host = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let time = amazon_time(OffsetDateTime::now_utc());
    // Signed headers stand in the order of their names.
    let mut headers = vec![("host", host.as_str()), ("x-amz-date", &time)];
    headers.extend(session.map(|session| ("x-amz-security-token", session)));
    let authorization = authorization(
        &Signed {
            method: request.method().as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: &headers,
            body,
        },
        &Scope {
            id,
            secret,
            region: region_of(&host),
            service: SERVICE,
            time: &time,
        },
    );
    let into = request.headers_mut();
    put_header(into, "x-amz-date", &time)?;
    if let Some(session) = session {
        put_header(into, "x-amz-security-token", session)?;
    }
    put_header(into, "authorization", &authorization)
}

/// What is signed of a request.
struct Signed<'a> {
    method: &'a str,
    /// As it goes over the wire, escapes included.
    path: &'a str,
    query: &'a str,
    /// In the order of their names, which are in lower case.
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

/// By whom, where and when it is signed.
struct Scope<'a> {
    id: &'a str,
    secret: &'a str,
    region: &'a str,
    service: &'a str,
    /// Written as `20150830T123600Z`.
    time: &'a str,
}

/// Writes the value of the header `authorization`.
fn authorization(signed: &Signed<'_>, scope: &Scope<'_>) -> String {
    let names: Vec<&str> = signed.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut request = format!(
        "{}\n{}\n{}\n",
        signed.method,
        escaped_again(signed.path),
        signed.query
    );
    for (name, value) in signed.headers {
        writeln!(request, "{name}:{}", value.trim()).expect("a string takes every write");
    }
    let body = hexadecimal(&Sha256::digest(signed.body));
    write!(request, "\n{names}\n{body}").expect("a string takes every write");
    let day = scope.time.get(..8).unwrap_or(scope.time);
    let (region, service, id) = (scope.region, scope.service, scope.id);
    let place = format!("{day}/{region}/{service}/aws4_request");
    let request = hexadecimal(&Sha256::digest(request.as_bytes()));
    let text = format!("{ALGORITHM}\n{}\n{place}\n{request}", scope.time);
    let mut key = format!("AWS4{}", scope.secret).into_bytes();
    for step in [day, region, service, "aws4_request"] {
        key = keyed(&key, step);
    }
    let signature = hexadecimal(&keyed(&key, &text));
    format!("{ALGORITHM} Credential={id}/{place}, SignedHeaders={names}, Signature={signature}")
}

/// Escapes a path once more, as all services but one want it signed.
fn escaped_again(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            write!(written, "%{byte:02X}").expect("a string takes every write");
        }
    }
    written
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("it takes keys of every length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes every write");
    }
    text
}

fn amazon_time(now: OffsetDateTime) -> String {
    let (date, time) = (now.date(), now.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
    )
}

/// Reads the region out of `bedrock-runtime.REGION.amazonaws.com`.
fn region_of(host: &str) -> &str {
    let mut labels = host.split('.').skip(1);
    match (labels.next(), labels.next()) {
        (Some(region), Some("amazonaws")) => region,
        _ => REGION_DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Signed, amazon_time, authorization, region_of};

    #[track_caller]
    fn check(signed: &Signed<'_>, service: &str, signature: &str) {
        let scope = Scope {
            id: "AKIDEXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            service,
            time: "20150830T123600Z",
        };
        let header = authorization(signed, &scope);
        let start = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, "
        );
        assert!(header.starts_with(&start), "{header}");
        assert!(
            header.ends_with(&format!("Signature={signature}")),
            "{header}"
        );
    }

    /// `get-vanilla` and `post-vanilla` of the published test suite.
    #[test]
    fn the_published_examples_are_signed_as_published() {
        let table = [
            (
                "GET",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
        ];
        for (method, signature) in table {
            let headers = [
                ("host", "example.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ];
            let signed = Signed {
                method,
                path: "/",
                query: "",
                headers: &headers,
                body: b"",
            };
            check(&signed, "service", signature);
        }
    }

    /// The signature that Amazon's own Python library (botocore 1.44.5) makes of the same request.
    #[test]
    fn a_model_with_a_colon_is_escaped_twice() {
        let host = "bedrock-runtime.us-east-1.amazonaws.com";
        let headers = [
            ("host", host),
            ("x-amz-date", "20150830T123600Z"),
            ("x-amz-security-token", "token/+="),
        ];
        let signed = Signed {
            method: "POST",
            path: "/model/anthropic.claude-v2%3A1/converse-stream",
            query: "",
            headers: &headers,
            body: br#"{"messages":[]}"#,
        };
        check(
            &signed,
            "bedrock",
            "0b847212c5a2bb4ac3fb94597a28bb198ff035ec7fbda72e7d02587e5eba961b",
        );
    }

    #[test]
    fn place_and_time_are_read() {
        assert_eq!(
            region_of("bedrock-runtime.eu-west-3.amazonaws.com"),
            "eu-west-3"
        );
        assert_eq!(region_of("127.0.0.1:8080"), "us-east-1");
        let time = time::OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_440_938_160);
        assert_eq!(amazon_time(time), "20150830T123600Z");
    }
}
