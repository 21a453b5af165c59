//! The filters that expressions may call.
//!
//! Each expression is compiled with only those that it reaches, which makes compiling ten times
//! faster than with all of them. Filters that give another result each time, touch the outside,
//! or run without bound do not exist here.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jaq_core::load::parse::Def;
use jaq_core::native::Fun;

use super::names::{Calls, Signature, calls_of_def};
use super::natives;
use super::program::Kind;

/// Filters that other jq implementations have and that do not exist here, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "now",
        "write `$workflow.startedAt` or `$task.startedAt`, or call `now:1.0.0@default`",
    ),
    (
        "env",
        "an expression does not see the environment; take values from the input",
    ),
    ("input", "there is one input only: `.`"),
    ("inputs", "there is one input only: `.`"),
    ("debug", "look at values with `layercake show`"),
    ("stderr", "look at values with `layercake show`"),
    ("halt", "raise a problem with the `raise` task"),
    ("halt_error", "raise a problem with the `raise` task"),
    ("localtime", "there is no local time in a run; use `gmtime`"),
    (
        "strflocaltime",
        "there is no local time in a run; use `strftime`",
    ),
    ("input_filename", "there are no files in an expression"),
    ("getpath_or_null", "write `getpath`"),
];

/// Native filters of the libraries that are left out: clocks, the environment, output, and two
/// (`jn`, `yn`) whose work grows with the size of a number.
const DROPPED: &[&str] = &[
    "now",
    "env",
    "halt",
    "localtime",
    "strflocaltime",
    "debug_empty",
    "stderr_empty",
    "jn",
    "yn",
    "matches",
    "split_matches",
    "split_",
    "strptime",
    "strftime",
];

/// Definitions of the libraries that are left out with them.
const DROPPED_DEFS: &[&str] = &["halt", "halt_error", "debug", "stderr"];

/// Filters of jq that the libraries lack, and guards before filters that could run long.
const OWN: &str = r#"
def matches($re; $flags):       regex_guard($re) | matches_native($re; $flags);
def split_matches($re; $flags): regex_guard($re) | split_matches_native($re; $flags);
def split_($re; $flags):        regex_guard($re) | split_native($re; $flags);
def strftime($format): time_format_guard($format) | strftime_native($format);
def strptime($format): time_format_guard($format) | strptime_native($format);
def isnan: isnan_native;
def toarray: if isarray then . else [.] end;
def trimstr($s): ltrimstr($s) | rtrimstr($s);
def leaf_paths: paths(scalars);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): { x: null, e: false } as $init
  | foreach f as $i ($init;
      if .e then $init end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def date: todate;
def csv_field: if isstring then "\"" + (. / "\"" | join("\"\"")) + "\""
  elif . == null then "" elif isnumber or isboolean then tostring
  else error("cannot write a list or an object as CSV") end;
def @csv: map(csv_field) | join(",");
def tsv_field: if isstring
  then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
  elif . == null then "" elif isnumber or isboolean then tostring
  else error("cannot write a list or an object as TSV") end;
def @tsv: map(tsv_field) | join("\t");
"#;

/// All definitions with what they call, in an order in which callees come first.
struct Prelude {
    defs: Vec<(Def<&'static str>, Calls)>,
    positions: BTreeMap<Signature, Vec<usize>>,
}

fn prelude() -> &'static Prelude {
    static PRELUDE: OnceLock<Prelude> = OnceLock::new();
    PRELUDE.get_or_init(|| {
        let own = jaq_core::load::parse(OWN, |parser| parser.defs());
        let library = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let kept = library.filter(|def| !DROPPED_DEFS.contains(&def.name) && def.name != "isnan");
        let defs: Vec<_> = guards_first(own.unwrap_or_default(), kept.collect())
            .into_iter()
            .map(|def| {
                let calls = calls_of_def(&def);
                (def, calls)
            })
            .collect();
        let mut positions: BTreeMap<Signature, Vec<usize>> = BTreeMap::new();
        for (at, (def, _)) in defs.iter().enumerate() {
            let signature = (def.name.to_owned(), def.args.len());
            positions.entry(signature).or_default().push(at);
        }
        Prelude { defs, positions }
    })
}

/// A definition sees those before it, so guards stand before the library and the rest behind.
fn guards_first(
    own: Vec<Def<&'static str>>,
    library: Vec<Def<&'static str>>,
) -> Vec<Def<&'static str>> {
    let is_guard = |def: &Def<&str>| {
        [
            "matches",
            "split_matches",
            "split_",
            "strftime",
            "strptime",
            "isnan",
        ]
        .contains(&def.name)
    };
    let (guards, rest): (Vec<_>, Vec<_>) = own.into_iter().partition(is_guard);
    guards.into_iter().chain(library).chain(rest).collect()
}

/// Returns the definitions that these calls reach, in order, and adds their calls.
pub(super) fn reached(calls: &mut Calls) -> Vec<Def<&'static str>> {
    let prelude = prelude();
    let mut wanted = vec![false; prelude.defs.len()];
    let mut open: Vec<Signature> = calls.iter().cloned().collect();
    while let Some(signature) = open.pop() {
        for at in prelude.positions.get(&signature).into_iter().flatten() {
            if std::mem::replace(&mut wanted[*at], true) {
                continue;
            }
            let inner = &prelude.defs[*at].1;
            open.extend(
                inner
                    .iter()
                    .filter(|call| calls.insert((*call).clone()))
                    .cloned(),
            );
        }
    }
    let kept = prelude
        .defs
        .iter()
        .zip(wanted)
        .filter(|(_, wanted)| *wanted);
    kept.map(|((def, _), _)| def.clone()).collect()
}

/// Returns the native filters that these calls name.
pub(super) fn natives(calls: &Calls) -> impl Iterator<Item = Fun<Kind>> {
    all_natives()
        .filter(|(name, arguments, _)| calls.contains(&((*name).to_owned(), arguments.len())))
}

fn all_natives() -> impl Iterator<Item = Fun<Kind>> {
    let library = jaq_core::funs::<Kind>().chain(jaq_std::funs::<Kind>());
    let renamed = library.filter_map(|(name, arguments, filter)| {
        let name = match name {
            "matches" => "matches_native",
            "split_matches" => "split_matches_native",
            "split_" => "split_native",
            "strftime" => "strftime_native",
            "strptime" => "strptime_native",
            name if DROPPED.contains(&name) => return None,
            name => name,
        };
        Some((name, arguments, filter))
    });
    renamed.chain(natives::all())
}

/// Returns the names of all filters that an author may call, with their numbers of arguments.
fn known() -> impl Iterator<Item = (&'static str, usize)> {
    let defs = prelude().defs.iter();
    let defs = defs.map(|(def, _)| (def.name, def.args.len()));
    let natives = all_natives().map(|(name, arguments, _)| (name, arguments.len()));
    defs.chain(natives)
        .filter(|(name, _)| !name.ends_with("_native") && !name.ends_with("_guard"))
}

/// Says what would help against a filter that does not exist.
pub(super) fn help_for_undefined(name: &str, arguments: usize) -> Option<String> {
    if let Some((_, why)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
        return Some((*why).to_owned());
    }
    let mut counts: Vec<usize> = known()
        .filter(|(known, count)| *known == name && *count != arguments)
        .map(|(_, count)| count)
        .collect();
    counts.sort_unstable();
    counts.dedup();
    if let Some(most) = counts.last() {
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        let plural = if *most == 1 { "argument" } else { "arguments" };
        return Some(format!(
            "`{name}` takes {} {plural}, separated by `;`",
            counts.join(" or ")
        ));
    }
    crate::definition::nearest(name, known().map(|(known, _)| known))
        .map(|near| format!("did you mean `{near}`?"))
}
