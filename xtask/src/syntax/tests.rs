//! Texts that mislead a careless reader of Rust.

use super::{Function, Source};

fn check_code(text: &str, expected: &str) {
    let code = Source::read(text).code;
    assert_eq!(code, expected);
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn comments_are_blanked() {
    check_code("a // b\nc", "a     \nc");
    check_code("a /* b /* c */\n d */ e", "a             \n      e");
}

#[test]
fn literals_are_blanked() {
    check_code(r#"f("fn x() { // no", 1)"#, r#"f("              ", 1)"#);
    check_code("r#\"a \" { b\"# + c", "r#\"       \"# + c");
    check_code(r#"br"\" + c"#, r#"br" " + c"#);
    check_code(r#""a\"b" + c"#, r#""    " + c"#);
}

#[test]
fn characters_and_lifetimes_are_told_apart() {
    check_code("'{' + 'a", "' ' + 'a");
    check_code(r"'\'' + '\u{7b}' + x", "'  ' + '      ' + x");
    check_code("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
    check_code("r#type + var", "r#type + var");
}

#[test]
fn literals_stay_in_the_uncommented_text() {
    let source = Source::read("f(\"a // b\") // c");
    assert_eq!(source.uncommented, "f(\"a // b\")     ");
}

#[test]
fn functions_are_measured_from_fn_to_the_closing_brace() {
    let source = Source::read(concat!(
        "trait T { fn declared(&self) -> [u8; 3]; }\n",
        "type P = fn(u8) -> u8;\n",
        "pub fn one() { \"}\"; }\n",
        "fn long(\n    a: [u8; 2],\n) -> u8 {\n    if a[0] == 1 { 2 } else { 3 }\n}\n",
    ));
    let function = |name: &str, line, length| Function {
        name: name.to_owned(),
        line,
        length,
    };
    assert_eq!(
        source.functions(),
        [function("one", 3, 1), function("long", 4, 5)]
    );
}

#[test]
fn test_items_are_marked() {
    let source = Source::read(concat!(
        "fn a() {}\n",
        "#[cfg(test)]\n#[expect(x, reason = \"y\")]\nmod tests {\n    fn b() {}\n}\n",
        "#[cfg(feature = \"test\")]\nfn c() {}\n",
        "#[tokio::test(flavor = \"current_thread\")]\nasync fn d() {\n}\n",
    ));
    let tests: Vec<usize> = (1..)
        .zip(source.test_lines())
        .filter(|(_, t)| *t)
        .map(|(n, _)| n)
        .collect();
    assert_eq!(tests, [2, 3, 4, 5, 6, 9, 10, 11]);
}

#[test]
fn declared_modules_are_listed() {
    let source =
        Source::read("mod a;\npub(crate) mod b ;\nmod c { mod d; }\n// mod e;\nmodel::f();");
    assert_eq!(source.modules(), ["a", "b", "d"]);
}

#[test]
fn a_crate_is_named_only_at_the_head_of_a_path() {
    let source = Source::read(concat!(
        "use redb::Database;\n",
        "use crate::journal::redb::Tables;\n",
        "let a = my_redb::open();\n",
        "let b = \"redb::\";\n",
        "use redb as store;\n",
        "fn f(d: ::redb::Database) {}\n",
    ));
    assert_eq!(source.lines_naming("redb"), [1, 5, 6]);
    let source = Source::read("mod redb;\npub use redb::Store;\nuse ::redb::Database;\n");
    assert_eq!(source.lines_naming("redb"), [3]);
}
