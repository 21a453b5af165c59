//! Digests against the examples of RFC 7616, 3.9.

use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::{Algorithm, Asked, Challenge};
use crate::http::authentication::Login;

/// The challenges of RFC 7616, 3.9.1.
const EXAMPLE: &str = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;

fn read(header: &'static str) -> Option<Challenge> {
    let mut headers = HeaderMap::new();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(header));
    Challenge::read(&headers).ok()
}

fn answer(challenge: &Challenge) -> String {
    let login = Login {
        username: "Mufasa".to_owned(),
        password: "Circle of Life".to_owned(),
    };
    challenge.answer(
        &login,
        &Asked {
            method: "GET",
            uri: "/dir/index.html",
            client_nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        },
    )
}

#[test]
fn the_best_challenge_is_answered_as_in_the_specification() {
    let challenge = read(EXAMPLE).expect("two challenges");
    assert_eq!(challenge.algorithm, Algorithm::Sha256 { session: false });
    let expected = r#"response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1""#;
    assert!(
        answer(&challenge).contains(expected),
        "{}",
        answer(&challenge)
    );
    let weaker = Challenge {
        algorithm: Algorithm::Md5 { session: false },
        ..challenge
    };
    let expected = r#"response="8ca523f5e9506fed4657c9700eebdbec""#;
    assert!(answer(&weaker).contains(expected), "{}", answer(&weaker));
}

#[test]
fn a_challenge_without_a_quality_is_of_the_old_kind() {
    // RFC 2617, 3.5, answered after RFC 2069: no client nonce takes part.
    let challenge = read(r#"Digest realm="a,b \"c\"", nonce="n""#).expect("a challenge");
    assert_eq!(challenge.realm, r#"a,b "c""#);
    let answer = answer(&challenge);
    assert!(answer.contains(r#"realm="a,b \"c\"""#), "{answer}");
    assert!(!answer.contains("cnonce"), "{answer}");
}

#[test]
fn what_is_no_digest_is_no_challenge() {
    for header in [
        r#"Basic realm="x""#,
        r#"Digest realm="x", nonce="n", algorithm=ROT13"#,
        r#"Digest realm="x", nonce="n", qop="auth-int""#,
        r#"Digest realm="x""#,
        "",
    ] {
        assert_eq!(read(header), None, "{header}");
    }
    let mixed = read(r#"Basic realm="x", Digest realm="y", nonce="n""#).expect("one of two");
    assert_eq!(mixed.realm, "y");
}
