//! Linux-only wrappers (namespaces, mounts, cgroups, seccomp), used by the launcher.
