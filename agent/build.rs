//! Compiles the loader (loader/): a program without libraries at an address of its own, which the agent carries along.
use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    for file in ["main.rs", "shim.rs", "x86_64.rs", "loader.ld", "../src/image/format.rs"] {
        println!("cargo::rerun-if-changed=loader/{file}");
    }
    println!("cargo::rustc-check-cfg=cfg(snapshots)");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") != "linux" || target("ARCH") != "x86_64" {
        return;
    }
    println!("cargo::rustc-cfg=snapshots");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("loader.elf");
    let status = Command::new(env::var_os("RUSTC").expect("cargo sets it"))
        .args(["loader/main.rs", "--crate-name", "thaw_loader", "--crate-type", "bin", "--edition", "2024"])
        .args(["-C", "panic=abort", "-C", "opt-level=2", "-C", "relocation-model=pic", "-C", "debuginfo=0"])
        .args(["-C", "force-unwind-tables=no", "-C", "default-linker-libraries=no"])
        .args(["-C", "link-arg=-nostartfiles", "-C", "link-arg=-nostdlib", "-C", "link-arg=-static"])
        .args(["-C", "link-arg=-no-pie", "-C", "link-arg=-fuse-ld=bfd", "-C", "link-arg=-Wl,-Tloader/loader.ld", "-C", "link-arg=-Wl,--build-id=none"])
        .args(["-C", "link-arg=-Wl,-s", "-C", "link-arg=-Wl,-z,noexecstack", "-C", "link-arg=-Wl,-z,max-page-size=4096"])
        .arg("-o")
        .arg(&out)
        .env_remove("RUSTFLAGS")
        .status()
        .expect("rustc runs");
    assert!(status.success(), "the loader could not be compiled");
}
