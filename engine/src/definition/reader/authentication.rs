//! Authentications, in place and under `use`, and the secrets that they name.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition::codes;
use crate::definition::node::{Node, Shape};
use crate::expression::Template;

use super::Reader;
use super::scope::{Place, Scope};
use super::value::STAND_IN;

/// The schemes of the standard.
pub(in crate::definition) const SCHEMES: &[&str] = &["basic", "bearer", "digest", "oauth2", "oidc"];

/// The keys of `oauth2` and `oidc`.
const TOKEN_KEYS: &[&str] = &[
    "use",
    "authority",
    "grant",
    "client",
    "request",
    "issuers",
    "scopes",
    "audiences",
    "username",
    "password",
    "subject",
    "actor",
];

/// The ways to get a token.
const GRANTS: &[&str] = &[
    "authorization_code",
    "client_credentials",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

/// How a client says who it is.
const CLIENT_AUTHENTICATIONS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "none",
];

const ENCODINGS: &[&str] = &["application/x-www-form-urlencoded", "application/json"];

impl Reader<'_> {
    /// Reads an authentication, by name or in place, as an argument of the call.
    pub(super) fn authentication(&mut self, node: &Node, scope: &Scope) -> Template {
        let Some(name) = node.get("use") else {
            self.check_policy(node);
            return self.template(node, Place::Task, scope);
        };
        self.keys(node, &["use"]);
        let (code, what) = (codes::UNKNOWN_AUTHENTICATION, "authentication");
        if self.text(name).is_none() {
            return STAND_IN;
        }
        match self.shared_by_name(name, "authentications", code, what) {
            Some(Some(policy)) => self.template(policy, Place::Task, scope),
            _ => STAND_IN,
        }
    }

    /// Reads `use.authentications`.
    pub(super) fn shared_authentications(&mut self) -> BTreeMap<String, Value> {
        let shared = self
            .shared
            .get("authentications")
            .cloned()
            .unwrap_or_default();
        for policy in shared.values() {
            self.check_policy(policy);
        }
        shared
            .into_iter()
            .map(|(name, policy)| (name.to_owned(), policy.to_value()))
            .collect()
    }

    fn check_policy(&mut self, node: &Node) {
        if !self.keys(node, SCHEMES) {
            return;
        }
        let [entry] = node.entries() else {
            let message = "an authentication has exactly one scheme";
            self.report.error(codes::NOT_ALLOWED, node.span, message);
            return;
        };
        let policy = &entry.value;
        if let Some(secret) = policy.get("use") {
            if self.keys(policy, &["use"]) {
                self.declared_secret(secret);
            }
            return;
        }
        let inline: &[&str] = match entry.key.as_str() {
            "basic" | "digest" => &["username", "password"],
            "bearer" => &["token"],
            scheme => return self.check_token_policy(policy, scheme == "oauth2"),
        };
        if self.keys(policy, &[inline, &["use"]].concat()) {
            for key in inline {
                let value = self.required(policy, key, entry.key_span);
                if let Some(value) = value.filter(|_| *key != "username") {
                    self.refuse_plain_secret(value, key);
                }
            }
        }
    }

    /// Checks `oauth2` and `oidc`. Only the former names its endpoints: those of OpenID Connect
    /// are discovered.
    fn check_token_policy(&mut self, policy: &Node, has_endpoints: bool) {
        let endpoints: &[&str] = if has_endpoints { &["endpoints"] } else { &[] };
        if !self.keys(policy, &[TOKEN_KEYS, endpoints].concat()) {
            return;
        }
        self.required(policy, "authority", policy.span);
        if let Some(grant) = policy.get("grant") {
            self.word_or_expression(grant, GRANTS);
        }
        if let Some(endpoints) = policy.get("endpoints") {
            self.keys(endpoints, &["token", "revocation", "introspection"]);
        }
        if let Some(password) = policy.get("password") {
            self.refuse_plain_secret(password, "password");
        }
        if let Some(client) = policy.get("client")
            && self.keys(client, &["id", "secret", "assertion", "authentication"])
        {
            for key in ["secret", "assertion"] {
                if let Some(value) = client.get(key) {
                    self.refuse_plain_secret(value, key);
                }
            }
            if let Some(way) = client.get("authentication") {
                self.word_or_expression(way, CLIENT_AUTHENTICATIONS);
            }
        }
        if let Some(request) = policy.get("request")
            && self.keys(request, &["encoding"])
            && let Some(encoding) = request.get("encoding")
        {
            self.word_or_expression(encoding, ENCODINGS);
        }
        for key in ["subject", "actor"] {
            if let Some(token) = policy.get(key)
                && self.keys(token, &["token", "type"])
                && let Some(token) = self.required(token, "token", token.span)
            {
                self.refuse_plain_secret(token, "token");
            }
        }
        for key in ["issuers", "scopes", "audiences"] {
            if let Some(list) = policy.get(key)
                && !matches!(&list.shape, Shape::Text(text) if is_expression(text))
            {
                self.is_list(list);
            }
        }
    }

    /// Checks one of several words; an expression is looked at when it is evaluated.
    pub(super) fn word_or_expression(&mut self, node: &Node, known: &[&str]) {
        if !node.as_text().is_some_and(is_expression) {
            self.word(node, known);
        }
    }

    /// A secret in the definition would be in every record of it.
    fn refuse_plain_secret(&mut self, node: &Node, key: &str) {
        let is_plain = self.text(node).is_some_and(|text| !is_expression(text));
        if !is_plain {
            return;
        }
        let message = format!("the {key} stands in plain text");
        let remark = match self.catalog.admits_plain_secrets() {
            true => self.report.warning(codes::PLAIN_SECRET, node.span, message),
            false => self.report.error(codes::PLAIN_SECRET, node.span, message),
        };
        remark.help(
            "name a secret: `use: mySecret` or `${ $secrets.mySecret }`, and declare it under \
             `use.secrets`",
        );
    }

    fn declared_secret(&mut self, node: &Node) {
        let Some(name) = self.text(node) else {
            return;
        };
        if !self.secrets.contains(name) {
            let message = format!("the secret `{name}` is not declared");
            self.report
                .error(codes::UNKNOWN_SECRET, node.span, message)
                .help(format!("add it: `use: {{ secrets: [{name}] }}`"));
        }
    }
}

fn is_expression(text: &str) -> bool {
    text.trim_start().starts_with("${")
}
