//! From descriptions of all versions to requests.

use serde_json::{Value, json};

use super::request_of;
use crate::Problem;

const ADDRESS: &str = "https://shop.example/api/v3/openapi.json";

fn shop() -> Value {
    json!({
        "openapi": "3.1.0",
        "servers": [{ "url": "https://{area}.shop.example/v3/", "variables": { "area": { "default": "eu" } } }],
        "paths": {
            "/orders/{id}": {
                "parameters": [{ "$ref": "#/components/parameters/Id" }],
                "get": {
                    "operationId": "getOrder",
                    "parameters": [
                        { "name": "tags", "in": "query", "schema": { "type": "array" } },
                        { "name": "ids", "in": "query", "explode": false },
                        { "name": "where", "in": "query", "style": "deepObject" },
                        { "name": "x-trace", "in": "header" },
                        { "name": "session", "in": "cookie" }
                    ]
                },
                "put": {
                    "operationId": "putOrder",
                    "servers": [{ "url": "../write" }],
                    "requestBody": { "required": true, "content": { "application/json": {} } }
                }
            },
            "/login": { "post": {
                "operationId": "login",
                "requestBody": { "content": { "application/x-www-form-urlencoded": {} } }
            } }
        },
        "components": { "parameters": { "Id": { "name": "id", "in": "path", "required": true } } }
    })
}

fn request(document: &Value, id: &str, parameters: Value) -> Result<Value, Problem> {
    let with = json!({ "operationId": id, "parameters": parameters });
    request_of(document, ADDRESS, &with)
}

#[test]
fn parameters_go_to_their_places_in_their_styles() {
    let given = json!({
        "id": "a/b c", "tags": ["x", "y&z"], "ids": [1, 2],
        "where": { "state": "open" }, "x-trace": 7, "session": "s 1",
    });
    let request = request(&shop(), "getOrder", given).expect("a request");
    assert_eq!(request["method"], json!("get"));
    assert_eq!(
        request["endpoint"]["uri"],
        json!(
            "https://eu.shop.example/v3/orders/a%2Fb%20c?tags=x&tags=y%26z&ids=1%2C2&where%5Bstate%5D=open"
        ),
    );
    assert_eq!(
        request["headers"],
        json!({ "x-trace": "7", "cookie": "session=s%201" })
    );
}

#[test]
fn what_has_no_other_place_is_the_body() {
    let fields = request(
        &shop(),
        "putOrder",
        json!({ "id": 1, "sum": 3, "open": true }),
    );
    let fields = fields.expect("a request");
    assert_eq!(fields["body"], json!({ "sum": 3, "open": true }));
    assert_eq!(
        fields["endpoint"]["uri"],
        json!("https://shop.example/api/write/orders/1")
    );
    let whole = request(&shop(), "putOrder", json!({ "id": 1, "body": [1] })).expect("a request");
    assert_eq!(whole["body"], json!([1]));
    let form = request(
        &shop(),
        "login",
        json!({ "user": "ada l", "roles": ["a", "b"] }),
    );
    let form = form.expect("a request");
    assert_eq!(form["body"], json!("roles=a&roles=b&user=ada%20l"));
    assert_eq!(
        form["headers"]["content-type"],
        json!("application/x-www-form-urlencoded")
    );
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let title = |id: &str, given: Value| request(&shop(), id, given).expect_err("wrong").title;
    assert_eq!(
        title("getOrder", json!({})),
        "the operation requires the parameter `id`"
    );
    assert_eq!(
        title("getOrder", json!({ "id": 1, "limt": 2 })),
        "the operation has no parameter `limt`"
    );
    assert!(title("putOrder", json!({ "id": 1 })).contains("requires a body"));
    assert!(title("nothing", json!({})).contains("has no operation `nothing`"));
}

#[test]
fn a_description_of_the_old_kind_says_where_it_is_in_other_words() {
    let document = json!({
        "swagger": "2.0", "host": "old.example", "basePath": "/v2", "schemes": ["http", "https"],
        "paths": { "/pets": {
            "get": { "operationId": "find", "parameters": [
                { "name": "status", "in": "query", "type": "array", "collectionFormat": "multi" },
                { "name": "ids", "in": "query", "type": "array" },
            ] },
            "post": { "operationId": "add", "parameters": [
                { "name": "pet", "in": "body", "required": true, "schema": {} },
            ] },
        } },
    });
    let find = request(
        &document,
        "find",
        json!({ "status": ["a", "b"], "ids": [1, 2] }),
    );
    assert_eq!(
        find.expect("a request")["endpoint"]["uri"],
        json!("https://old.example/v2/pets?status=a&status=b&ids=1%2C2"),
        "the scheme of the description is preferred",
    );
    let add = request(&document, "add", json!({ "pet": { "name": "Rex" } })).expect("a request");
    assert_eq!(add["body"], json!({ "name": "Rex" }));
}

#[test]
fn a_description_that_leads_in_circles_ends() {
    let document = json!({
        "openapi": "3.0.4",
        "paths": { "/a": { "get": { "operationId": "a", "parameters": [{ "$ref": "#/x" }] } } },
        "x": { "$ref": "#/x" },
    });
    let request = request(&document, "a", json!({})).expect("a request");
    assert_eq!(request["endpoint"]["uri"], json!("https://shop.example/a"));
}
