//! Lists the files of the bundled example, so that an installed program carries it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const EXAMPLE: &str = "examples/inbox";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let example = root.join(EXAMPLE);
    println!("cargo::rerun-if-changed={EXAMPLE}");
    let mut files = Vec::new();
    collect(&example, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for path in &files {
        let name = path.strip_prefix(&example).expect("it was found below");
        let name = name.to_string_lossy().replace('\\', "/");
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("strings grow");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("example_inbox.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
