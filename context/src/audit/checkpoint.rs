//! Checkpoints: the size and the root of the audit trail, signed. Whoever keeps one outside of
//! the host can show later that the trail was rewritten, whoever rewrote it.
//!
//! Source: C2SP tlog-checkpoint (the text), C2SP signed-note (the signature line and the key).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::Hash;

/// The byte that says Ed25519 in keys of signed notes.
const ED25519: u8 = 1;
/// The longest name of a log, in bytes: it stands in every checkpoint.
const ORIGIN_BYTES_MAX: usize = 256;

/// The size and root of a trail at one time, with the signature of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log; the name of its key as well.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Number of the key and signature, as they stand in the note.
    signature: Vec<u8>,
}

/// The public key of a log: all that is needed to check its checkpoints and bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    origin: String,
    key: [u8; 32],
}

/// A text is no checkpoint, no key, or the signature is not by the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The text is not a signed checkpoint.
    #[error("the text is no signed checkpoint")]
    NotACheckpoint,
    /// The text is not a public key.
    #[error("the text is no public key of a log")]
    NotAKey,
    /// The name of the log cannot stand in a checkpoint.
    #[error("a log is named by 1 to {ORIGIN_BYTES_MAX} bytes without spaces, `+` or line ends")]
    Origin,
    /// The checkpoint is of another log, or another key signed it, or it was changed.
    #[error("the checkpoint was not signed by this key")]
    Signature,
}

impl Checkpoint {
    /// Signs the size and root of a trail.
    pub(super) fn sign(
        origin: &str,
        secret: &[u8; 32],
        size: u64,
        root: Hash,
    ) -> Result<Self, CheckpointError> {
        check_origin(origin)?;
        let key = SigningKey::from_bytes(secret);
        let public = PublicKey::new(origin, secret);
        let mut signature = public.number().to_vec();
        let text = body(origin, size, root);
        signature.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
            signature,
        })
    }

    /// Checks that a key signed exactly this.
    ///
    /// # Errors
    /// [`CheckpointError::Signature`] when it did not.
    pub fn verify(&self, key: &PublicKey) -> Result<(), CheckpointError> {
        let wrong = CheckpointError::Signature;
        let (number, signature) = self.signature.split_at_checked(4).ok_or(wrong)?;
        if self.origin != key.origin || number != key.number() {
            return Err(wrong);
        }
        let signature = Signature::from_slice(signature).map_err(|_| wrong)?;
        let key = VerifyingKey::from_bytes(&key.key).map_err(|_| wrong)?;
        let text = body(&self.origin, self.size, self.root);
        key.verify_strict(text.as_bytes(), &signature)
            .map_err(|_| wrong)
    }
}

fn body(origin: &str, size: u64, root: Hash) -> String {
    format!("{origin}\n{size}\n{}\n", BASE64.encode(root.as_bytes()))
}

fn check_origin(origin: &str) -> Result<(), CheckpointError> {
    let fits = !origin.is_empty() && origin.len() <= ORIGIN_BYTES_MAX;
    let plain = !origin.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
    (fits && plain).then_some(()).ok_or(CheckpointError::Origin)
}

impl fmt::Display for Checkpoint {
    /// Writes the signed note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = BASE64.encode(&self.signature);
        f.write_str(&body(&self.origin, self.size, self.root))?;
        writeln!(f, "\n\u{2014} {} {signature}", self.origin)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads a signed note. Lines that witnesses added after the first signature are ignored.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        parse(text).ok_or(CheckpointError::NotACheckpoint)
    }
}

fn parse(text: &str) -> Option<Checkpoint> {
    let (body, signatures) = text.split_once("\n\n")?;
    let mut lines = body.split('\n');
    let origin = lines.next()?;
    let size_text = lines.next()?;
    let size: u64 = size_text.parse().ok()?;
    let root = BASE64.decode(lines.next()?).ok()?;
    let line = signatures.split('\n').next()?;
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let canonical = size.to_string() == size_text && lines.next().is_none();
    (canonical && name == origin).then_some(())?;
    Some(Checkpoint {
        origin: origin.to_owned(),
        size,
        root: Hash::from_bytes(root.try_into().ok()?),
        signature: BASE64.decode(signature).ok()?,
    })
}

impl PublicKey {
    pub(super) fn new(origin: &str, secret: &[u8; 32]) -> Self {
        Self {
            origin: origin.to_owned(),
            key: SigningKey::from_bytes(secret).verifying_key().to_bytes(),
        }
    }

    /// Returns the number that tells keys apart.
    fn number(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.origin)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key)
            .finalize();
        *hash.first_chunk().expect("4 of 32 bytes")
    }
}

impl fmt::Display for PublicKey {
    /// Writes the key as signed notes do: name, number, kind and key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u32::from_be_bytes(self.number());
        let key: Vec<u8> = [&[ED25519], self.key.as_slice()].concat();
        write!(f, "{}+{number:08x}+{}", self.origin, BASE64.encode(key))
    }
}

impl FromStr for PublicKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let wrong = CheckpointError::NotAKey;
        let (origin, rest) = text.trim().split_once('+').ok_or(wrong)?;
        let (number, key) = rest.split_once('+').ok_or(wrong)?;
        let key = BASE64.decode(key).map_err(|_| wrong)?;
        let (&kind, key) = key.split_first().ok_or(wrong)?;
        let read = Self {
            origin: origin.to_owned(),
            key: key.try_into().map_err(|_| wrong)?,
        };
        let same = u32::from_str_radix(number, 16) == Ok(u32::from_be_bytes(read.number()));
        check_origin(origin).map_err(|_| wrong)?;
        (same && kind == ED25519).then_some(read).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_a_signed_note() {
        let root = Hash::from_bytes([7; 32]);
        let signed = Checkpoint::sign("example.org/log", &[1; 32], 42, root).unwrap();
        let key = PublicKey::new("example.org/log", &[1; 32]);
        let text = signed.to_string();
        assert!(text.starts_with("example.org/log\n42\nBwcHBwcH"));
        assert!(text.contains("\n\n\u{2014} example.org/log "));
        let read: Checkpoint = text.parse().unwrap();
        assert_eq!(read, signed);
        read.verify(&key).unwrap();
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        for (from, to) in [("\n42\n", "\n43\n"), ("BwcHBwcH", "BwcHBwcI")] {
            let changed: Checkpoint = text.replace(from, to).parse().unwrap();
            assert_eq!(changed.verify(&key), Err(CheckpointError::Signature));
        }
        let other = PublicKey::new("example.org/log", &[2; 32]);
        assert_eq!(signed.verify(&other), Err(CheckpointError::Signature));
    }

    /// The example key of the signed-note specification: its number follows from name and key.
    #[test]
    fn the_number_of_a_key_is_as_the_specification_says() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: PublicKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        let wrong = text.replace("c74f20a3", "c74f20a4");
        assert_eq!(wrong.parse::<PublicKey>(), Err(CheckpointError::NotAKey));
    }

    #[test]
    fn texts_that_are_no_checkpoints_are_refused() {
        for text in ["", "a\n1\nAA==\n", "a\n01\nBw==\n\n\u{2014} a AA==\n"] {
            assert_eq!(
                text.parse::<Checkpoint>(),
                Err(CheckpointError::NotACheckpoint)
            );
        }
    }
}
