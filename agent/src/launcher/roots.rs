//! Roots of container images. One mount each, shared by all sandboxes of the image: what copies of a process have mapped is
//! then the same file on the same device in each of them.
use super::failure::{Failure, Step};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Mounts that are kept; one that was given up is made again.
const KEPT: usize = 64;

/// Which directory of the host is mounted where.
#[derive(Default)]
pub struct Roots {
    /// the one used last stands last
    known: Vec<Root>,
    made: u64,
}

struct Root {
    path: String,
    identity: (u64, u64),
    inside: String,
}

impl Roots {
    /// Where `path` is, unless another directory has taken its place; and mounts that nobody needs any more.
    pub fn find(&mut self, path: &str) -> Result<(Option<String>, Vec<String>), Failure> {
        let identity = identity(path)?;
        let mut stale = Vec::new();
        if let Some(at) = self.known.iter().position(|root| root.path == path) {
            let root = self.known.remove(at);
            if root.identity == identity {
                let inside = root.inside.clone();
                self.known.push(root);
                return Ok((Some(inside), stale));
            }
            stale.push(root.inside);
        }
        while self.known.len() >= KEPT {
            stale.push(self.known.remove(0).inside);
        }
        Ok((None, stale))
    }

    pub fn add(&mut self, path: &str) -> Result<String, Failure> {
        let inside = format!("/roots/{}", self.made);
        self.made += 1;
        self.known.push(Root { path: path.to_string(), identity: identity(path)?, inside: inside.clone() });
        Ok(inside)
    }

    pub fn forget(&mut self, path: &str) {
        self.known.retain(|root| root.path != path);
    }
}

fn identity(path: &str) -> Result<(u64, u64), Failure> {
    let found = fs::metadata(path).step("root")?;
    if !found.is_dir() {
        return Err(Failure::new("root", format!("{path} is not a directory")));
    }
    Ok((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_found_until_another_directory_takes_its_place() {
        let path = std::env::temp_dir().join(format!("thaw-roots-{}", std::process::id()));
        let text = path.to_string_lossy().into_owned();
        fs::create_dir_all(&path).unwrap();
        let mut roots = Roots::default();
        assert_eq!(roots.find(&text).unwrap(), (None, vec![]));
        let inside = roots.add(&text).unwrap();
        assert_eq!(roots.find(&text).unwrap().0, Some(inside.clone()));
        // its number is not given to the next one while it is there
        let old = path.with_extension("old");
        fs::rename(&path, &old).unwrap();
        fs::create_dir_all(&path).unwrap();
        assert_eq!(roots.find(&text).unwrap(), (None, vec![inside]));
        fs::remove_dir_all(&path).unwrap();
        fs::remove_dir_all(&old).unwrap();
    }

    #[test]
    fn the_longest_unused_give_way() {
        let mut roots = Roots::default();
        let inside: Vec<String> = (0..KEPT).map(|_| roots.add("/").unwrap()).collect();
        let (_, stale) = roots.find("/tmp").unwrap();
        assert_eq!(stale, inside[..1]);
    }
}
