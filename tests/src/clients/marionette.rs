use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{DEADLINE, in_time};

/// The wire by which Firefox is driven: commands and answers in JSON, each after its length and a colon.
pub(super) struct Marionette {
    stream: TcpStream,
    commands: u64,
}

impl Marionette {
    /// Connects to that port, and begins a session in which questions of the browser's are left to the test.
    pub(super) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut marionette = Self { stream, commands: 0 };
        let hello = in_time("the browser's greeting", marionette.read()).await;
        assert_eq!(hello["marionetteProtocol"], 3, "{hello}");
        let deadline = u64::try_from(DEADLINE.as_millis()).unwrap();
        let wanted = json!({"unhandledPromptBehavior": "ignore", "timeouts": {"script": deadline}});
        marionette.command("WebDriver:NewSession", wanted).await;
        marionette
    }

    /// Runs a script in the browser's own window, and returns what it gives to its last argument, which is a function.
    pub(super) async fn in_browser(&mut self, script: &str, arguments: Value) -> Value {
        self.run("chrome", script, arguments).await
    }

    /// The same in the page.
    pub(super) async fn in_page(&mut self, script: &str, arguments: Value) -> Value {
        self.run("content", script, arguments).await
    }

    async fn run(&mut self, context: &str, script: &str, arguments: Value) -> Value {
        self.command("Marionette:SetContext", json!({"value": context})).await;
        let call = json!({"script": script, "args": arguments});
        self.command("WebDriver:ExecuteAsyncScript", call).await["value"].take()
    }

    /// Gives a command; again, where the browser has a question on its screen: until that is answered nothing is done.
    async fn command(&mut self, name: &str, parameters: Value) -> Value {
        let doing = async {
            loop {
                let answer = self.answer(name, &parameters).await;
                if answer[2]["error"] != "unexpected alert open" {
                    return answer;
                }
            }
        };
        let mut answer = in_time(name, doing).await;
        assert!(answer[2].is_null(), "{name} {parameters}: {answer}");
        answer[3].take()
    }

    async fn answer(&mut self, name: &str, parameters: &Value) -> Value {
        self.commands += 1;
        let text = json!([0, self.commands, name, parameters]).to_string();
        self.stream.write_all(format!("{}:{text}", text.len()).as_bytes()).await.unwrap();
        let answer = self.read().await;
        assert_eq!((&answer[0], &answer[1]), (&json!(1), &json!(self.commands)), "{answer}");
        answer
    }

    async fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            match self.stream.read_u8().await.unwrap() {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).await.unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}
