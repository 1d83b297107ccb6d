mod steps;

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool};
use futures_util::future::try_join_all;
use futures_util::{SinkExt, TryStreamExt};
use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use steps::*;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config, Error, Notification};

fn tls() -> MakeTlsConnector {
    let ca = std::fs::read(variable("CA")).unwrap();
    let connector = TlsConnector::builder()
        .disable_built_in_roots(true)
        .add_root_certificate(Certificate::from_pem(&ca).unwrap())
        .build()
        .unwrap();
    MakeTlsConnector::new(connector)
}

fn settings() -> Config {
    let mut config = Config::new();
    config
        .host(variable("HOST"))
        .port(variable("PORT").parse().unwrap())
        .dbname(variable("DATABASE"))
        .user(variable("USER"))
        .application_name(variable("APPLICATION"))
        .ssl_mode(SslMode::Require)
        .connect_timeout(Duration::from_secs(10));
    config
}

struct Session {
    client: Client,
    parameters: Vec<String>,
    notifications: mpsc::UnboundedReceiver<Notification>,
    driving: JoinHandle<()>,
}

async fn connect(password: &str) -> Result<Session, Error> {
    let (client, mut connection) = settings().password(password).connect(tls()).await?;
    let parameters = PARAMETERS
        .iter()
        .map(|name| connection.parameter(name).unwrap_or("not told").to_owned())
        .collect();
    let (sender, notifications) = mpsc::unbounded_channel();
    let driving = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification);
            }
        }
    });
    Ok(Session {
        client,
        parameters,
        notifications,
        driving,
    })
}

async fn open() -> Result<Session, Error> {
    connect(&variable("PASSWORD")).await
}

fn sqlstate(error: &Error) -> Option<&str> {
    error.code().map(|code| code.code())
}

async fn connects(password: &str) -> Outcome {
    let session = connect(password).await?;
    let row = session
        .client
        .query_one("select session_user::text", &[])
        .await?;
    check(row.get::<_, String>(0) == variable("USER"), "another role")?;
    drop(session.client);
    session.driving.await?;
    Ok(String::new())
}

async fn server_parameters() -> Outcome {
    Ok(parameters(&open().await?.parameters))
}

async fn transaction() -> Outcome {
    let mut client = open().await?.client;
    client.batch_execute("create temp table t (id int)").await?;
    let transaction = client.transaction().await?;
    transaction
        .execute("insert into t values ($1)", &[&1])
        .await?;
    transaction.commit().await?;
    let transaction = client.transaction().await?;
    transaction
        .execute("insert into t values ($1)", &[&2])
        .await?;
    transaction.rollback().await?;
    let count: i64 = client
        .query_one("select count(*) from t", &[])
        .await?
        .get(0);
    check(count == 1, "commit or rollback did not hold")?;
    Ok(String::new())
}

async fn error() -> Outcome {
    let client = open().await?.client;
    let failure = client.query("select 1/0", &[]).await.unwrap_err();
    check(sqlstate(&failure) == Some("22012"), &failure.to_string())?;
    let one: i32 = client.query_one("select $1::int", &[&1]).await?.get(0);
    check(one == 1, "the session is not usable")?;
    Ok(String::new())
}

async fn copy() -> Outcome {
    let client = open().await?.client;
    client
        .batch_execute("create temp table t (id int, text text)")
        .await?;
    let lines = copy_lines();
    let sink = client.copy_in("copy t from stdin").await?;
    let mut sink: Pin<Box<_>> = Box::pin(sink);
    sink.send(std::io::Cursor::new(lines.clone().into_bytes()))
        .await?;
    sink.as_mut().finish().await?;
    let out = client.copy_out("copy t to stdout").await?;
    let parts: Vec<_> = out.try_collect().await?;
    let copied: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    check(copied == lines.as_bytes(), "other lines came out")?;
    Ok(String::new())
}

async fn large_result() -> Outcome {
    let client = open().await?.client;
    let text: String = client.query_one(BIG, &[]).await?.get(0);
    check(text.len() == BIG_BYTES, "not the whole value")?;
    Ok(String::new())
}

async fn cancel() -> Outcome {
    let client = open().await?.client;
    let token = client.cancel_token();
    let started = Instant::now();
    let canceller = tokio::spawn(async move {
        // A request that comes before the statement does nothing.
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _ = token.cancel_query(tls()).await;
        }
    });
    let failure = client.query("select pg_sleep(30)", &[]).await.unwrap_err();
    canceller.abort();
    check(sqlstate(&failure) == Some("57014"), &failure.to_string())?;
    check(started.elapsed() < Duration::from_secs(10), "too late")?;
    Ok(String::new())
}

async fn notify() -> Outcome {
    let mut listener = open().await?;
    let sender = open().await?;
    listener.client.batch_execute("listen news").await?;
    sender.client.batch_execute("notify news, 'hello'").await?;
    let received = tokio::time::timeout(Duration::from_secs(10), listener.notifications.recv());
    let payload = received
        .await?
        .map(|notification| notification.payload().to_owned());
    check(payload.as_deref() == Some("hello"), "another notification")?;
    Ok(String::new())
}

async fn pipeline() -> Outcome {
    let client = open().await?.client;
    let statement = client.prepare("select $1::int").await?;
    let numbers: Vec<i32> = (0..100).collect();
    let rows = try_join_all(numbers.iter().map(|i| {
        let (client, statement) = (&client, &statement);
        async move { client.query_one(statement, &[i]).await }
    }))
    .await?;
    let values: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    check(values == numbers, "out of order")?;
    Ok("by polling futures together".to_owned())
}

async fn is_refused(password: &str) -> Outcome {
    match connect(password).await {
        Ok(_) => Err("logged in".into()),
        Err(failure) => {
            let hint = failure.as_db_error().and_then(|error| error.hint());
            let hint = hint
                .map(|hint| format!(" HINT: {hint}"))
                .unwrap_or_default();
            let shown = failure
                .as_db_error()
                .map(|error| error.message().to_owned());
            let shown = shown.unwrap_or_else(|| failure.to_string());
            Ok(refused(sqlstate(&failure), &format!("{shown}{hint}")))
        }
    }
}

/// Opens every connection of a pool with a token of its own.
struct TokenConnect(std::sync::Arc<FreshTokens>);

impl Connect for TokenConnect {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<
        Box<dyn std::future::Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>,
    > {
        let mut config = config.clone();
        Box::pin(async move {
            config.password(self.0.next());
            let (client, connection) = config.connect(tls()).await?;
            let driving = tokio::spawn(async move {
                let _ = connection.await;
            });
            Ok((client, driving))
        })
    }
}

async fn fresh_token() -> Outcome {
    let tokens = std::sync::Arc::new(FreshTokens::new());
    let connect = TokenConnect(tokens.clone());
    let manager = Manager::from_connect(settings(), connect, ManagerConfig::default());
    let pool = Pool::builder(manager).max_size(2).build()?;
    let (one, other) = (pool.get().await?, pool.get().await?);
    let mut pids = vec![];
    for client in [&one, &other] {
        pids.push(
            client
                .query_one("select pg_backend_pid()", &[])
                .await?
                .get::<_, i32>(0),
        );
    }
    check(
        pids[0] != pids[1] && tokens.are_used(),
        "not two connections by two tokens",
    )?;
    Ok(String::new())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // As Cargo.toml pins them.
    version("tokio-postgres 0.7.18, deadpool-postgres 0.14.2, native-tls");
    step("connect", connects(&variable("PASSWORD"))).await;
    step("parameters", server_parameters()).await;
    step("transaction", transaction()).await;
    step("error", error()).await;
    step("copy", copy()).await;
    step("large-result", large_result()).await;
    step("cancel", cancel()).await;
    step("notify", notify()).await;
    step("pipeline", pipeline()).await;
    step("large-token", connects(&variable("PASSWORD_LARGE"))).await;
    step("wrong-token", is_refused(&variable("PASSWORD_WRONG"))).await;
    step("expired-token", is_refused(&variable("PASSWORD_EXPIRED"))).await;
    step("fresh-token", fresh_token()).await;
}
