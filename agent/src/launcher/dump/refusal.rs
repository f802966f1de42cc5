//! Why there is no image of a process: a word for programs and a sentence for people.
use crate::launcher::failure::Failure;
use std::fmt::Display;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub why: String,
}

pub fn refuse<T>(code: &'static str, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, why: why.into() })
}

/// A step that should have worked.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal { code: "failed", why: failure.to_string() }
    }
}

/// Gives errors a word, and a sentence that names what was looked at.
pub trait OrRefuse<T> {
    fn or_refuse(self, code: &'static str, what: &str) -> Result<T, Refusal>;
}

impl<T, E: Display> OrRefuse<T> for Result<T, E> {
    fn or_refuse(self, code: &'static str, what: &str) -> Result<T, Refusal> {
        self.map_err(|error| Refusal { code, why: format!("{what}: {error}") })
    }
}
