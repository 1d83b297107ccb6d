//! What the clients in Rust share: the settings, and one JSON line for each step.

use std::env;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

pub const BIG_BYTES: usize = 5_000_000;
pub const BIG: &str = "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)";
pub const PARAMETERS: [&str; 4] = [
    "server_version",
    "application_name",
    "client_encoding",
    "TimeZone",
];

pub type Outcome = Result<String, Box<dyn Error + Send + Sync>>;

pub fn variable(name: &str) -> String {
    env::var(format!("DRIVER_{name}")).unwrap_or_else(|_| panic!("DRIVER_{name} is not set"))
}

/// The driver has no such thing; the text says what is known about it.
#[derive(Debug)]
pub struct Limit(pub &'static str);

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Error for Limit {}

/// Gives another token at every call, as a function that asks an identity provider would.
pub struct FreshTokens(Mutex<Vec<String>>);

impl FreshTokens {
    pub fn new() -> Self {
        Self(Mutex::new(vec![
            variable("PASSWORD_FRESH_2"),
            variable("PASSWORD_FRESH_1"),
        ]))
    }

    pub fn next(&self) -> String {
        self.0
            .lock()
            .unwrap()
            .pop()
            .expect("asked for a third token")
    }

    pub fn are_used(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

pub fn copy_lines() -> String {
    (0..20_000)
        .map(|i| format!("{i}\tline number {i}\n"))
        .collect()
}

pub fn parameters(values: &[String]) -> String {
    let pairs: Vec<String> = PARAMETERS
        .iter()
        .zip(values)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join(", ")
}

pub fn refused(sqlstate: Option<&str>, message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    format!("{}: {}", sqlstate.unwrap_or("no SQLSTATE"), words.join(" "))
}

pub fn check(is_so: bool, what: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    if is_so {
        Ok(())
    } else {
        Err(what.into())
    }
}

pub fn version(text: &str) {
    report("version", "true", text);
}

pub async fn step(name: &str, run: impl Future<Output = Outcome>) {
    match tokio::time::timeout(Duration::from_secs(60), run).await {
        Err(_) => report(name, "false", "not in time"),
        Ok(Ok(detail)) => report(name, "true", &detail),
        Ok(Err(error)) => match error.downcast_ref::<Limit>() {
            Some(limit) => report(name, "null", limit.0),
            None => report(name, "false", &format!("{error} ({error:?})")),
        },
    }
}

fn report(name: &str, ok: &str, detail: &str) {
    let mut text = String::new();
    for character in detail.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control < ' ' => text.push_str(&format!("\\u{:04x}", control as u32)),
            other => text.push(other),
        }
    }
    println!(r#"{{"step":"{name}","ok":{ok},"detail":"{text}"}}"#);
}
