//! How the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // When its class loader goes, the JVM unloads the library, while a thread of a session may still be in it.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
