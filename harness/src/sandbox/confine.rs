//! A process confines itself, for good: limits, capabilities, Landlock, seccomp.

use std::io;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::calls;
use super::policy::{Limits, Policy};

/// The oldest Landlock that is enough: it also guards truncation (Linux 6.2).
const NEEDED: ABI = ABI::V3;

/// The newest Landlock whose rights are asked for where the kernel has them: it also keeps
/// signals inside (Linux 6.12).
const WANTED: ABI = ABI::V6;

/// Capabilities that the superuser keeps: they matter for files, which Landlock guards.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID);

/// Says whether this machine can confine commands, and if not, why.
pub(super) fn available() -> Result<(), String> {
    needed_rules()
        .map(|_| ())
        .map_err(|error| format!("Landlock of Linux 6.2 or later is needed: {error}"))?;
    calls::filters(&super::policy::Network::Denied)
        .map(|_| ())
        .map_err(|error| format!("seccomp is needed: {error}"))
}

/// Confines this process and everything that it will start. There is no way back.
pub(super) fn confine(policy: &Policy) -> io::Result<()> {
    limit(&policy.limits)?;
    drop_capabilities()?;
    let filters = calls::filters(&policy.network).map_err(io::Error::other)?;
    restrict_files(policy).map_err(io::Error::other)?;
    for filter in filters {
        seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
    }
    Ok(())
}

fn needed_rules() -> Result<Ruleset, landlock::RulesetError> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?;
    // Building the rules asks the kernel; nothing is restricted by it.
    drop(rules.create()?);
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))
}

fn restrict_files(policy: &Policy) -> Result<(), landlock::RulesetError> {
    let rules: RulesetCreated = needed_rules()?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    let status = rules
        .add_rules(path_beneath_rules(
            policy.all_readable(),
            AccessFs::from_read(WANTED),
        ))?
        .add_rules(path_beneath_rules(policy.all_writable(), usable()))?
        .restrict_self()?;
    assert!(
        status.ruleset != RulesetStatus::NotEnforced && status.no_new_privs,
        "the kernel took the rules and enforces none"
    );
    Ok(())
}

/// Everything that a program does with its own files. Devices and sockets are not files.
fn usable() -> landlock::BitFlags<AccessFs> {
    AccessFs::from_all(WANTED) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
}

fn limit(limits: &Limits) -> io::Result<()> {
    let hard = |value: u64| Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(Resource::Core, hard(0))?;
    setrlimit(Resource::Cpu, hard(limits.cpu_seconds))?;
    setrlimit(Resource::Fsize, hard(limits.file_bytes))?;
    setrlimit(Resource::Nofile, hard(limits.open_files))?;
    if let Some(bytes) = limits.memory_bytes {
        setrlimit(Resource::As, hard(bytes))?;
    }
    Ok(())
}

/// Takes from the superuser what is not about files, for every program that is started later.
fn drop_capabilities() -> io::Result<()> {
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        match remove_capability_from_bounding_set(capability) {
            // Who is not the superuser has none, and cannot gain any; a kernel that does not
            // know a capability does not have it either.
            Ok(()) | Err(rustix::io::Errno::PERM | rustix::io::Errno::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
