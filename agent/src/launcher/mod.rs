//! Makes sandboxes.
pub fn main(_args: Vec<String>) {
    todo!()
}
