//! Requests that are not served.

/// Status and the document of AWS's runtime API.
pub type Refusal = (&'static str, &'static str, &'static str);

pub const NOT_FOUND: Refusal = ("404 Not Found", "NotFound", "There is no such path in the Runtime API");
pub const WRONG_ID: Refusal = ("400 Bad Request", "InvalidRequestID", "Invalid request ID");
pub const WRONG_STATE: Refusal =
    ("403 Forbidden", "InvalidStateTransition", "The runtime may not do this now: State transition is not allowed");
pub const WRONG_MODE: Refusal =
    ("400 Bad Request", "Runtime.InvalidResponseModeHeader", "Invalid Lambda-Runtime-Function-Response-Mode header");
pub const NOT_BOOLEAN: Refusal = ("400 Bad Request", "InvalidRequest", "The body must be true or false");
pub const MALFORMED: Refusal =
    ("400 Bad Request", "InvalidRequest", "The request is not HTTP/1.1 as the Runtime API takes it");
pub const HEAD_TOO_LARGE: Refusal =
    ("431 Request Header Fields Too Large", "InvalidRequest", "The request's headers are too large");
