//! What files lie on: how much room there is, whether it is a network, who
//! may write. Asked before something is written, so that nothing is touched
//! that cannot be finished.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which disk a file or folder is on.
///
/// # Errors
///
/// Where it cannot be asked.
pub(crate) fn device(path: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(path)?.dev())
}

/// The room that this process may take on the file system of a file or
/// folder, in bytes.
///
/// # Errors
///
/// Where the system does not say.
pub(crate) fn free(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// May this process write there? Also no on a file system that is mounted to
/// be read only.
///
/// # Errors
///
/// Why not, in the words of the system.
pub(crate) fn may_write(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)?)
}

/// May this process start that program?
///
/// # Errors
///
/// Why not, in the words of the system.
pub(crate) fn may_run(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// Who may do what with a file: the nine bits, as `chmod` takes them.
///
/// # Errors
///
/// Where it is not there, or cannot be asked.
#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

/// Who may do what with a file: its owner alone, as far as is known here.
///
/// # Errors
///
/// Where it is not there, or cannot be asked.
#[cfg(not(unix))]
pub(crate) fn mode(path: &Path) -> io::Result<u32> {
    std::fs::metadata(path).map(|_| 0o600)
}

/// The name of the network file system that a path lies on; `None` on a local
/// disk. On a network locks and flushes are promises that nobody keeps (F68).
///
/// # Errors
///
/// Where the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn network(path: &Path) -> io::Result<Option<&'static str>> {
    Ok(network_of(rustix::fs::statfs(path)?.f_type as i64))
}

/// The same of what `statfs(2)` says; where its number has 32 bits, the
/// highest of them comes as a sign.
#[cfg(target_os = "linux")]
fn network_of(magic: i64) -> Option<&'static str> {
    let known = NETWORKS.iter().find(|(number, _)| i64::from(*number) == magic & 0xFFFF_FFFF);
    known.map(|(_, name)| *name)
}

/// The name of the network file system that a path lies on: not known here.
///
/// # Errors
///
/// None.
#[cfg(not(target_os = "linux"))]
pub(crate) fn network(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// The numbers of `statfs(2)`. FUSE is one of them: what is behind it is not
/// known, and mostly it is a network.
#[cfg(target_os = "linux")]
const NETWORKS: [(u32, &str); 9] = [
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x517B, "SMB"),
    (0x5346_414F, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x0BD0_0BD0, "Lustre"),
    (0x6573_5546, "FUSE"),
];

/// Sees to it that the names in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn f68_networks_are_known_by_their_number_and_disks_are_none() {
        for (magic, name) in [
            (0x6969, "NFS"),
            (0xFF53_4D42, "CIFS"),
            (i64::from(0xFF53_4D42_u32.cast_signed()), "CIFS"),
            (0xFE53_4D42, "SMB"),
            (0x0102_1997, "9P"),
            (0x6573_5546, "FUSE"),
        ] {
            assert_eq!(network_of(magic), Some(name), "{magic:#x}");
        }
        // ext4, XFS, Btrfs, ZFS, memory, overlay, and nothing.
        for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x2FC1_2FC1, 0x0102_1994, 0x794C_7630, 0] {
            assert_eq!(network_of(magic), None, "{magic:#x}");
        }
        // Whatever it lies on here, it is asked and answers.
        network(Path::new(".")).expect("the system says");
    }
}
