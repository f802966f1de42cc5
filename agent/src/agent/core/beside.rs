//! Extensions: their processes are started here; what they ask is the host's to answer.
use super::Agent;
use crate::agent::boot::c_string;
use crate::agent::work::Phase;
use crate::frames::{self, Broken};
use serde_json::Value;
use std::ffi::CString;

const WRONG: Broken = Broken("EXTEND is not the JSON of PROTOCOL.md");

impl Agent {
    /// Starts external extensions, once, before the runtime.
    pub(super) fn extend(&mut self, payload: &[u8]) -> Result<(), Broken> {
        if self.work.phase != Phase::Down || self.processes.extensions.any() {
            return Err(Broken("EXTEND behind BOOT or another EXTEND"));
        }
        let json: Value = serde_json::from_slice(payload).map_err(|_| WRONG)?;
        let port = json["apiPort"].as_u64().and_then(|port| u16::try_from(port).ok()).ok_or(WRONG)?;
        let listening = self.serve_at(port);
        self.restorable.stand(self.processes.main());
        let port = self.api.as_ref().map_or(0, |api| api.port());
        let mut env: Vec<CString> = vec![c_string(&format!("AWS_LAMBDA_RUNTIME_API=127.0.0.1:{port}"))];
        for (name, value) in json["env"].as_object().ok_or(WRONG)? {
            let value = value.as_str().ok_or(WRONG)?;
            env.push(CString::new(format!("{name}={value}")).map_err(|_| WRONG)?);
        }
        let cwd = json["cwd"].as_str().ok_or(WRONG)?;
        for program in json["extensions"].as_array().ok_or(WRONG)? {
            let program = program.as_str().ok_or(WRONG)?.to_string();
            match &listening {
                Ok(()) => self.processes.extend(&[program], &env, cwd),
                Err(error) => self.processes.extensions.add(Err(error.to_string())),
            }
        }
        Ok(())
    }

    /// The host's answer to a request.
    pub(super) fn reply(&mut self, number: u32, payload: &[u8]) -> Result<(), Broken> {
        let (head, body) = frames::split_reply(payload)?;
        self.api.iter_mut().for_each(|api| api.answer(number, head, body));
        Ok(())
    }
}
