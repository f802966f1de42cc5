//! Why a sandbox could not be made: the step that failed and what the kernel said.
use std::fmt::{Display, Formatter};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub step: String,
    pub message: String,
}

impl Failure {
    pub fn new(step: &str, message: impl Display) -> Failure {
        Failure { step: step.to_string(), message: message.to_string() }
    }
}

impl Display for Failure {
    fn fmt(&self, to: &mut Formatter) -> std::fmt::Result {
        write!(to, "{}: {}", self.step, self.message)
    }
}

/// Names the step of a kernel call that may fail.
pub trait Step<T> {
    fn step(self, name: &str) -> Result<T, Failure>;
}

impl<T, E: Display> Step<T> for Result<T, E> {
    fn step(self, name: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(name, error))
    }
}
