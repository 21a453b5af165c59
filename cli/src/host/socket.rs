//! The socket in the store: its name, its lines, and what is left of it after a crash.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use layercake_engine::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const SOCKET_NAME: &str = "host.sock";
/// Longer paths do not fit into a socket address: 104 bytes on some systems, with the final zero.
const PATH_BYTES_MAX: usize = 100;
/// The longest line of the conversation, in bytes: a log of a large run, not a runaway peer.
const LINE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Returns the path of a store's socket: in the store, or, when that path is too long, under a
/// name derived from it in a private folder for temporary files.
///
/// # Errors
///
/// Fails when the store's folder cannot be looked at.
pub(crate) fn path(store: &Path) -> io::Result<PathBuf> {
    let store = store.canonicalize()?;
    let inside = store.join(SOCKET_NAME);
    if inside.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok(inside);
    }
    let owner = store.metadata()?.uid();
    let name = Digest::of_bytes(store.as_os_str().as_encoded_bytes()).to_hex();
    let folder = PathBuf::from(format!("/tmp/layercake-{owner}"));
    Ok(folder.join(format!("{}.sock", &name[..24])))
}

/// Listens on the socket of a store that this process holds.
///
/// What an earlier process left there is removed: the store's lock says that it is gone.
///
/// # Errors
///
/// Fails when the socket cannot be made, or its folder belongs to somebody else.
pub(crate) fn listen(store: &Path) -> io::Result<Listening> {
    let path = path(store)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    }
    if folder.metadata()?.uid() != store.metadata()?.uid() {
        let message = format!("{} belongs to another user", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    remove_if_there(&path)?;
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Listening { listener, path })
}

/// A socket that is listened on; removed when dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.path) {
            tracing::warn!(%error, "the socket stays behind");
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Connects to the process that holds a store.
///
/// # Errors
///
/// Fails when nobody listens.
pub(crate) async fn connect(store: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path(store)?).await
}

/// Writes one document as a line.
///
/// # Errors
///
/// Fails when the other side is gone.
pub(crate) async fn send<W>(stream: &mut W, document: &impl Serialize) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.flush().await
}

/// Reads one line as a document; nothing when the other side has ended the conversation.
///
/// # Errors
///
/// Fails when the connection breaks, the line is too long, or it is no such document.
///
/// # Cancel safety
///
/// Not cancel safe: a line that was read in part is lost. Give each reader a task of its own.
pub(crate) async fn receive<R, T>(stream: &mut R) -> io::Result<Option<T>>
where
    R: AsyncBufRead + Unpin,
    T: DeserializeOwned,
{
    let mut line = Vec::new();
    stream
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

#[cfg(test)]
mod tests {
    use super::{connect, listen, path, receive, send};

    #[tokio::test]
    async fn a_line_arrives_and_a_stale_socket_is_replaced() {
        let store = tempfile::tempdir().unwrap();
        std::fs::write(path(store.path()).unwrap(), "left behind").unwrap();
        let listening = listen(store.path()).unwrap();
        let mut client = connect(store.path()).await.unwrap();
        send(&mut client, &vec![1, 2]).await.unwrap();
        let (server, _) = listening.listener.accept().await.unwrap();
        let mut server = tokio::io::BufReader::new(server);
        let line: Option<Vec<i32>> = receive(&mut server).await.unwrap();
        assert_eq!(line, Some(vec![1, 2]));
        drop(client);
        assert_eq!(receive::<_, Vec<i32>>(&mut server).await.unwrap(), None);
        drop(listening);
        assert!(connect(store.path()).await.is_err());
    }

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("d".repeat(120));
        std::fs::create_dir(&store).unwrap();
        let socket = path(&store).unwrap();
        assert!(socket.as_os_str().len() <= 100, "{}", socket.display());
        assert_eq!(socket, path(&store).unwrap());
    }
}
