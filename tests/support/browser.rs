//! A real browser without a window, driven by its debugging protocol over two pipes.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                     --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars";

/// One page in a browser. The browser ends with it.
pub struct Browser {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    /// What the page said that nobody asked for.
    events: VecDeque<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Returns a browser with an empty page, where chromium is installed; otherwise says that the test is skipped.
    pub fn open() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
        let Some(program) = names.iter().find(|name| folders.iter().any(|folder| folder.join(name).is_file())) else {
            // Not with eprintln!, which the harness keeps to itself where a test passes.
            let _ =
                writeln!(std::io::stderr(), "skipped: chromium is not installed (Debian: apt-get install chromium)");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // The protocol goes over file descriptors 3 and 4, which only a shell can connect.
        let script = format!(
            "exec {program} {FLAGS} --remote-debugging-pipe --user-data-dir=\"$0\" about:blank 3<&0 4>&1 </dev/null \
             >/dev/null 2>&1"
        );
        let mut process = Command::new("sh")
            .args(["-c", &script])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a shell");
        let (input, output) = (process.stdin.take(), process.stdout.take().unwrap());
        let output = BufReader::new(output);
        let mut browser =
            Self { process, input, output, session: None, last: 0, events: VecDeque::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", target);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the protocol and returns what it answers.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let input = self.input.as_mut().expect("the browser is open");
        input
            .write_all(message.to_string().as_bytes())
            .and_then(|()| input.write_all(&[0]))
            .expect("write to chromium");
        input.flush().expect("write to chromium");
        loop {
            let answer = self.receive();
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push_back(answer);
        }
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).expect("read from chromium");
        assert_eq!(bytes.pop(), Some(0), "chromium ended");
        serde_json::from_slice(&bytes).expect("chromium writes JSON")
    }

    /// Loads a file, and waits until that is done.
    pub fn load(&mut self, path: &Path) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", path.display())}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push_back(event);
        }
    }

    /// Returns the value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Returns what the page has complained of since it was loaded: errors, messages, broken policies.
    pub fn complaints(&self) -> Vec<&Value> {
        let methods =
            ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Page.javascriptDialogOpening"];
        self.events.iter().filter(|event| methods.iter().any(|method| event["method"] == *method)).collect()
    }

    /// Returns what the page has asked for since it was loaded, itself among it.
    pub fn requests(&self) -> Vec<&str> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    pub fn resize(&mut self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Shows the page on a medium (`screen` or `print`), to somebody who prefers `light` or `dark`.
    pub fn show(&mut self, medium: &str, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"media": medium, "features": [feature]}));
    }

    pub fn scripts(&mut self, are_on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": !are_on}));
    }

    /// Prints the page and returns how many pages of paper that takes.
    pub fn printed_pages(&mut self) -> usize {
        let printed = self.call("Page.printToPDF", json!({"printBackground": true}));
        let pdf = STANDARD.decode(printed["data"].as_str().unwrap()).expect("chromium writes Base64");
        // Pages say so in plain text; the list of them has a plural.
        let text = String::from_utf8_lossy(&pdf);
        text.matches("/Type /Page\n").count()
    }

    /// Presses a key and lets it go; `text` is what it types.
    pub fn press(&mut self, key: &str, code: u32, text: &str) {
        let key = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text});
        self.call("Input.dispatchKeyEvent", key.clone());
        let mut up = key;
        up["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", up);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends where its pipe does.
        self.input = None;
        let _ = self.process.wait();
    }
}
