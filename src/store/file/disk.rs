//! File system queries: device, free space, access rights, network file systems.
//! Used before something is written, so that an operation that would fail does
//! not begin.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The device number of the file system of a path.
pub(crate) fn device(path: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(path)?.dev())
}

/// The free space that this process may use on the file system of a path, in
/// bytes.
pub(crate) fn free_space(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Succeeds if this process may write to a path. Fails also on a file system
/// that is mounted read-only.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)?)
}

/// Succeeds if this process may execute a file.
pub(crate) fn check_executable(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// The permission bits of a file, as for `chmod`.
#[cfg(unix)]
pub(crate) fn permissions(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

/// The permission bits of a file: always `0o600`, since they are not known on
/// this system.
#[cfg(not(unix))]
pub(crate) fn permissions(path: &Path) -> io::Result<u32> {
    std::fs::metadata(path).map(|_| 0o600)
}

/// The name of the network file system of a path; `None` on a local disk. File
/// locks and fsync are not reliable on a network file system.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    Ok(network_of(rustix::fs::statfs(path)?.f_type as i64))
}

/// The name for a magic number of `statfs(2)`. Where the number has 32 bits,
/// its highest bit arrives as the sign.
#[cfg(target_os = "linux")]
fn network_of(magic: i64) -> Option<&'static str> {
    let known = NETWORK_MAGIC.iter().find(|(number, _)| i64::from(*number) == magic & 0xFFFF_FFFF);
    known.map(|(_, name)| *name)
}

/// The name of the network file system of a path: not known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// Magic numbers of `statfs(2)`. FUSE counts as a network file system: what is
/// behind it is not known, and it usually is one.
#[cfg(target_os = "linux")]
const NETWORK_MAGIC: [(u32, &str); 9] = [
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

/// Flushes a folder, so that renames in it survive a power failure.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The parent folder of a file.
pub(crate) fn parent_folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// The path of the database with a suffix, such as `journey.db-wal`.
pub(crate) fn with_suffix(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_recognised_and_local_ones_are_not() {
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
        // The query itself succeeds on whatever file system the test runs.
        network_file_system(Path::new(".")).expect("the system says");
    }
}
