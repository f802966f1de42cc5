//! BOOT: what to run.
use crate::frames::Broken;
use serde_json::Value;
use std::ffi::CString;

pub struct Boot {
    /// the process of the sandbox's image instead of `command`
    pub restore: bool,
    /// alternatives of argv
    pub command: Vec<Vec<String>>,
    pub env: Vec<(String, String)>,
    pub cwd: String,
    /// frames over descriptor 3 are offered beside the Runtime API
    pub frames: bool,
    pub api_port: u16,
    pub max_response: usize,
    /// events that the runtime takes at once
    pub concurrency: u64,
    pub relay: Option<(u16, String)>,
    /// a UDP port whose datagrams are the host's
    pub datagrams: Option<u16>,
}

const WRONG: Broken = Broken("BOOT is not the JSON of PROTOCOL.md");

impl Boot {
    pub fn parse(payload: &[u8]) -> Result<Boot, Broken> {
        let json: Value = serde_json::from_slice(payload).map_err(|_| WRONG)?;
        let mut command = Vec::new();
        for alternative in json["command"].as_array().ok_or(WRONG)? {
            let words = alternative.as_array().ok_or(WRONG)?;
            let argv: Vec<String> = words.iter().map(text).collect::<Result<_, _>>()?;
            if argv.is_empty() {
                return Err(WRONG);
            }
            command.push(argv);
        }
        let mut env = Vec::new();
        for (name, value) in json["env"].as_object().ok_or(WRONG)? {
            env.push((name.clone(), text(value)?));
        }
        let relay = match &json["relay"] {
            Value::Null => None,
            relay => Some((port(&relay["port"])?, text(&relay["socket"])?)),
        };
        Ok(Boot {
            restore: json["restore"].as_bool().unwrap_or(false),
            command,
            env,
            cwd: text(&json["cwd"])?,
            frames: match json["link"].as_str() {
                Some("frames") => true,
                Some("http") => false,
                _ => return Err(WRONG),
            },
            api_port: port(&json["apiPort"])?,
            max_response: json["maxResponseBytes"].as_u64().ok_or(WRONG)? as usize,
            concurrency: json["concurrency"].as_u64().unwrap_or(1),
            relay,
            datagrams: match &json["datagrams"] {
                Value::Null => None,
                given => Some(port(given)?),
            },
        })
    }

    /// `NAME=value` for exec, with what the agent adds.
    pub fn environment(&self, api_port: u16) -> Vec<CString> {
        let own = ["AWS_LAMBDA_RUNTIME_API", "_THAW_LINK_FD"];
        let mut env: Vec<CString> = self
            .env
            .iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .map(|(name, value)| c_string(&format!("{name}={value}")))
            .collect();
        env.push(c_string(&format!("AWS_LAMBDA_RUNTIME_API=127.0.0.1:{api_port}")));
        if self.frames {
            env.push(c_string("_THAW_LINK_FD=3"));
        }
        env
    }
}

/// `text` has been checked for NUL.
pub fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

fn text(value: &Value) -> Result<String, Broken> {
    match value.as_str() {
        Some(text) if !text.contains('\0') => Ok(text.to_string()),
        _ => Err(WRONG),
    }
}

fn port(value: &Value) -> Result<u16, Broken> {
    value.as_u64().and_then(|port| u16::try_from(port).ok()).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"command":[["/a","b"]],"env":{"K":"v","_THAW_LINK_FD":"9"},"cwd":"/","link":"frames","apiPort":0,
        "maxResponseBytes":100,"relay":{"port":4566,"socket":"/s"}}"#;

    #[test]
    fn the_agent_s_own_variables_win_over_those_of_boot() {
        let env = Boot::parse(GOOD.as_bytes()).unwrap().environment(9001);
        let env: Vec<_> = env.iter().map(|e| e.to_str().unwrap()).collect();
        assert_eq!(env, ["K=v", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", "_THAW_LINK_FD=3"]);
    }

    #[test]
    fn anything_missing_or_of_another_type_is_refused() {
        for (from, to) in [
            ("\"command\":[[\"/a\",\"b\"]]", "\"command\":[[]]"),
            ("\"frames\"", "\"other\""),
            ("4566", "70000"),
            ("\"v\"", "1"),
            ("\"v\"", "\"\\u0000\""),
            ("\"cwd\":\"/\",", ""),
        ] {
            assert!(GOOD.contains(from));
            assert!(Boot::parse(GOOD.replace(from, to).as_bytes()).is_err(), "{from} as {to}");
        }
    }
}
