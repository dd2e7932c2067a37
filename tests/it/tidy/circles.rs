//! Circles of imports between the files of `src`: which file uses which, and
//! the groups of files that use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Path, Source};
use super::{File, Module};

/// Modules by path, with what each re-exports.
struct Tree<'f> {
    files: BTreeMap<Vec<String>, &'f str>,
    exports: BTreeMap<(Vec<String>, String), Vec<String>>,
}

/// The groups of two or more files that use each other, in a circle or
/// directly. Not counted are test code, and what a parent uses of the modules
/// it contains: these may use their parent.
pub(super) fn circles(files: &[File], tests: &BTreeSet<String>) -> Vec<Vec<String>> {
    let mut tree = Tree { files: BTreeMap::new(), exports: BTreeMap::new() };
    let mut read = Vec::new();
    for file in files.iter().filter(|file| !tests.contains(&file.name)) {
        let Some(module) = Module::of(&file.name) else { continue };
        if file.name == "src/main.rs" {
            continue;
        }
        tree.files.insert(module.path.clone(), &file.name);
        read.push((file, module, Source::read(&file.text)));
    }
    for (_, module, source) in &read {
        for (path, name) in source.exports() {
            if let Some(target) = tree.absolute(module, &path) {
                tree.exports.insert((module.path.clone(), name), target);
            }
        }
    }
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, module, source) in &read {
        let targets = uses.entry(file.name.as_str()).or_default();
        let paths = source.paths();
        let paths = paths.iter().filter(|path| !path.exported);
        let target = |path: &Path| tree.file(tree.absolute(module, path)?);
        let contained = |target: &&str| Module::of(target).is_some_and(|m| m.path.starts_with(&module.path));
        targets.extend(paths.filter_map(target).filter(|target| !contained(target)));
        targets.remove(file.name.as_str());
    }
    groups(&uses)
}

impl<'f> Tree<'f> {
    /// The path from the root of the crate, if it leads into the crate.
    fn absolute(&self, module: &Module, path: &Path) -> Option<Vec<String>> {
        let supers = path.parts.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path.parts[0].as_str() {
            "crate" => (0, &path.parts[1..]),
            "self" => (module.path.len(), &path.parts[1..]),
            "super" if supers <= path.nested => return None,
            "super" => (module.path.len().checked_sub(supers - path.nested)?, &path.parts[supers..]),
            _ => (module.path.len(), &path.parts[..]),
        };
        let target: Vec<String> = module.path[..base].iter().chain(rest).cloned().collect();
        let enters = path.parts[0] != "super" && path.parts[0] != "crate" && path.parts[0] != "self";
        let child = &target[..(module.path.len() + 1).min(target.len())];
        (!enters || self.files.contains_key(child)).then_some(target)
    }

    /// The file that defines what a path names, through re-exports.
    fn file(&self, mut path: Vec<String>) -> Option<&'f str> {
        for _ in 0..8 {
            let module = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
            let name = path.get(module);
            let export = name.and_then(|name| self.exports.get(&(path[..module].to_vec(), name.clone())));
            match export {
                Some(target) => {
                    path = target.iter().chain(path.iter().skip(module + 1)).cloned().collect();
                }
                None if module == 0 => return None,
                None => return self.files.get(&path[..module]).copied(),
            }
        }
        None
    }
}

/// The strongly connected components of more than one file.
fn groups(uses: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|from| (*from, reach(uses, from))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (from, targets) in &reached {
        let both = |to: &&&str| reached.get(**to).is_some_and(|back| back.contains(from));
        let group: Vec<String> = targets.iter().filter(both).map(|to| (*to).to_owned()).collect();
        if group.len() > 1 {
            found.insert(group);
        }
    }
    found.into_iter().collect()
}

/// All files that a file uses, directly and through others.
fn reach<'a>(uses: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = uses.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(uses.get(file).into_iter().flatten());
        }
    }
    reached
}
