//! System calls that a confined command has no business with, as seccomp filters.
//!
//! A list of what is refused, not of what is allowed: programs that agents run are of every
//! kind, and files are guarded by Landlock. What is here would lead around it.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::policy::Network;

/// Other processes' memory and handles, and tracing.
const OTHERS: [c_long; 7] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
];

/// Calls that change how a process runs, by its id in the given argument; 0 is the caller.
const TUNING: [(c_long, u8); 9] = [
    (libc::SYS_prlimit64, 0),
    (libc::SYS_sched_setaffinity, 0),
    (libc::SYS_sched_setattr, 0),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_migrate_pages, 0),
    (libc::SYS_move_pages, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_ioprio_set, 1),
];

/// Mounts, namespaces and roots: other views of the same files.
const VIEWS: [c_long; 16] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
];

/// The kernel and the machine.
const MACHINE: [c_long; 22] = [
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

/// A second way to every other call, sockets included.
const RINGS: [c_long; 3] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Flags of `clone` that make a namespace. `clone3` hides them in memory, so it is said not to
/// exist, and libraries fall back to `clone`.
const NAMESPACE_FLAGS: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Pushing characters into a terminal's input, as if the user had typed them: `TIOCSTI` and
/// `TIOCLINUX`. Source: asm-generic/ioctls.h; the type of libc's constants varies.
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541C];

/// On x86-64 each call has a second number with this bit, for programs with short pointers.
#[cfg(target_arch = "x86_64")]
const SHORT_POINTERS: c_long = 0x4000_0000;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Builds the filters; all of them are to be loaded.
pub(super) fn filters(network: &Network) -> Result<Vec<BpfProgram>, BackendError> {
    let mut refused = Rules::new();
    for number in OTHERS.iter().chain(&VIEWS).chain(&MACHINE).chain(&RINGS) {
        refused.insert(*number, Vec::new());
    }
    for (number, argument) in TUNING {
        let another = one_of(argument, SeccompCmpOp::Ne, 0)?;
        refused.insert(number, vec![another]);
    }
    let clone = NAMESPACE_FLAGS.map(|flag| {
        let flag = flag as u32 as u64;
        one_of(0, SeccompCmpOp::MaskedEq(flag), flag)
    });
    refused.insert(
        libc::SYS_clone,
        clone.into_iter().collect::<Result<_, _>>()?,
    );
    let ioctl = TERMINAL_INPUT.map(|request| one_of(1, SeccompCmpOp::Eq, request));
    refused.insert(
        libc::SYS_ioctl,
        ioctl.into_iter().collect::<Result<_, _>>()?,
    );
    match network {
        // A policy for single hosts is never made; were one forged, it has no network.
        Network::Denied | Network::Hosts(_) => refused.insert(libc::SYS_socket, Vec::new()),
        Network::Allowed => refused.insert(libc::SYS_socket, vec![no_internet_socket()?]),
    };
    let absent = Rules::from([(libc::SYS_clone3, Vec::new())]);
    Ok(vec![
        compiled(refused, libc::EPERM)?,
        compiled(absent, libc::ENOSYS)?,
    ])
}

/// Matches a call by the low half of one argument.
fn one_of(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?;
    SeccompRule::new(vec![condition])
}

/// Matches sockets that are neither internet sockets nor the kernel's address book.
fn no_internet_socket() -> Result<SeccompRule, BackendError> {
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let conditions = families.map(|family| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family as u64)
    });
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

fn compiled(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(
        with_second_numbers(rules).into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(errno as u32),
        arch,
    )?;
    filter.try_into()
}

#[cfg(target_arch = "x86_64")]
fn with_second_numbers(rules: Rules) -> Rules {
    let second = rules.clone().into_iter();
    let second = second.map(|(number, rules)| (number | SHORT_POINTERS, rules));
    rules.into_iter().chain(second).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn with_second_numbers(rules: Rules) -> Rules {
    rules
}
